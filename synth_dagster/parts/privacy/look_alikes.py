"""Characters that look like others, and those that show as nothing: one form of each letter and digit.

Which texts have any, a pattern over whole columns finds out; only these are rewritten.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0100-\U000e01ef"
)
_INVISIBLE = re.compile(f"[{UNSEEN}]+")
_OVERLAID = re.compile("(?<=[ -~])[\u0300-\u036f\u0489\u20d0-\u20f0]+")  # what NFKC did not make a letter of
_ENCLOSING = re.compile("[\u0488\u0489\u20d0-\u20f0]")
_MIXED = re.compile(
    "[A-Za-z][\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u2c80-\u2cff]|[\u0370-\u03ff\u0400-\u052f\u0531-\u0587][A-Za-z]"
)

_LOOK_ALIKES = {
    # Cyrillic, Greek, Armenian and small capitals that look like these Latin letters
    "a": "аα", "b": "ЬƄ", "c": "сϲ", "d": "ԁɗ", "e": "еєεҽ", "g": "ցɡ", "h": "һհ", "i": "іιɩ", "j": "јϳ", "k": "κкҡ",
    "l": "ӏǀ", "m": "м", "n": "ոпη", "o": "оοօσ", "p": "рρ", "q": "ԛզ", "r": "гɼ", "s": "ѕʂ", "t": "тτ", "u": "υսц",
    "v": "νѵ", "w": "ԝωш", "x": "хχ", "y": "уүγ", "z": "ᴢʐ", "A": "АΑ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ", "F": "Ϝ",
    "H": "НΗ", "I": "ІΙӀ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ",
    "X": "ХΧ", "Y": "УΥҮ", "Z": "Ζ",
}  # fmt: skip
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))


def folded(text: str) -> str:
    """One form of each letter and digit, nothing that nobody sees; look-alikes as Latin where a word mixes scripts."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    plain = _OVERLAID.sub("", plain)
    plain = plain.translate(_digits_and_capitals())
    return plain.translate(_latin()) if _MIXED.search(plain) else plain


def signs_of_folding(*, words_alone: bool = False) -> list[re.Pattern[str]]:
    """One of them is in each text that `folded` changes; `words_alone` for who compares letters and digits alone."""
    first = [_folded_words(), _ENCLOSING] if words_alone else [_folded_signs(), _OVERLAID]
    return [*first, _MIXED]


@cache
def _latin() -> Mapping[int, str]:
    return {ord(one): letter for letter, alike in _LOOK_ALIKES.items() for one in alike}


@cache
def _digits_and_capitals() -> Mapping[int, str]:
    digits = {point: str(unicodedata.decimal(chr(point))) for point in range(0x80, 0x20000) if chr(point).isdecimal()}
    letters = {ord(one): letter for one, letter in _SMALL_CAPITALS.items()}
    negative = {start + place: chr(ord("a") + place) for start in (0x1F150, 0x1F170) for place in range(26)}
    return digits | letters | negative


_POINTS = (*range(0x80, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000), *range(0x2F800, 0x2FA20))


@cache
def _folded_signs() -> re.Pattern[str]:
    """One of the characters of which a text has at least one that `folded` changes where no word mixes scripts."""
    canonical = (unicodedata.decomposition(chr(point)).split() for point in _POINTS)
    composed = {int(parts[1], 16) for parts in canonical if len(parts) == 2 and not parts[0].startswith("<")}
    hangul = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    changed = {point for point in _POINTS if _may_change(chr(point))}
    return _one_of(changed | composed | hangul | _digits_and_capitals().keys())


@cache
def _folded_words() -> re.Pattern[str]:
    """The same for the letters and digits of a text alone, however its accents are written."""
    changed = {point for point in _POINTS if _is_another_word(chr(point))}
    return _one_of(changed | _digits_and_capitals().keys())


def _one_of(points: Iterable[int]) -> re.Pattern[str]:
    ranges = _ranges(sorted(point for point in points if point >= 0x80))
    return re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in ranges)}{UNSEEN}]")


def _is_another_word(sign: str) -> bool:
    plain, same = unicodedata.normalize("NFKD", sign), unicodedata.normalize("NFD", sign)
    if plain == same:  # a look-alike of another code
        return same != sign and len(same) == 1 and ord(same) in _latin()
    return any(part.isalnum() for part in sign + plain)


def _may_change(sign: str) -> bool:
    return unicodedata.combining(sign) > 0 or unicodedata.normalize("NFKC", sign) != sign


def _ranges(points: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbours."""
    cuts = [place for place in range(1, len(points)) if points[place] != points[place - 1] + 1]
    return [(points[first], points[last - 1]) for first, last in zip([0, *cuts], [*cuts, len(points)], strict=True)]
