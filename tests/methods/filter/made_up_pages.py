"""A thousand pages of ours that stand close to the limits of web rules, the same with every Python.

Which rule a page is drawn for says only what was done to it: what becomes of it other rules may say first.
"""

import random
from collections.abc import Sequence

OPENERS = (
    "The old mill", "A tall lighthouse", "Mr. Harlow", "Our neighbour", "The U.S. survey", "Every winter, the ferry",
    "Dr. Anna Weiss", "Nobody", "The café on the corner", "In 1987 the council", "My aunt's garden", "The engineer",
    "Well-known travellers", "The 3.14-metre beam", "What we call progress", "St. Mary's school", "Some 40 people",
    "“The river”, she said,", "L'Avenue", "Prof. Li (of Leeds)",
)  # fmt: skip
DEEDS = (
    "stands at the end of the valley", "didn't open before noon", "has been repaired with new oak boards",
    "carries grain, wool and letters to the coast", "couldn't be seen from the road", "was sold for $1,250 at auction",
    "keeps the water out of the lower fields", "will have to be rebuilt, i.e. replaced", "is 85% slate and 15% glass",
    "remembers the flood that took the bridge", "writes to the editor of the paper every week",
    "moved to Queen's Road 14/2 and stayed", "that nobody had asked about", "e.g. paints boats (and the odd door)",
    "measures rainfall at 6 a.m. with a tin cup", "would rather read than talk to the people of the town",
)  # fmt: skip
STOP = ("the", "and", "of", "to", "with", "that", "a", "in", "is", "on", "it", "was", "for", "by")
WORDS = [a + b + c for a in ("st", "br", "m", "l", "t", "gr", "p", "s", "w") for b in ("a", "e", "o", "ou", "ea")
         for c in ("n", "rk", "ll", "ting", "der", "mon", "ver", "st", "ry", "ness")]  # fmt: skip
ENDS = (".", ".", ".", ".", ".", "!", "?", "...", ".”", ";", ",", "", " …", ":")
SHORT = (
    "Home", "About us", "Read more", "Log in", "Contact", "10 likes", "Menu", "Share this page", "Next", "Sign up now",
    "© 2024", "2 comments", "Terms of use", "Read our privacy policy here", "Please enable JavaScript to go on",
    "This site uses cookies to know you", "- Tea", "• Coffee", "#mill", "==", "Prices from 12 to 40",
)  # fmt: skip
OTHER = (
    "Größe und Übermut tun selten gut.", "人人生而自由，在尊严和权利上一律平等。", "كل الناس يولدون أحرارا متساوين.",
    "Все люди рождаются свободными.", "ทุกคนเกิดมามีอิสระ", "😀 😀 wow", "x = y + 1;", "def f(x): { return x }",
    "see [12] and [citation needed] for more of it", "Lorem ipsum dolor sit amet, as ever",
    "\t tab\tand\u00a0space here",
    "na\u0308ive caf\u00e9 and \u200bhidden blanks in it", "A\u2028B and C are lines to some of us.",
)  # fmt: skip


class Draw:
    """Draws by the one function of Python's generator that is the same in every version."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number).random

    def share(self, least: float = 0.0, most: float = 1.0) -> float:
        return least + (most - least) * self._random()

    def below(self, most: int) -> int:
        return int(self._random() * most)

    def one(self, of: Sequence[str]) -> str:
        return of[self.below(len(of))]


def page(number: int) -> str:
    draw = Draw(number)
    lines = [_line(draw, draw.share(0, 0.12)) for _ in range(4 + draw.below(14))]
    return _CHANGES[number % len(_CHANGES)](lines, draw)


def pages(count: int = 1_000) -> list[str]:
    return [page(number) for number in range(count)]


def _sentence(draw: Draw) -> str:
    said = [draw.one(STOP) if draw.share() < 0.35 else draw.one(WORDS) for _ in range(4 + draw.below(12))]
    opener = draw.one(OPENERS) if draw.share() < 0.2 else draw.one(WORDS).title()
    deed = f" {draw.one(DEEDS)}" if draw.share() < 0.2 else ""
    return f"{opener} {' '.join(said)}{deed}{draw.one(ENDS)}"


def _line(draw: Draw, odd: float) -> str:
    if draw.share() < odd:
        return draw.one(OTHER)
    if draw.share() < odd:
        return draw.one(SHORT)
    return " ".join(_sentence(draw) for _ in range(1 + draw.below(5)))


def _joined(lines: Sequence[str], draw: Draw) -> str:
    return draw.one(("\n", "\n", "\n\n", "\r\n", "\n \n", "\n\n\n")).join(lines)


def _again(lines: list[str], draw: Draw) -> str:
    more = [draw.one(lines) for _ in range(1 + draw.below(max(1, len(lines) // 2)))]
    return _joined([*lines, *more], draw)


def _small_again(lines: list[str], draw: Draw) -> str:
    bit = draw.one(("So it is.", "Well.", "Yes, it is so.", "It rained."))
    return _joined([*lines, *[bit] * (2 + draw.below(9))], draw)


def _run_again(lines: list[str], draw: Draw) -> str:
    words = " ".join(lines).split(" ")
    start, length = draw.below(len(words)), 2 + draw.below(24)
    run = words[start : start + length]
    for _ in range(1 + draw.below(7)):
        place = draw.below(len(words))
        words[place:place] = run
    return " ".join(words)


def _menu(lines: list[str], draw: Draw) -> str:
    share = draw.share(0.4, 0.9)
    return "\n".join(draw.one(SHORT) if draw.share() < share else line for line in lines * 2)


def _broken(lines: list[str], draw: Draw) -> str:
    """Lines of two words, most with a very long one more and some with a full stop: about .3 line breaks a word."""
    words, share, rows = " ".join(lines).split(" "), draw.share(0.1, 0.9), []
    for place in range(0, len(words), 2):
        long = f"{'mill' * 8} " if draw.share() < 0.55 else ""
        rows.append(long + " ".join(words[place : place + 2]) + ("." if draw.share() < share else ""))
    return "\n".join(rows)


def _bullets(lines: list[str], draw: Draw) -> str:
    mark = draw.one(("- ", "• ", "* ", "– "))
    return "\n".join((mark if draw.share() < 0.93 else "") + line for line in lines)


def _trailing(lines: list[str], draw: Draw) -> str:
    share, mark = draw.share(0.1, 0.5), draw.one(("...", "…"))
    return "\n".join(line + (mark if draw.share() < share else "") for line in lines)


def _numbers(lines: list[str], draw: Draw) -> str:
    share = draw.share(0.05, 0.3)
    return "\n".join(
        " ".join(str(draw.below(9_999)) if draw.share() < share else word for word in line.split(" ")) for line in lines
    )


def _cut(lines: list[str], draw: Draw) -> str:
    return " ".join(" ".join(lines).split(" ")[: 30 + draw.below(40)])


def _marks(lines: list[str], draw: Draw) -> str:
    share, mark = draw.share(0.04, 0.16), draw.one((" #", " ...", " …", " -"))
    return "\n".join(
        " ".join(word + (mark if draw.share() < share else "") for word in line.split(" ")) for line in lines
    )


def _unended(lines: list[str], draw: Draw) -> str:
    share = draw.share(0, 0.3)
    return "\n".join(line if draw.share() < share else line.rstrip(".!?”…") for line in lines)


def _long_words(lines: list[str], draw: Draw) -> str:
    share = draw.share(0.1, 0.7)
    return "\n".join(
        " ".join(word + "lichkeitsrat" if draw.share() < share else word for word in line.split(" ")) for line in lines
    )


def _short_words(lines: list[str], draw: Draw) -> str:
    share = draw.share(0.5, 1)
    return "\n".join(
        " ".join(word[:2] if draw.share() < share and word.isalpha() else word for word in line.split(" "))
        for line in lines
    )


def _few_sentences(lines: list[str], draw: Draw) -> str:
    return " ".join(_sentence(draw) for _ in range(2 + draw.below(6)))


def _no_stop_words(lines: list[str], draw: Draw) -> str:
    gone = {"the", "be", "to", "of", "and", "that", "have", "with"}
    kept = draw.below(3)
    words = [word for line in lines for word in line.split(" ") if word.lower() not in gone]
    return " ".join([*words, *("the", "with")[:kept]])


def _foreign(lines: list[str], draw: Draw) -> str:
    return "\n".join(draw.one(OTHER) for _ in range(3 + draw.below(30)))


_CHANGES = (
    _joined, _again, _small_again, _run_again, _menu, _broken, _bullets, _trailing, _numbers, _cut, _marks, _unended,
    _long_words, _short_words, _few_sentences, _no_stop_words, _foreign, _joined, _run_again, _again,
)  # fmt: skip
