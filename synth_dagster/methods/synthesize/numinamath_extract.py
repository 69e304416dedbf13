r"""NuminaMath's first step without its models: problems with solutions out of booklets, wiki pages and forum threads.

After the report of the first AIMO progress prize (project-numina/aimo-progress-prize, numina_dataset.pdf). A booklet is
cut at its numbers, a problem is paired with the solution of its number. Of a wiki page the first solution with a boxed
answer is taken. Of a thread those replies count that have a boxed answer or an end-of-proof mark; the one with most
LaTeX symbols is taken. What is taken is the page's own text, and each record says where it stands. Reading scanned
pages needs a model for that, and is not part of it: deliver text. Contests that number otherwise get patterns of their
own, as in the report; `numinamath_cot` makes English and steps of what was found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.mathematics.answers import last_boxed
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Json, Span
from synth_dagster.services import Drop

Layout: TypeAlias = Literal["booklet", "wiki", "thread"]
_END_OF_PROOF = re.compile(r"\\(?:blacksquare|qed|Box|square)\b|[\u220e\u25a0\u25a1\u25fb]|\bQ\.?\s?E\.?\s?D\b")
_SYMBOL = re.compile(r"\\(?:[A-Za-z]+|.)|[$^_]")
_HEADING = re.compile(r"^(?:=+[ \t]*(?P<wiki>[^=\n]+?)[ \t]*=+|#+[ \t]*(?P<mark>[^\n]+?))[ \t]*$", re.MULTILINE)


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error
    return text


def _has_a_number(text: str) -> str:
    if re.compile(_is_pattern(text)).groups != 1:
        raise ValueError(f"'{text}' must have one group, which is the number, as in {_NUMBER}")
    return text


_NUMBER = r"^[ \t]*(?:Problem|Question|Exercise|Solution|Answer)?[ \t]*(\d{1,3})[ \t]*[.):]"


class NuminamathExtract(Synthesizer[Document, Instruction]):
    """A problem that has no solution stays with the reason."""

    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "reformation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "contests", "forums", "extraction", "olympiad", "AIMO")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted threads, wiki pages and booklets each gives its right pairs, word for word; what has no solution "
        "says so.",
    )

    layout: Layout = Field(
        "thread", description="What texts are; an attribute `layout` of a text goes before: booklet, wiki or thread."
    )
    number: Annotated[str, AfterValidator(_has_a_number)] = Field(
        _NUMBER, description="Pattern of the start of a problem or solution of a booklet; its group is the number."
    )
    solutions: Annotated[str, AfterValidator(_is_pattern)] = Field(
        r"^[ \t]*#*[ \t]*(?:Solutions?|Answers?(?: Key)?)[ \t]*:?[ \t]*$",
        description="Pattern of the line of a booklet after which the solutions stand.",
    )
    separator: Annotated[str, AfterValidator(_is_pattern)] = Field(
        r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$", description="Pattern of the line between two posts of a thread."
    )

    async def synthesize(self, page: Document, /) -> Sequence[Instruction] | Drop:
        if is_blank(page.body):
            return Drop("blank_page")
        layout = page.attributes.get("layout", self.layout)
        cut = {"booklet": self._of_booklet, "wiki": _of_wiki, "thread": self._of_thread}.get(str(layout))
        if cut is None:
            return Drop("unknown_layout", f"A text is one of {', '.join(get_args(Layout))}.")
        pairs = cut(page.body)
        return [_record(page, str(layout), pair) for pair in pairs] or Drop("no_problem")

    def _of_booklet(self, text: str) -> "list[_Pair]":
        heading = re.search(self.solutions, text, re.MULTILINE | re.IGNORECASE)
        end = heading.start() if heading else len(text)
        asked = self._numbered(text, 0, end)
        solved = self._numbered(text, heading.end(), len(text)) if heading else {}
        pairs = {number: _Pair(problem, solved.get(number), number) for number, problem in asked.items()}
        return [pair for pair in pairs.values() if not is_blank(pair.problem.of(text))]

    def _numbered(self, text: str, start: int, end: int) -> "dict[int, _Piece]":
        """What stands behind each number, up to the next; of a number that comes again the first."""
        marks = list(re.compile(self.number, re.MULTILINE | re.IGNORECASE).finditer(text, start, end))
        found: dict[int, _Piece] = {}
        for mark, stop in zip(marks, _ends(marks, end), strict=True):
            if mark[1].isdigit():
                found.setdefault(int(mark[1]), _piece(text, mark.end(), stop))
        return found

    def _of_thread(self, text: str) -> "list[_Pair]":
        """The first post, and of the finished replies the one with most LaTeX symbols, the first of equals."""
        posts = [one for one in _between(text, re.compile(self.separator, re.MULTILINE)) if not is_blank(one.of(text))]
        if not posts:
            return []
        ended = [one for one in posts[1:] if last_boxed(one.of(text)) or _END_OF_PROOF.search(one.of(text))]
        return [_Pair(posts[0], max(ended, key=lambda one: symbols(one.of(text)), default=None), len(ended))]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text without the blanks around it."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class _Pair:
    problem: _Piece
    solution: _Piece | None
    number: int  # of the problem in a booklet; else how many solutions there were to choose from


def symbols(text: str) -> int:
    """How many LaTeX symbols a text has: commands, marks of formulas, of powers and of indices."""
    return len(_SYMBOL.findall(text))


def _of_wiki(text: str) -> list[_Pair]:
    """The section that is called Problem, and the first one called Solution in which an answer is boxed."""
    headings = list(_HEADING.finditer(text))
    sections = [
        ((one["wiki"] or one["mark"]).strip().lower(), _piece(text, one.end(), end))
        for one, end in zip(headings, _ends(headings, len(text)), strict=True)
    ]
    problem = next((piece for title, piece in sections if title.startswith("problem")), None)
    if problem is None or is_blank(problem.of(text)):
        return []
    boxed = [piece for title, piece in sections if title.startswith("solution") and last_boxed(piece.of(text))]
    return [_Pair(problem, boxed[0] if boxed else None, len(boxed))]


def _ends(marks: Sequence[re.Match[str]], end: int) -> list[int]:
    """Where what stands behind each mark ends: at the next one, behind the last at the end."""
    return [*(mark.start() for mark in marks), end][1:]


def _between(text: str, separator: re.Pattern[str]) -> list[_Piece]:
    marks = list(separator.finditer(text))
    starts, ends = [0, *(one.end() for one in marks)], [*(one.start() for one in marks), len(text)]
    return [_piece(text, start, end) for start, end in zip(starts, ends, strict=True)]


def _piece(text: str, start: int, end: int) -> _Piece:
    inside = text[start:end]
    before = len(inside) - len(inside.lstrip())
    return _Piece(start + before, max(start + before, start + len(inside.rstrip())))


def _record(page: Document, layout: str, pair: _Pair) -> Instruction:
    taken = [one for one in (pair.problem, pair.solution) if one is not None]
    solution = pair.solution.of(page.body) if pair.solution else ""
    reason = None if not is_blank(solution) else "no_solution" if layout == "booklet" else "no_finished_solution"
    attributes: dict[str, Json] = {"layout": layout, "number" if layout == "booklet" else "solutions": pair.number}
    answer = last_boxed(solution)
    return Instruction.single(
        pair.problem.of(page.body),
        solution,
        parents=(page,),
        evidence=tuple(Span(page.record_id, one.start, one.end, one.of(page.body)) for one in taken),
        attributes=attributes | ({"final_answer": answer} if answer else {}),
        status="eliminated" if reason else "current",
        reason=reason,
    )
