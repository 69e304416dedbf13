"""Which texts a regular expression can match at all, found for a whole column at once by RE2 in Arrow.

Python's `re` tries a pattern at every character of every text; RE2 reads each character once, whatever the pattern. It
knows no look-around and other classes of characters, so a pattern is loosened first: what it matches, the loosened one
matches too, in the same text. Only the few texts that are left are searched with the pattern itself.
"""

import re
from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.threads import in_threads

_TOGETHER = 4  # patterns that one automaton looks for: more have too many states
_TEXTS_AT_ONCE = 4_096
_ABOVE = r"\x{80}-\x{10FFFF}"  # a class of Python's may hold any character beyond ASCII
_CLASSES = {r"\w": rf"0-9A-Za-z_{_ABOVE}", r"\s": rf"\t-\r\x1c-\x20{_ABOVE}", r"\d": rf"0-9{_ABOVE}"}
_ANYTHING = r"[\x{0}-\x{10FFFF}]"
_FEW, _MANY = 3, 40  # repetitions that are kept as they are, and those that are kept as a least number
_TOKEN = re.compile(
    r"""\[\^?\]?(?:\\.|[^\]\\])*\]   # a class
      | \\.                          # an escape
      | \(\?(?:<[!=]|[!=])           # look-around
      | \{(?P<least>\d+)(?P<range>,)?(?P<most>\d*)\}
      | .""",
    re.VERBOSE | re.DOTALL,
)
_DOTLESS = "ıİ"  # equal to i where Python ignores case, and not where RE2 does


def may_match(texts: pa.Array, patterns: Sequence[re.Pattern[str]]) -> np.ndarray:
    """For each text, and none for null, whether one of the patterns may match it: false is certain, true is not."""
    if not len(texts):
        return np.zeros(0, bool)  # without the automata, which take longer to make than a short column to read
    joined = [_any_of(patterns[at : at + _TOGETHER]) for at in range(0, len(patterns), _TOGETHER)]
    chunks = [texts.slice(at, _TEXTS_AT_ONCE) for at in range(0, len(texts), _TEXTS_AT_ONCE)]
    matched = partial(_matched, patterns=joined, ignore_case=_ignore_case(patterns))
    found = list(in_threads(matched, chunks))
    return np.concatenate([np.zeros(0, bool), *found])


def which_match(texts: pa.Array, patterns: Sequence[re.Pattern[str]]) -> np.ndarray:
    """Shape (patterns, texts): the same for each pattern by itself, for a few texts."""
    found = np.zeros((len(patterns), len(texts)), bool)
    plain = _dotted(texts) if _ignore_case(patterns) else pc.fill_null(texts, "")
    for place, pattern in enumerate(patterns):
        found[place] = _hits(plain, loosened(pattern))
    return found


def _matched(texts: pa.Array, patterns: Sequence[str], ignore_case: bool) -> np.ndarray:
    found = np.zeros(len(texts), bool)
    plain = _dotted(texts) if ignore_case else pc.fill_null(texts, "")
    for pattern in patterns:
        found |= _hits(plain, pattern)
    return found


def _ignore_case(patterns: Sequence[re.Pattern[str]]) -> bool:
    return any(pattern.flags & re.IGNORECASE for pattern in patterns)


def _dotted(texts: pa.Array) -> pa.Array:
    plain = pc.fill_null(texts, "")
    if pc.all(pc.string_is_ascii(plain)).as_py():  # type: ignore[attr-defined]
        return plain  # which costs a tenth of replacing nothing
    return pc.replace_substring_regex(plain, f"[{_DOTLESS}]", "i")  # type: ignore[attr-defined]


def _hits(texts: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]


def _any_of(patterns: Sequence[re.Pattern[str]]) -> str:
    return "|".join(f"(?:{loosened(pattern)})" for pattern in patterns)


@cache
def loosened(of: re.Pattern[str]) -> str:
    """A pattern for RE2 that matches every text in which this one of Python's finds something.

    Of look-around two kinds stay, as a part of the match: a lookahead for something, which must close its branch, and
    what must not stand before the whole, where it is one character.
    """
    pattern = of.pattern.replace("(?i)", "")
    flags = "i" if of.flags & re.IGNORECASE else ""
    before, at = _loosened_before(pattern)
    made: list[str] = [f"(?m{flags})", before]
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        assert token is not None
        if token[0] in ("(?!", "(?<!", "(?<="):
            at = _end_of_group(pattern, at)
            continue
        made.append(_loosened_token(token))
        at = token.end()
    return "".join(made)


def _loosened_before(pattern: str) -> tuple[str, int]:
    """The lookbehind that a pattern begins with, if it is against one class, and where the rest begins."""
    found = re.match(r"\(\?<!\[((?:\\.|[^\]\\])*)\]\)", pattern)
    if found is None:
        return "", 0
    members = found[1].replace(r"\w", "0-9A-Za-z_").replace(r"\d", "0-9")  # fewer are refused than Python refuses
    return rf"(?:\A|[^{members}])", found.end()


def _loosened_token(token: re.Match[str]) -> str:
    text = token[0]
    if text in (r"\b", r"\B"):
        return ""
    if re.fullmatch(r"\\[1-9]", text):
        return f"{_ANYTHING}*"
    if text == "(?=":
        return "(?:"
    if text.startswith("["):
        return _loosened_class(text)
    if token["least"] is not None:
        return _loosened_count(token)
    return f"[{_CLASSES[text]}]" if text in _CLASSES else text


def _loosened_class(text: str) -> str:
    if text.startswith("[^"):
        return text if not any(name in text for name in _CLASSES) else _ANYTHING
    return re.sub(r"\\[wsd]", lambda found: _CLASSES[found[0]], text)


def _loosened_count(token: re.Match[str]) -> str:
    most = token["most"] if token["range"] else token["least"]
    if most and int(most) <= _FEW:
        return token[0]
    return f"{{{min(int(token['least']), _MANY)},}}"  # a most would multiply the states of the automaton


def _end_of_group(pattern: str, at: int) -> int:
    """Where the group ends that begins here."""
    depth = 0
    while True:
        token = _TOKEN.match(pattern, at)
        assert token is not None
        depth += token[0].startswith("(") - (token[0] == ")")
        at = token.end()
        if depth == 0:
            return at
