"""The one token counter of mixtures, caps and budgets: words and marks, the same number in Python and in SQL.

A token is a piece of at most 16 characters of a word, or one mark (punctuation, symbol), or one character of a script
that is written without spaces. No model's vocabulary: a count that never changes, comes without a download, and lies
within some tens of percent of what a tokenizer gives for prose.

Python and DuckDB know different versions of Unicode, so no `\\w` and no `\\p{L}`: the pattern names its characters by
code point, and both engines read the very same pattern. What is in neither list is part of a word.
"""

import re

from synth_dagster.parts.sql import literal

NAME = "words_and_marks"

# Thai, Lao, Tibetan, Burmese, Khmer, kana, CJK ideographs, Hangul: scripts where a space ends no word, or a character
# carries as much as a short word. Written as first and last code point.
_UNSPACED = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x2FFF),
    (0x3005, 0x3007),
    (0x3040, 0x318F),
    (0x31A0, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x1B000, 0x1B2FF),
    (0x20000, 0x3FFFF),
)
_MARKS = (
    (0x21, 0x2F),
    (0x3A, 0x40),
    (0x5B, 0x5E),
    (0x60, 0x60),
    (0x7B, 0x7E),
    (0xA1, 0xA9),
    (0xAB, 0xAC),
    (0xAE, 0xB4),
    (0xB6, 0xB9),
    (0xBB, 0xBF),
    (0xD7, 0xD7),
    (0xF7, 0xF7),
    (0x2010, 0x2027),
    (0x2030, 0x205E),
    (0x20A0, 0x20CF),
    (0x2190, 0x2BFF),
    (0x3001, 0x3004),
    (0x3008, 0x303F),
    (0xFF01, 0xFF0F),
    (0xFF1A, 0xFF20),
    (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65),
    (0x1F000, 0x1FAFF),
)
# Spaces, controls, joiners and what only formats: they separate words and count nothing.
_BLANKS = (
    (0x00, 0x20),
    (0x7F, 0xA0),
    (0xAD, 0xAD),
    (0x1680, 0x1680),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x3000, 0x3000),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
)
_PIECE = 16


def _set(*ranges: tuple[int, int]) -> str:
    """The inside of a character class. The characters stand there themselves: no escape is spelt alike in both."""
    return "".join(f"{_literal(first)}-{_literal(last)}" for first, last in ranges)


def _literal(point: int) -> str:
    if point < 0x21 or 0x7F <= point <= 0xA0:
        return f"\\x{point:02x}"
    return ("\\" if point < 0x7F and not chr(point).isalnum() else "") + chr(point)


UNSPACED = _set(*_UNSPACED)
"""The characters that count one each, for a character class of a regular expression."""

PATTERN = f"[{_set(*_MARKS, *_UNSPACED)}]|[^{_set(*_MARKS, *_UNSPACED, *_BLANKS)}]{{1,{_PIECE}}}"
_TOKEN = re.compile(PATTERN)


def count(text: str | None) -> int:
    """How many tokens a text has; none has none."""
    return sum(1 for _ in _TOKEN.finditer(text)) if text else 0


def place_after(text: str, tokens: int) -> int:
    """Where the first so many tokens of a text end; its length if it has no more."""
    for number, token in enumerate(_TOKEN.finditer(text), start=1):
        if number == tokens:
            return token.end()
    return len(text)


def token_count_sql(column: str) -> str:
    """The same count as a DuckDB expression over a text column; a null has none."""
    return f"coalesce(len(regexp_extract_all({column}, {literal(PATTERN)})), 0)"
