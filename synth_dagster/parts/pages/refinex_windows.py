"""What RefineX shows an expert or a trained model of a page, window by window, and what it learns from an expert.

Paper: arXiv:2507.03253. Windows of whole lines; of a rewritten window the deletions count, and one with a long
insertion teaches nothing. `refinex` executes what was deleted, `refinex_pairs` writes it down to train a model by.
"""

import re

from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.parts.pages.deletions import Difference, difference
from synth_dagster.parts.pages.edit_programs import Window
from synth_dagster.records import Document
from synth_dagster.services import Answer, Sampling, Teacher, Unusable

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

# The paper's expert samples with top-p .8; its top-k is no setting of the OpenAI form. 8,192 tokens hold a window.
BY_EXPERT = Sampling(temperature=0.7, top_p=0.8, max_tokens=8_192)
BY_PROGRAM = Sampling(temperature=0.0, max_tokens=2_048)


class Windows(BaseModel):
    """How much is shown at once, and what of an expert's page counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_characters: int = Field(12_000, ge=200, description="About how much is shown at once, in whole lines.")
    before_lines: int = Field(5, ge=0, le=100, description="Lines before a window that are shown with it.")
    longest_insertion: int = Field(
        20,
        ge=1,
        description="A page is refused with an inserted line of so many characters, or with so many that are not "
        "deleted in one line; the paper counts each insertion by itself.",
    )
    least_deletion: int = Field(10, ge=0, description="Fewer characters left out of a window count as none.")

    def windows_of(self, text: str) -> list[Window]:
        """The text as windows of whole lines with at most about so many characters each; no line is in two of them."""
        return _windows(text, self.window_characters)

    def before(self, document: Document, window: Window) -> str:
        """What is shown of the lines before a window. Raises Unusable for a line that is too long to be shown."""
        if len(window.lines[0]) > self.window_characters:
            raise Unusable("long_line", "")
        lines = document.body.split("\n")[max(0, window.first - self.before_lines) : window.first]
        return tagged("before", "\n".join(lines)[-self.window_characters :])

    def numbered(self, document: Document, window: Window) -> str:
        """The lines as a model is shown them that writes the program."""
        return tagged("lines", window.numbered(self.window_characters), title=document.title)

    async def by_expert(self, document: Document, window: Window, refiner: Teacher) -> Answer:
        """The window as an expert writes it, asked the same way whoever needs it: it is paid once."""
        before = self.before(document, window)
        page = tagged("page", "\n".join(window.lines), title=document.title)
        return await refiner.tell(EXPERT, sampling=BY_EXPERT, before=before, page=page)

    def learnt(self, window: Window, answer: Answer) -> Difference | str:
        """What leads from a window to the expert's; or why nothing is to be learnt from it."""
        if answer.finish_reason == "length":
            return "cut"
        found = _PAGE.search(answer.text)
        if found is None:
            return "no_page"
        source = "\n".join(window.lines).replace("</page>", "</ page>")  # as it was shown
        told = difference(source, found[2], window.first)
        return "insertion" if told.longest_other >= self.longest_insertion else told


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
