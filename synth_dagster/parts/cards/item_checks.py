"""Two checks of a question and its answer by what lies outside them: a program's output, and pages about what it names.

As UniGen makes them (arXiv:2406.18966), in our own words. Four slips of its released code are not repeated: the fact
check there never corrects, since it asks whether the text "False" is empty; a label is replaced even where it says the
same; a first disagreement ends the tries; and an item without entities reads what is not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from synth_dagster.parts.asking.calls import attempted, prompt, tagged
from synth_dagster.parts.mathematics.answers import final_answer, same_answer
from synth_dagster.parts.mathematics.programs import bare_program, result_of
from synth_dagster.parts.mathematics.voting import vote
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Json
from synth_dagster.services import Limits, Reply, Sampling, Sandbox, Teacher, Unusable

CHECKING = Sampling(temperature=0.0, max_tokens=2_048)
ENTITIES = 3  # most things of an item that are looked up
PAGE_CHARACTERS = 4_000  # of a page that is shown


@dataclass(frozen=True, slots=True)
class Item:
    """A question and its answer."""

    text: str
    label: str


class Program(Reply):
    program: str = Field(description="A complete Python program that assigns the answer to `result`.")


class SameAnswer(Reply):
    same: bool = Field(description="Whether both answers say the same.")


class Named(Reply):
    entities: list[str] = Field(description="What should be looked up, the most important first.")


class Confirmed(Reply):
    correct: bool = Field(description="Whether the pages confirm question and answer.")
    text: str = Field(description="The question, corrected if it was wrong.")
    label: str = Field(description="The answer, corrected if it was wrong.")


SOLVE_BY_PROGRAM = prompt(
    system="You solve problems by programs, with Python's standard library alone.",
    user="""
{problem}{error}Write a complete program that works the problem out and assigns the answer to the variable `result`.
""",
    variables="problem error",
)
SAME_ANSWER = prompt(
    user="""
{problem}{label}{output}Do both answers to this problem say the same, in another form at most?
""",
    variables="problem label output",
)
WHAT_TO_LOOK_UP = prompt(
    user="""
{item}Name what should be looked up to find out whether this question and its answer are true to the facts: up to three
people, places, things or events, each by the name that its page in an encyclopaedia would have.
""",
    variables="item",
)
CONFIRM = prompt(
    system="You check facts. What the pages do not speak of you leave as it is.",
    user="""
{pages}{item}Do the pages confirm this question and its answer? If something contradicts them, correct it, and change
nothing else.
""",
    variables="pages item",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """The item as it comes out of a check, and what happened."""

    item: Item
    facts: Mapping[str, Json] = field(default_factory=dict)


async def by_program(
    item: Item, writer: Teacher, judge: Teacher, sandbox: Sandbox, *, attempts: int, limits: Limits
) -> Checked:
    """The item with the output of programs as its label, where these do not say the same as it.

    A program that fails is asked for again, with its error, and so is one that disagrees, until another one says the
    same: then, or when the attempts are over, the label is what most of them say. Without one that runs it stays.
    """
    error, outputs, tried = "", list[str](), 0
    while tried < attempts:
        output, error = await _run(item, error, writer, sandbox, sample=tried, limits=limits)
        tried += 1
        if output is None:
            continue
        confirmed = any(same_answer(output, earlier, symbolic=True) for earlier in outputs)
        if not confirmed and await _same(item, output, judge):
            return Checked(item, {"attempts": tried, "output": output, "agrees": True})
        outputs.append(output)
        if confirmed:
            break
    settled = vote(outputs, symbolic=True).answer
    if settled is None:
        return Checked(item, {"attempts": tried, "error": error})
    facts = {"attempts": tried, "output": settled, "agrees": False, "replaced": item.label}
    return Checked(Item(item.text, settled), facts)


async def _run(
    item: Item, error: str, writer: Teacher, sandbox: Sandbox, *, sample: int, limits: Limits
) -> tuple[str | None, str]:
    """What a program for the item says, or None and what is wrong with it."""
    asked = writer.ask(
        SOLVE_BY_PROGRAM,
        into=Program,
        sampling=CHECKING,
        sample=sample,
        problem=tagged("problem", item.text),
        error=tagged("error", error),
    )
    said = await attempted(asked)
    if isinstance(said, Unusable):
        return None, said.reason
    output, reason = await result_of(bare_program(said.program), sandbox, limits)
    return output, reason or ""


async def _same(item: Item, output: str, judge: Teacher) -> bool:
    """Whether output and label say the same: a judge is asked only where a comparison does not settle it."""
    if same_answer(output, final_answer(item.label) or item.label, symbolic=True):
        return True  # a label may be a whole solution
    said = await attempted(
        judge.ask(
            SAME_ANSWER,
            into=SameAnswer,
            sampling=CHECKING,
            problem=tagged("problem", item.text),
            label=tagged("label", item.label),
            output=tagged("output", output),
        )
    )
    return not isinstance(said, Unusable) and said.same


async def by_pages(item: Item, judge: Teacher, pages: Mapping[str, str]) -> Checked:
    """The item as pages about what it names confirm or correct it. `pages` is title, normalised -> text."""
    shown = tagged("item", f"{item.text}\n\n{item.label}")
    named = await attempted(judge.ask(WHAT_TO_LOOK_UP, into=Named, sampling=CHECKING, item=shown))
    if isinstance(named, Unusable):
        return Checked(item, {"error": named.reason})
    wanted = list(dict.fromkeys(normalised(name) for name in named.entities))[:ENTITIES]
    found = [name for name in wanted if name in pages]
    if not found:
        return Checked(item, {"pages": []})
    texts = "".join(tagged("page", pages[name][:PAGE_CHARACTERS], title=name) for name in found)
    said = await attempted(judge.ask(CONFIRM, into=Confirmed, sampling=CHECKING, pages=texts, item=shown))
    if isinstance(said, Unusable):
        return Checked(item, {"pages": found, "error": said.reason})
    if said.correct or is_blank(said.text) or not said.label.strip():
        return Checked(item, {"pages": found, "corrected": False})
    return Checked(Item(said.text.strip(), said.label.strip()), {"pages": found, "corrected": True})


def pages_from(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Title, normalised -> text of rows with `title` and `text`; of one title the first page counts."""
    found: dict[str, str] = {}
    for row in rows:
        title, text = row.get("title"), row.get("text")
        if isinstance(title, str) and isinstance(text, str) and not is_blank(text):
            found.setdefault(normalised(title), text)
    return found
