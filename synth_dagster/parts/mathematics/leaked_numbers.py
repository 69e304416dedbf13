"""Numbers that a text must not say, found in digits and in English words, and taken out with their spaces.

The released code of CHASE (arXiv:2502.14678) takes a number out together with the blanks around it, and out of longer
numbers too: "She has twenty-one pens" becomes "She haspens", and 120 without 12 becomes 0. Here a number is taken out
where it stands by itself, one blank stays, and a mark that follows moves up.
"""

import re
from fractions import Fraction
from functools import lru_cache

_NAMES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """
_ONES = _NAMES.split()
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LARGEST = 1_000_000  # a larger number is written in digits
_TOKEN = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w%]|[.,]\d)")
_NEVER = re.compile(r"(?!)")


def says_number(text: str, number: Fraction) -> bool:
    """Whether the number stands in the text or in a calculation of it: 21 does not stand in 210, 1.21 or 21%."""
    in_digits = (Fraction(found.replace(",", "")) for found in _TOKEN.findall(text))
    return _form(number).search(text) is not None or abs(number) in in_digits


def without_number(text: str, number: Fraction) -> str:
    """The text without the number wherever it stands by itself, and otherwise as it was."""
    found = _form(number)
    return tidied(found.sub(" ", text)) if found.search(text) else text


def tidied(text: str) -> str:
    """The text with one blank between words, none before a mark, and no mark or blank at its beginning."""
    return re.sub(r"\s+(?=[.,;:!?](?:\s|$))", "", " ".join(text.split())).lstrip(" .,;:!?")


def in_words(number: int) -> str:
    """The number in English words, below a million: 121 is one hundred twenty-one.

    Raises ValueError for any other.
    """
    if not 0 <= number < _LARGEST:
        raise ValueError(f"Only 0 to {_LARGEST - 1:,} are said in words, not {number:,}.")
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = _TENS[number // 10 - 2], number % 10
        return f"{tens}-{_ONES[ones]}" if ones else tens
    size, name = (100, "hundred") if number < 1_000 else (1_000, "thousand")
    rest = number % size
    return f"{in_words(number // size)} {name}" + (f" {in_words(rest)}" if rest else "")


@lru_cache(maxsize=1_024)
def _form(number: Fraction) -> re.Pattern[str]:
    forms = [form for form in (_digits(number), _named(number)) if form]
    return re.compile("|".join(forms), re.IGNORECASE) if forms else _NEVER


def _digits(number: Fraction) -> str:
    """The number in digits, with or without commas, currency and zeros behind the point."""
    whole, _, decimals = _decimal(number).partition(".")
    grouped = f"{int(whole):,}".replace(",", ",?")
    zeros = rf"\.{decimals}0*" if decimals else r"(?:\.0+)?"
    sign = "-" if number < 0 else ""
    return rf"(?<![\w.,/])[$€£]?{sign}{grouped}{zeros}(?![\w%/]|[.,]\d)"


def _decimal(number: Fraction) -> str:
    """The absolute value to six decimals, without zeros at the end."""
    return f"{float(abs(number)):.6f}".rstrip("0").rstrip(".")


def _named(number: Fraction) -> str:
    if number.denominator != 1 or not 0 <= number < _LARGEST:
        return ""
    name = in_words(int(number)).replace("-", " ").replace("hundred ", r"hundred\W+(?:and\W+)?")
    after = "|".join(_ONES[1:10] if 20 <= number < 100 and number % 10 == 0 else [])
    longer = rf"(?![\s-](?:{after}|hundred|thousand)\b)" if after else r"(?![\s-](?:hundred|thousand)\b)"
    before = (*_TENS, "hundred", "thousand", r"hundred\sand", r"thousand\sand")
    alone = "".join(rf"(?<!{word}[\s-])" for word in before)
    words = name.replace(" ", r"[-\s]+")
    return rf"{alone}\b{words}\b{longer}"
