"""Texts of records on a page, as their reader would see them: lines stay lines, and code stays code."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any

Row = Mapping[str, Any]
Turn = Mapping[str, Any]

MOST = 600  # characters of a text that an example shows
BEGINNING = 80  # of one that was dropped
ALIKE = 0.75  # share of words in which two texts agree, from which on what is new is set in bold

_MARK = re.compile(r"[<`#\[\]_|\\*$~]")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(?:def|class|import|from|#!|async def) ?\S|^ {4}\S", re.MULTILINE)
_BOLD = "\x00"  # begins and ends what is new, until marks are escaped


def shown(row: Row, old: Sequence[Row] = ()) -> str:
    """A record in Markdown; words that none of the old ones has are bold, where it is nearly one of them."""
    if "messages" in row:
        return turns(row["messages"], _turns_of(old))
    if "chosen" in row:
        return "\n\n".join(f"*{side}*:{_after(turns(row[side]))}" for side in ("prompt", "chosen", "rejected"))
    return plain(row["text"], [one["text"] for one in old if one.get("text")])


def _turns_of(rows: Sequence[Row]) -> list[Turn]:
    return [turn for row in rows for turn in row.get("messages") or ()]


def turns(messages: Sequence[Turn], old: Sequence[Turn] = ()) -> str:
    if len(messages) == 1:
        return plain(messages[0]["content"] or "")
    return "\n\n".join(f"*{turn['role']}*:{_after(_turn(turn, old))}" for turn in messages)


def _turn(turn: Turn, old: Sequence[Turn]) -> str:
    before = [one["content"] for one in old if one["role"] == turn["role"] and one["content"]]
    called = _fence(turn["tool_calls"], "json") if turn["tool_calls"] else ""
    return "\n\n".join(filter(None, [plain(turn["content"] or "", before), called]))


def _after(text: str) -> str:
    """A fence begins on a line of its own."""
    return f"\n\n{text}" if text.startswith("```") else f" {text}"


def plain(text: str, old: Sequence[str] = ()) -> str:
    """A text in Markdown in which nothing of it is taken for a mark, cut where it is long."""
    cut = text.strip() if len(text.strip()) <= MOST else f"{text.strip()[:MOST].rsplit(' ', 1)[0]} ..."
    if cut.count("```") % 2:
        cut += "\n```"
    if _is_json(cut):
        return _fence(cut, "json")
    fences = list(_FENCED.finditer(cut))
    if not fences and _CODE.search(cut):
        return _fence(cut, "python" if re.search(r"^(def|class|import|from) ", cut, re.MULTILINE) else "text")
    pieces, at = [], 0
    for fence in fences:
        pieces += [_prose(cut[at : fence.start()], old), fence.group()]
        at = fence.end()
    return "\n\n".join(filter(None, [*pieces, _prose(cut[at:], old)]))


def _is_json(text: str) -> bool:
    """Whether it is data, not a number or a word."""
    with suppress(ValueError):
        return text[:1] in ("{", "[") and bool(json.loads(text))
    return False


def _fence(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def _prose(text: str, old: Sequence[str]) -> str:
    paragraphs = re.split(r"\n\s*\n", _what_is_new(text.strip(), old))
    lines = ["\\\n".join(_line(line) for line in paragraph.split("\n")) for paragraph in paragraphs]
    return "\n\n".join(lines).replace(_BOLD, "**")


def _line(line: str) -> str:
    escaped = _MARK.sub(lambda mark: f"\\{mark[0]}", line.strip())
    escaped = re.sub(r"^(\x00?)([-+=>])", r"\1\\\2", escaped)
    return re.sub(r"^(\x00?\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)


def _what_is_new(text: str, old: Sequence[str]) -> str:
    """The text with marks around the words in which it differs from the one of the old ones that it is nearly."""
    words, matchers = text.split(), [SequenceMatcher(None, one.split(), text.split(), autojunk=False) for one in old]
    nearest = max(matchers, key=SequenceMatcher.ratio, default=None)
    if nearest is None or nearest.ratio() < ALIKE:
        return text
    changes = [(first, last) for kind, _, _, first, last in nearest.get_opcodes() if kind != "equal"]
    new = [(first, last) for first, last in changes if first < last and words[first:] != ["..."]]
    begins, ends = {first for first, _ in new}, {last - 1 for _, last in new}
    marked = iter(f"{_BOLD * (n in begins)}{word}{_BOLD * (n in ends)}" for n, word in enumerate(words))
    return re.sub(r"\S+", lambda _: next(marked), text)


def beginning(text: str) -> str:
    """How a text begins, for a cell of a table, which escapes its own marks."""
    line = " ".join(text.split())
    cut = line if len(line) <= BEGINNING else f"{line[:BEGINNING].rsplit(' ', 1)[0]} ..."
    return _MARK.sub(lambda mark: f"\\{mark[0]}" if mark[0] != "|" else "|", cut)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
