"""The final answer of a worked solution, and whether two final answers are the same.

The rules are those of MetaMath's answer check (arXiv:2309.12284) and of the two data sets that it works on: GSM8K
closes with `#### 42`, MATH puts the answer in `\\boxed{}`. Numbers are compared as exact fractions, whatever their
commas, zeros, currency or unit; formulas by their values, where that is asked for (`symbolic`); what is neither is
compared as text without LaTeX's spacing.
"""

import re
from fractions import Fraction
from typing import TypeAlias

from synth_dagster.parts.mathematics.expressions import Values, values_of
from synth_dagster.records import Instruction

Key: TypeAlias = Fraction | Values | str
"""What answers that say the same have in common: a number, the values of a formula, or a bare text."""

_MARKER = re.compile(
    r"####|\bthe (?:final )?answer is\b:?|\bthe value of \\?\$?\w\$? is\b:?|^\s*(?:final )?answer:|^A:",
    re.IGNORECASE | re.MULTILINE,
)
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_NUMBER_WORDS = {word: Fraction(place) for place, word in enumerate(_WORDS.split())} | {
    "twenty": Fraction(20),
    "half": Fraction(1, 2),
    "third": Fraction(1, 3),
    "quarter": Fraction(1, 4),
    "fourth": Fraction(1, 4),
    "fifth": Fraction(1, 5),
}
_MOST_DIGITS = 60  # a longer number is no answer of anybody, and costs time

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_PLAIN = re.compile(rf"(?:{_DECIMAL})")
_MIXED = re.compile(r"(\d+)\s+(\d+)\s*/\s*(\d+)")
_RATIO = re.compile(rf"({_DECIMAL})\s*/\s*({_DECIMAL})")
_IN_TEXT = re.compile(
    rf"(?<![\w.])[-\u2212]?\s?\\?[$€£]?(?:\d+\s*/\s*\d+|{_DECIMAL})%?(?![\d/])|(?<=[\w.])(?:{_DECIMAL})"
)
_UNIT = re.compile(r"(?<=[\d}])\s*(?:%|°\w?|[A-Za-z]{2}[A-Za-z./²³]*|\s[A-Za-z].*)$")
_CURRENCY = re.compile(r"^([-\u2212+]?)\s*[$€£]\s*")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_ROOT = re.compile(r"\\sqrt\s*([0-9A-Za-z])")
_SPACING = re.compile(r"\\(?:left|right|[,;:! ]|quad|qquad|displaystyle)|\{,\}(?=\d{3})|~")
_WRAPPED = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")
_EQUATED = re.compile(r"^[A-Za-z]\s*=\s*")


def final_answer(text: str) -> str | None:
    """The answer that a solution names: in its last box, else behind its last marker; None where it names none."""
    named = _named(text)
    if named is None or last_boxed(text) is not None:
        return named
    if number_of(named) is not None or values_of(named) is not None:
        return named
    return last_number(named) or named


def final_answers(text: str) -> list[str]:
    """The final answers of a solution to several questions: they stand in its last line, with semicolons between."""
    named = _named(text)
    if named is None or ";" not in named:
        return [answer] if (answer := final_answer(text)) else []
    return [part.strip() for part in named.split(";") if part.strip()]


def _named(text: str) -> str | None:
    """What stands in the last box, else behind the last marker on its line."""
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed.strip() or None
    markers = list(_MARKER.finditer(text))
    if not markers:
        return None  # the last number of any text would be a guess
    return text[markers[-1].end() :].strip().partition("\n")[0].strip(" *").removesuffix(".") or None


def known_answer(record: Instruction) -> str | None:
    """The final answer that a record declares, else the one that its response ends with."""
    declared = record.attributes.get("final_answer")
    return str(declared) if declared not in (None, "") else final_answer(record.response)


def last_boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{}` or `\\fbox{}`, with balanced braces; None without one."""
    opening = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if opening < 0:
        return None
    start = text.index("{", opening)
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    return None  # never closed: the solution was cut


def last_number(text: str) -> str | None:
    """The last number of a text as it stands there, with its sign and currency; None without one."""
    found = _IN_TEXT.findall(text)
    return found[-1].strip() if found else None


def number_of(answer: str) -> Fraction | None:
    """The exact value of an answer that is one number, in digits or as a word; None for anything else.

    A unit behind it does not count, and neither does a percent sign: in word problems the question names the unit.
    """
    text = _plain(answer)
    if len(text) > _MOST_DIGITS:
        return None
    if text.casefold() in _NUMBER_WORDS:
        return _NUMBER_WORDS[text.casefold()]
    text = _UNIT.sub("", _CURRENCY.sub(r"\1", text)).strip()
    negative = text[:1] in ("-", "\u2212")
    value = _unsigned(text.lstrip("+-\u2212").strip() if text[:1] in "+-\u2212" else text)
    return -value if negative and value is not None else value


def _unsigned(text: str) -> Fraction | None:
    if mixed := _MIXED.fullmatch(text):
        whole, top, bottom = map(int, mixed.groups())
        return whole + Fraction(top, bottom) if bottom else None
    if ratio := _RATIO.fullmatch(text):
        top, bottom = (Fraction(part.replace(",", "")) for part in ratio.groups())
        return top / bottom if bottom else None
    return Fraction(text.replace(",", "")) if _PLAIN.fullmatch(text) else None


def same_answer(one: str, other: str, *, symbolic: bool = False) -> bool:
    """Whether two answers say the same: as numbers where both are, else as text without spacing and case.

    With `symbolic` formulas are compared by what they are worth: 2(x+1) is 2x + 2, and 2^3 is 8.
    """
    said = answer_key(one, symbolic=symbolic)
    return said is not None and said == answer_key(other, symbolic=symbolic)


def answer_key(answer: str, *, symbolic: bool = False) -> Key | None:
    """What answers that say the same have in common; None for an empty answer."""
    value = number_of(answer)
    if value is None and symbolic:
        value = values_of(_EQUATED.sub("", answer.strip().strip("$").removesuffix(".")))
    return value if value is not None else _bare(answer) or None


def _plain(answer: str) -> str:
    """An answer without what LaTeX writes around it."""
    text = _WRAPPED.sub(r" \1", _SPACING.sub("", answer.strip()))
    text = text.replace("\\%", "%").replace("\\$", "$").replace("^\\circ", "").replace("^{\\circ}", "")
    if text.startswith("$") and text.endswith("$") and len(text) > 2:
        text = text[1:-1]
    text = _FRACTION.sub(lambda found: f" {found[1] or found[2]}/{found[3] or found[4]}", text)
    text = _ROOT.sub(r"\\sqrt{\1}", text)
    return _EQUATED.sub("", text.strip()).removesuffix(".").strip()


def _bare(answer: str) -> str:
    return re.sub(r"\s+", "", _plain(answer)).casefold()
