"""RefineX: documents lose noise and nothing else happens to them, whoever is asked: only deletions are executed.

Paper: arXiv:2507.03253. An expert rewrites a window of the document freely; what it deleted becomes a program, what it
inserted is not learnt, and a window with a long insertion is left alone. Or a model trained on such programs writes
them itself. Either way the new text is the old one with characters left out. The prompts are ours.
"""

import re
from typing import Literal

from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.asking import attempted, prompt, tagged, together
from synth_dagster.parts.pages.deletions import difference
from synth_dagster.parts.pages.edit_programs import (
    Program,
    Window,
    executed,
    is_subsequence,
    joined,
    read_program,
    written,
)
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable

OPERATIONS = ("remove_lines", "remove_str", "keep_all")

EXPERT = prompt(
    system="You clean web pages by leaving things out. You never write a word of your own.",
    user="""
{before}{page}Give the page without headers, menus, links that do not belong to its matter, footers and dividers. Links
that tell something stay. Only leave out: do not correct, do not rephrase, do not reorder, and keep the line breaks.
What stands between the tags "before" is shown for understanding and is not to be given again.

First say in one line why something is left out. Then give the page between <page> and </page>.
""",
    variables="before page",
)

WRITTEN = prompt(
    system="You clean web pages by writing edits. You answer with calls and nothing else.",
    user="""
{before}{lines}Each line begins with its number in brackets. Write one call a line:

remove_lines(line_start=A, line_end=B) for lines that are headers, menus, footers, dividers or advertising;
remove_str(line=A, text="...") for a piece of a line, quoted letter by letter, that stands in it only once;
keep_all() if nothing is to be left out.

Do not answer anything but calls. What stands between the tags "before" is shown for understanding only.
""",
    variables="before lines",
)

_PAGE = re.compile(r"<(page|document)>\n?(.*?)\n?</\1>", re.DOTALL)


class Refinex(Refiner[Document]):
    """Leaves out noise; `attributes["refinex"]` has the program and how many windows were left alone, with reasons."""

    paper = "arXiv:2507.03253"
    proof = Proof(
        "planted signal",
        "1,000 random deletions come back exactly; every result is a subsequence; all planted insertions are refused.",
    )

    writes: Literal["page", "program"] = Field(
        "page",
        description="page: an expert gives the page, and its deletions count. program: a model writes the calls.",
    )
    window_characters: int = Field(12_000, ge=200, description="About how much is shown at once, in whole lines.")
    before_lines: int = Field(5, ge=0, le=100, description="Lines before a window that are shown with it.")
    longest_insertion: int = Field(
        20,
        ge=1,
        description="A page is refused with an inserted line of so many characters, or with so many that are not "
        "deleted in one line; the paper counts each insertion by itself.",
    )
    least_deletion: int = Field(10, ge=0, description="Fewer characters left out of a window count as none.")

    async def refine(self, document: Document, /, *, refiner: Teacher) -> Document | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        shown = _windows(document.body, self.window_characters)
        answers = await together(*(attempted(self._asked(document, window, refiner)) for window in shown))
        failed = [one for one in answers if isinstance(one, Unusable)]
        if len(failed) == len(answers) and failed[0].call is not None:
            raise failed[0]  # nothing came back: a reject, to be tried again
        read = [self._program(window, answer) for window, answer in zip(shown, answers, strict=True)]
        return self._outcome(document, joined(program for program, _ in read), [why for _, why in read if why])

    async def _asked(self, document: Document, window: Window, refiner: Teacher) -> Answer:
        if len(window.lines[0]) > self.window_characters:
            raise Unusable("long_line", "")
        lines = document.body.split("\n")[max(0, window.first - self.before_lines) : window.first]
        before = tagged("before", "\n".join(lines)[-self.window_characters :])
        if self.writes == "program":
            shown = tagged("lines", window.numbered(self.window_characters), title=document.title)
            return await refiner.tell(WRITTEN, sampling=_PROGRAM, before=before, lines=shown)
        shown = tagged("page", "\n".join(window.lines), title=document.title)
        return await refiner.tell(EXPERT, sampling=_EXPERT, before=before, page=shown)

    # -------------------------------------------------------------------------------------------------- from answers

    def _program(self, window: Window, answer: Answer | Unusable) -> tuple[Program, str]:
        """What may be executed of an answer, and why a window is left alone."""
        if isinstance(answer, Unusable):
            return Program(), answer.reason
        if answer.finish_reason == "length":
            return Program(), "cut"
        if self.writes == "program":
            return read_program(answer.text, window, OPERATIONS), ""
        return self._of_page(window, answer.text)

    def _of_page(self, window: Window, text: str) -> tuple[Program, str]:
        found = _PAGE.search(text)
        if found is None:
            return Program(), "no_page"
        source = "\n".join(window.lines).replace("</page>", "</ page>")  # as it was shown
        told = difference(source, found[2], window.first)
        if told.longest_other >= self.longest_insertion:
            return Program(), "insertion"
        return (told.program if told.deleted >= self.least_deletion else Program()), ""

    def _outcome(self, document: Document, program: Program, left_alone: list[str]) -> Document | Drop:
        done = executed(document.body, program)
        if not is_subsequence(done.text, document.body):
            raise MethodError("'refinex' made a text that is not the old one with characters left out. Report this.")
        if is_blank(done.text):
            return Drop("nothing_left")
        if done.text == document.body and not left_alone and not done.errors:
            return document
        told: dict[str, Json] = {"program": written(program), "errors": done.errors}
        if left_alone:
            told["left_alone"] = {why: left_alone.count(why) for why in sorted(set(left_alone))}
        return document.but(body=done.text, attributes={**document.attributes, "refinex": told})


# The paper's expert samples with top-p .8; its top-k is no setting of the OpenAI form. 8,192 tokens hold a window.
_EXPERT = Sampling(temperature=0.7, top_p=0.8, max_tokens=8_192)
_PROGRAM = Sampling(temperature=0.0, max_tokens=2_048)


def _windows(text: str, most: int) -> list[Window]:
    """The text as windows of whole lines with at most about so many characters each; no line is in two of them."""
    found: list[Window] = []
    gathered: list[str] = []
    size = start = 0
    for number, line in enumerate(text.split("\n")):
        if gathered and size + len(line) > most:
            found.append(Window(start, tuple(gathered)))
            gathered, size, start = [], 0, number
        gathered.append(line)
        size += len(line) + 1
    return [*found, Window(start, tuple(gathered))]
