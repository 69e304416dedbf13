"""What ProX shows a model of a page, the whole and window by window, and the rule by which its labels are made.

Paper: arXiv:2409.17115. `prox` executes what is answered, `prox_pairs` writes it down to train a model by.
"""

from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.parts.pages.edit_programs import Window
from synth_dagster.parts.text.tokens import place_after
from synth_dagster.records import Document
from synth_dagster.services import Answer, Reply, Sampling, Teacher

OPERATIONS = ("remove_lines", "normalize", "keep_chunk")

# The paper decodes greedily; its code asks for at most 256 tokens of program.
PROGRAMS = Sampling(temperature=0.0, top_p=0.9, max_tokens=256)
SCORING = Sampling(temperature=0.0, max_tokens=256)

WHOLE = prompt(
    system="You decide whether web pages are worth training a language model on. You answer with one call.",
    user="""
{document}Is this worth reading for somebody who wants to learn? Answer keep_doc() if it is, and drop_doc() if it is
advertising, a list of links, a form, an error page, or text that says nothing.
""",
    variables="document",
)

SCORES = prompt(
    system="You judge web pages as material for training a language model.",
    user="""
{document}Give two whole numbers from 0 to 5.

educational: 0 teaches nothing; 1 has some facts among advertising or gossip; 2 touches on what is taught, without
order; 3 would do as reading for a class, with gaps or things beside the point; 4 is clear and to the point, like a
textbook; 5 could be handed out in class as it is.

clean: 0 cannot be read; 1 is mostly menus, links and broken pieces; 2 is half text, half noise; 3 is text with noise in
several places; 4 is text with little noise; 5 is whole, well laid out text.
""",
    variables="document",
)

LINES = prompt(
    system="You clean web pages by writing edits. You answer with calls and nothing else.",
    user="""
{lines}Each line begins with its number in brackets. Write one call a line:

remove_lines(line_start=A, line_end=B) for lines that are menus, links, buttons, footers, counters or advertising;
normalize(source_str="...", target_str="...") for a piece of noise inside good lines, quoted letter by letter;
keep_chunk() if nothing is to be changed.

Do not touch what belongs to the text. Do not answer anything but calls.
""",
    variables="lines",
)


class Scores(Reply):
    """How much a page teaches, and how clean it is."""

    educational: int = Field(ge=0, le=5, description="0 to 5: how much the page teaches.")
    clean: int = Field(ge=0, le=5, description="0 to 5: how clean its text is.")


class Shown(BaseModel):
    """How much is shown at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_tokens: int = Field(2_000, ge=100, description="How much of a document its verdict is asked about.")
    window_tokens: int = Field(1_500, ge=50, description="Longest window of lines; a longer line is one of its own.")

    def whole(self, document: Document) -> str:
        body = document.body[: place_after(document.body, self.document_tokens)]
        return tagged("document", body, title=document.title)

    def lines(self, document: Document, window: Window) -> str:
        return tagged("lines", window.numbered(self.window_tokens), title=document.title)

    async def scored(self, document: Document, refiner: Teacher) -> Scores:
        return await refiner.ask(SCORES, into=Scores, sampling=SCORING, document=self.whole(document))

    async def program_for(self, document: Document, window: Window, refiner: Teacher) -> Answer:
        return await refiner.tell(LINES, sampling=PROGRAMS, lines=self.lines(document, window))


def is_kept(educational: int, clean: int) -> bool:
    """The paper's rule over two scores of 0 to 5: what teaches is kept, and what nearly does if it is clean."""
    return educational >= 3 or (educational == 2 and clean >= 4)
