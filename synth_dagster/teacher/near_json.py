"""The JSON objects in a model's text, also those with a slip that every reader would overlook.

Overlooked are: a comma after the last item, single quotes, keys without quotes, Python's True, False and None, and line
breaks that should have been escaped. Nothing is guessed: the characters of every string are those of the text, and what
is cut, or begins inside something that is cut, is no object.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_OBJECTS = 16  # places in a text where the reply's object may begin
DEEPEST = 100

CUT = -1  # instead of where an object ends

_TOKEN = re.compile(
    r"""(?P<double>"[^"\\]*(?:\\.[^"\\]*)*") | (?P<single>'[^'\\]*(?:\\.[^'\\]*)*')
      | (?P<mark>[{}\[\],:]) | (?P<word>[^\s"'{}\[\],:]+) | (?P<space>\s+)""",
    re.DOTALL | re.VERBOSE,
)
_BEGUN = re.compile(r"""\{\s*(?:["'}]|[A-Za-z_]\w*\s*:|$)""")  # this is JSON, whatever comes after it
_PYTHON = {"True": "true", "False": "false", "None": "null"}


def objects(text: str) -> Iterator[Any]:
    """The objects at the top level of a text, the longest first."""
    found: list[tuple[int, Any]] = []
    start = text.find("{")
    for _ in range(MOST_OBJECTS):
        if start < 0:
            break
        value, end = _object_at(text, start)
        if value is not None:
            found.append((end - start, value))
        if end == CUT:
            if _BEGUN.match(text, start):
                break  # whatever follows stands inside it
            end = start + 1  # a brace among words
        start = text.find("{", end)
    return (value for _, value in sorted(found, key=lambda item: -item[0]))


def _object_at(text: str, start: int) -> tuple[Any, int]:
    """The object that begins there, or None, and where it ends, or CUT."""
    try:
        return json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    tokens, end = _tokens(text, start)
    if end == CUT:
        return None, CUT
    try:
        return json.loads("".join(_mended(tokens))), end
    except (ValueError, RecursionError):
        return None, end


def _tokens(text: str, start: int) -> tuple[list[tuple[str, str]], int]:
    """The tokens of the object that begins there, each with its kind and without spaces, and where it ends, or CUT."""
    tokens: list[tuple[str, str]] = []
    depth, at = 0, start
    while (match := _TOKEN.match(text, at)) and depth <= DEEPEST:
        kind, said, at = str(match.lastgroup), match.group(), match.end()
        if kind != "space":
            tokens.append((kind, said))
        depth += (said in "{[") - (said in "}]") if kind == "mark" else 0
        if depth == 0:
            return tokens, at
    return [], CUT


def _mended(tokens: list[tuple[str, str]]) -> Iterator[str]:
    """The tokens as JSON has them."""
    words = ["", *(said for _, said in tokens), ""]
    for (kind, said), before, after in zip(tokens, words, words[2:], strict=False):
        if kind in ("double", "single"):
            yield _string(said)
        elif kind == "word":
            yield json.dumps(said) if after == ":" and said.isidentifier() else _PYTHON.get(said, said)
        elif not (said == "," and after in ("}", "]") and before not in ("{", "[", ",", ":")):
            yield said
        yield " "  # what only a space parted must not become one


def _string(quoted: str) -> str:
    """A string in single or double quotes as JSON writes it, with the escapes that it has."""
    body = re.sub(r"""\\(.)|(")""", _escape, quoted[1:-1], flags=re.DOTALL)
    body = re.sub(r"[\x00-\x1f]", lambda found: json.dumps(found.group())[1:-1], body)
    return f'"{body}"'


def _escape(found: re.Match[str]) -> str:
    """JSON knows no escaped apostrophe, and its strings hold no bare quotation mark."""
    if found.group(2):
        return '\\"'
    return "'" if found.group(1) == "'" else found.group()
