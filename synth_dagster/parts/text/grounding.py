"""Evidence that can be checked: where a quoted piece stands in a text, and whether an answer rests on it."""

import re
from collections.abc import Iterable

from synth_dagster.parts.text.words import content_words, stem
from synth_dagster.records import Span

_LIST_MARKER = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FINAL_MARKS = ".!?,;: \t\n"


def find_verbatim(piece: str, text: str, *, ignore_case: bool = False) -> tuple[int, int] | None:
    """A place of a piece in a text, spacing aside, never starting or ending inside a word; None without one."""
    pieces = piece.split()
    if not pieces:
        return None
    if place := _exactly(piece.strip(), text):
        return place  # a pattern costs a thousand times as much, and most pieces need none
    if not ignore_case and " ".join(pieces) not in " ".join(text.split()):
        return None  # nor those that do not stand there
    pattern = r"\s+".join(map(re.escape, pieces))
    before = r"(?<!\w)" if re.match(r"\w", pieces[0]) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", pieces[-1]) else ""
    found = re.compile(before + pattern + after, re.IGNORECASE if ignore_case else 0).search(text)
    return found.span() if found else None


def _exactly(piece: str, text: str) -> tuple[int, int] | None:
    start = text.find(piece)
    end = start + len(piece)
    cut = start < 0 or _inside_word(text, start) or _inside_word(text, end)
    return None if cut else (start, end)


def _inside_word(text: str, place: int) -> bool:
    """Whether the characters on both sides of a place belong to one word."""
    return re.fullmatch(r"\w\w", text[max(0, place - 1) : place + 1]) is not None


def span_of(piece: str, text: str, record_id: bytes) -> Span | None:
    """The piece as evidence from a record's text, with exact offsets and the text's own spacing."""
    place = find_verbatim(piece, text)
    return Span(record_id, *place, text[slice(*place)]) if place else None


def narrowed(piece: str, spans: Iterable[Span]) -> Span | None:
    """The part of the first span that holds the piece; offsets stay those of the text that the span came from."""
    for span in spans:
        if place := find_verbatim(piece, span.text):
            start, end = place
            return Span(span.record_id, span.start + start, span.start + end, span.text[start:end])
    return None


def is_inside(answer: str, evidence: str) -> bool:
    """Whether the answer is a literal part of the evidence; case, spacing and a final mark do not matter."""
    return find_verbatim(answer.strip(_FINAL_MARKS), evidence, ignore_case=True) is not None


def support(answer: str, evidence: str, question: str = "") -> float:
    """Share of the content words that the answer adds to the question which the evidence holds.

    A number that stands in neither makes it 0, whatever the words around it. A word list is a floor, not a proof: it
    finds invented names and numbers, not a sentence turned into its opposite.
    """
    answer = _LIST_MARKER.sub("", answer)
    said, shown = _stems(answer), _stems(evidence)
    added = said - _stems(question) or said  # an answer that only chooses among the question's words is judged by them
    if not added or _numbers(answer) - _numbers(evidence) - _numbers(question):
        return 0.0
    return len(added & shown) / len(added)


def _stems(text: str) -> set[str]:
    return {stem(word) for word in content_words(text)}


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))
