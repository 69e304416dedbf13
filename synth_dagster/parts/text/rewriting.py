"""What methods that rewrite texts share: pieces of a bounded length, styles, and what an answer must and must not hold.

Pieces are verbatim and lose nothing. Styles are data: adding one is adding an entry. An answer is freed of the
announcement that chat models put in front, is refused when it still speaks of its task, and can be held to the facts of
the text that it was made from: the names and numbers in it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from synth_dagster.parts.text.tokens import count, place_after
from synth_dagster.parts.text.words import words

StyleName: TypeAlias = Literal["easy", "medium", "hard", "qa"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is to be written anew, and what the answer must look like: a pattern, or nothing."""

    how: str
    form: str = ""


STYLES: Mapping[StyleName, Style] = {
    "easy": Style(
        "Write it for a small child: very short sentences, very simple and common words, one thought at a time."
    ),
    "medium": Style(
        "Write it in varied, clear English of high quality, as a good encyclopaedia would, and in words of your own."
    ),
    "hard": Style(
        "Write it for an erudite scholar: terse and abstruse, in rare words and dense sentences that need patience."
    ),
    "qa": Style(
        "Turn it into a conversation: several questions, each on a line that begins with 'Question:', and each "
        "followed by its answer on a line that begins with 'Answer:'.",
        form=r"(?m)^Question:.*\S[^\n]*\n+Answer:.*\S",
    ),
}


# -------------------------------------------------------------------------------------------------------------- pieces

# Where a text may be cut, the best place first: between paragraphs, between sentences, at the end of a line.
_PLACES = (
    re.compile(r"\n[^\S\n]*\n\s*?(?=[^\n])"),
    re.compile(r"[.!?][\"')\]\u201d\u2019]*\s+|[\u3002\uff01\uff1f]"),
    re.compile(r"\n"),
)


def pieces(text: str, most: int) -> list[str]:
    """The text as verbatim pieces of at most `most` tokens; joined they are the text again, letter by letter.

    Whole paragraphs go together as far as they fit. A longer one is cut between sentences, a longer sentence at a line
    end, and what has none of these between two tokens.
    """
    packed: list[str] = []
    size = 0
    for part in _fitting(text, most):
        tokens = count(part)
        if packed and size + tokens <= most:
            packed[-1] += part
            size += tokens
        else:
            packed.append(part)
            size = tokens
    return packed


def _fitting(text: str, most: int, places: Sequence[re.Pattern[str]] = _PLACES) -> Iterator[str]:
    if count(text) <= most:
        yield from [text] if text else []
    elif places:
        for part in _cut(text, places[0]):
            yield from _fitting(part, most, places[1:])
    else:
        end = place_after(text, most)
        yield text[:end]
        yield from _fitting(text[end:], most, ())


def _cut(text: str, place: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in place.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    yield text[start:]


# ------------------------------------------------------------------------------------------------------------- answers

_POLITE = r"(?:(?:sure|certainly|of course|okay|ok|absolutely|great|yes)\b(?: thing)?[,.!]*\s*)"
_TASK_WORDS = (
    r"(?:paraphras\w+|rephras\w+|rewrit\w+|rewrote|reword\w+|simplified|simpler|easier|child-friendly|encyclop\w+|"
    r"scholarly|version|conversation|dialogue|questions?(?: and answers?)?|q&a|summar\w+)"
)
_OPENS = (
    r"(?:here(?: is|'s|\u2019s| are)|below (?:is|are)|the following (?:is|are)|this is|i(?:'ve| have)|as requested)"
)
_LEAD_IN = re.compile(
    rf"\A\s*(?:{_POLITE}*{_OPENS}\b[^:\n]{{0,160}}?\b{_TASK_WORDS}\b[^:\n]{{0,160}}(?::|[.!]?[^\S\n]*\n[^\S\n]*\n)"
    rf"|\**(?:(?:the |a )?{_TASK_WORDS}(?: (?:text|passage|version|paragraph))?)\**:\**"
    rf"|{_POLITE}+(?=\n|\Z))\s*",
    re.IGNORECASE,
)
_LABELS = re.compile(r"\A\s*(?:question|answer)s?:", re.IGNORECASE)
_META = re.compile(
    r"\b(?:paraphras(?:e|ed|ing) (?:of|version|the)|rephrased (?:version|text)|rewritten (?:version|text|passage)|"
    r"the (?:given|original|provided|above) (?:text|passage|paragraph)|in this (?:passage|paraphrase)|"
    r"as an? (?:ai|language model)|let me know if|i hope (?:this|that) helps|</?passage>|</?style>)",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\A\W*(?:i(?:'m| am) (?:very )?sorry|sorry|i (?:can(?:not|'t|\u2019t)|am unable)|unfortunately,? i)\b",
    re.IGNORECASE,
)


def without_lead_in(text: str) -> str:
    """The answer without the words that announce it; a colon inside the content is content."""
    bare = text.strip()
    found = None if _LABELS.match(bare) else _LEAD_IN.match(bare)
    return bare[found.end() :].strip() if found else bare


def speaks_of_task(text: str) -> bool:
    """Whether an answer still speaks of the rewriting, of the text it was given, or to the person who asked."""
    return bool(_META.search(text))


def refuses(text: str) -> bool:
    """Whether an answer begins by saying that there is none."""
    return bool(_REFUSES.match(text))


# --------------------------------------------------------------------------------------------------------------- facts

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_MARKER = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+", re.MULTILINE)
# names of code, and words with a capital that does not come from a beginning
_CODE = re.compile(
    r"\w*_\w+|\b\w+(?:\.\w+)+\b(?=\(\))?|\b\w+(?=\(\))|\b[a-z]+[A-Z]\w*|\b[A-Z]+[a-z]+[A-Z]\w*|\b[A-Z]{2,}\b"
)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}\b")
_NUMBERS = {word: str(n) for n, word in enumerate("zero one two three four five six seven eight nine ten".split())}  # noqa: SIM905  a text of words is read more easily


def facts(text: str) -> frozenset[str]:
    """The names and numbers of a text, in lower case: what a rewriting may not make up. A floor, not a proof."""
    plain = _MARKER.sub("", text)
    found = (*_DIGITS.findall(plain), *_CODE.findall(plain), *_NAME.findall(plain))
    return frozenset(fact.casefold().strip("._") for fact in found) - {""}


def invented(rewritten: str, source: str) -> frozenset[str]:
    """The facts of a rewriting that its source does not have."""
    return KnownFacts.of(source).lacking(rewritten)


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """A source as it is asked again and again, for each text that was made from it, whether it has a fact."""

    said: str
    spelt: frozenset[str]  # digits of the small numbers that it writes as words

    @classmethod
    def of(cls, source: str) -> "KnownFacts":
        there = set(words(source))
        return cls(source.casefold(), frozenset(digits for word, digits in _NUMBERS.items() if word in there))

    def lacking(self, rewritten: str) -> frozenset[str]:
        """The facts of a rewriting that are not in the source."""
        return frozenset(fact for fact in facts(rewritten) if fact not in self.said and fact not in self.spelt)


def kept_share(source: str, rewritten: Sequence[str]) -> float:
    """The share of a source's facts that its rewritings together still name; 1 where it has none."""
    wanted = facts(source)
    said = "\n".join(rewritten).casefold()
    return sum(fact in said for fact in wanted) / len(wanted) if wanted else 1.0
