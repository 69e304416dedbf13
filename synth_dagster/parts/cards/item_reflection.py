"""Items of a data set are reflected upon until they are good, or made harder: what UniGen asks of a judge and a writer.

Paper: arXiv:2406.18966; the wording is ours. A rewriting stands whatever is said of it next, as in the paper, and every
reflection on the way is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from synth_dagster.parts.asking.calls import attempted, prompt, tagged
from synth_dagster.parts.asking.revising import Judgment, revised
from synth_dagster.parts.cards.item_checks import CHECKING, Item
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Json
from synth_dagster.services import Call, Reply, Sampling, Teacher, Unusable


class Reflection(Reply):
    reflection: str = Field(description="What is good and what is wrong, and how to make it better.")
    is_good: bool = Field(description="Whether the item is good as it is.")


class Rewritten(Reply):
    text: str = Field(description="The question or task, made better.")
    label: str = Field(description="Its answer.")


class Hardened(Reply):
    way: Literal["paraphrase", "distraction", "options", "wrong_option"] = Field(description="Which way was taken.")
    text: str = Field(description="The question or task, made harder.")


REFLECT = prompt(
    system="You review items of a data set before they are published.",
    user="""
{description}{constraints}{item}Reflect on this item: its quality, its form, whether it belongs to the set and keeps to
the constraints, whether its answer is right, and whether it is hard enough. Then say whether it is good as it is.
""",
    variables="description constraints item",
)
IMPROVE = prompt(
    system="You improve items of a data set. What is good stays, and so does the way in which an item is built.",
    user="""
{description}{constraints}{item}{reflection}Write the item anew, so that what the reflection criticises is no longer
there.
""",
    variables="description constraints item reflection",
)
HARDEN = prompt(
    system="You make questions harder without changing their answer.",
    user="""
{item}Choose the one way that fits this item best, think about how it can mislead, and write the question anew: say it
in other words (paraphrase); add true facts that do not matter (distraction); say its options in other words (options);
or add a wrong option that looks right (wrong_option). The answer stays the same.
""",
    variables="item",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """An item, and the call that wrote it last; none where it is as it was given."""

    item: Item
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Reflected:
    """The draft that stands, what was said on the way, and why it is not good."""

    draft: Draft
    facts: Mapping[str, Json] = field(default_factory=dict)
    reason: str | None = None


async def reflected(
    item: Item, writer: Teacher, judge: Teacher, *, about: Mapping[str, str], epochs: int, sampling: Sampling
) -> Reflected:
    """The item after up to so many reflections, each but the last followed by a rewriting. `about` is shown with it."""

    async def reflection(draft: Draft, epoch: int) -> Judgment:
        said = await judge.ask(
            REFLECT, into=Reflection, sampling=CHECKING, sample=epoch, item=shown(draft.item), **about
        )
        return Judgment(float(said.is_good), said.reflection, said.call)

    async def improved(draft: Draft, judgment: Judgment, epoch: int) -> Draft:
        critique = tagged("reflection", judgment.critique)
        said = await writer.ask(
            IMPROVE,
            into=Rewritten,
            sampling=sampling,
            sample=epoch,
            item=shown(draft.item),
            reflection=critique,
            **about,
        )
        if is_blank(said.text) or not said.label.strip():
            raise Unusable("blank_item", said.model_dump_json(), said.call)
        return Draft(Item(said.text.strip(), said.label.strip()), said.call)

    found = await revised(Draft(item), reflection, improved, rounds=epochs - 1, enough=1, may_fall=True)
    if found.judgment is None:
        return Reflected(found.draft, reason=f"reflection_{found.problem.reason}" if found.problem else None)
    good = found.judgment.score >= 1
    facts = {
        "is_good": good,
        "reflection_epoch": len(found.trace),
        "reflection_trajectory": [{"reflection": one.critique, "is_good": one.score >= 1} for one in found.trace],
    }
    return Reflected(found.draft, facts, None if good else "not_good")


async def hardened(item: Item, writer: Teacher, sampling: Sampling) -> Reflected:
    """The question made harder, with the same answer; as it is where that cannot be had."""
    said = await attempted(writer.ask(HARDEN, into=Hardened, sampling=sampling, item=shown(item)))
    if isinstance(said, Unusable) or is_blank(said.text):
        return Reflected(Draft(item))
    return Reflected(Draft(Item(said.text.strip(), item.label), said.call), {"hardened": said.way, "before": item.text})


def shown(item: Item) -> str:
    return tagged("item", f"{item.text}\n\n{item.label}")
