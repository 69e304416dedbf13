"""UniGen: more items like those of a set, varied on purpose, reflected upon, checked by programs and pages, and apart.

Paper: arXiv:2406.18966, now DataGen; the wording of the prompts is ours. Examples that differ are shown, with the
keywords of what they are about; each item is judged and rewritten until it is good; a program's output corrects its
answer; pages of your own correct its facts; and of items that lie too close together the first stays. The released code
keeps items that were never judged good; here they are eliminated. Slips of its checks are not repeated (see
`parts.item_checks`), nor is that of its chooser of examples (`parts.spread`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from synth_dagster.method import Family, LabelsPath, Lifecycle, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, recorded, tagged, together, written_by
from synth_dagster.parts.cards.item_checks import (
    CONFIRM,
    SAME_ANSWER,
    SOLVE_BY_PROGRAM,
    WHAT_TO_LOOK_UP,
    Confirmed,
    Item,
    Named,
    Program,
    SameAnswer,
    by_pages,
    by_program,
    pages_from,
)
from synth_dagster.parts.cards.item_reflection import (
    HARDEN,
    IMPROVE,
    REFLECT,
    Hardened,
    Reflected,
    Reflection,
    Rewritten,
    hardened,
    reflected,
)
from synth_dagster.parts.cards.item_requests import (
    TAG,
    WRITE,
    Asking,
    Choice,
    Keywords,
    Request,
    WrittenItems,
    requests_for,
)
from synth_dagster.parts.similarity.spread import too_near
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Instruction, Json
from synth_dagster.services import (
    Call,
    Drop,
    Embedder,
    Limits,
    References,
    Sampling,
    Sandbox,
    Teacher,
    Unusable,
)

Check: TypeAlias = Literal["reflection", "code", "facts", "group"]
SAYS = (
    *(CONFIRM, HARDEN, IMPROVE, REFLECT, SAME_ANSWER, SOLVE_BY_PROGRAM, TAG, WHAT_TO_LOOK_UP, WRITE),
    *(Confirmed, Hardened, Keywords, Named, Program, Reflection, Rewritten, SameAnswer, WrittenItems),
)
"""What requests and checks say: it stands in this module so that it is part of what its records are made by."""


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error
    return text


class Unigen(PoolSynthesizer[Instruction, Instruction]):
    """Every item stays: what passes its checks is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2406.18966"
    family: ClassVar[Family] = "general distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("benchmarks", "data sets", "attributes", "self-reflection", "fact check")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of 30 % wrong labels none is left after the code check, of flaws at most 2 % after five reflections; group "
        "check, spread and clusters are those of the released code on stored vectors",
    )

    description: str = Field("", description="What the set is for, in a few sentences; shown with every request.")
    constraints: tuple[str, ...] = Field((), description="Rules for items, in words.")
    patterns: tuple[Annotated[str, AfterValidator(_is_pattern)], ...] = Field(
        (), description="Regular expressions that must each be found in an item's text."
    )
    per_seed: int = Field(1, ge=1, le=1_000, description="New items for each item of the set.")
    batch: int = Field(5, ge=1, le=50, description="Items that are asked for at once.")
    examples: int = Field(5, ge=1, le=50, description="Examples that are shown.")
    choice: Choice = Field(
        "embedding",
        description="How examples are chosen: far apart, one at random of each cluster (k-means, or agglomerative by "
        "Ward's distance), or at random.",
    )
    attributes: bool = Field(True, description="Tag the set with keywords and guide new items by them.")
    checks: tuple[Check, ...] = Field(
        ("reflection", "code", "group"), description="Which checks are made, each in its turn; `facts` needs `pages`."
    )
    epochs: int = Field(5, ge=1, le=20, description="Most times that an item is reflected upon.")
    attempts: int = Field(5, ge=1, le=20, description="Most programs for an item, until one agrees, or two of them do.")
    pages: LabelsPath = Field("", description="JSON lines of `title` and `text` by which facts are checked.")
    distance: float = Field(0.3, ge=0, le=2, description="Items closer than this (L2 of unit vectors) repeat another.")
    harden: bool = Field(False, description="Make each question harder in the end, with the same answer.")
    max_words: int = Field(1_000, ge=10, description="Longer items of the set are left out.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature of new items.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer of the writer, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a program may take.")
    seed: int = Field(0, ge=0, description="Seed of examples and attributes.")

    async def round(
        self,
        pool: Sequence[Instruction],
        number: int,
        /,
        *,
        writer: Teacher,
        judge: Teacher,
        embed: Embedder,
        sandbox: Sandbox,
        references: References,
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number > 0 or not pool:
            return []
        base = [record for record in pool if self._why_no_seed(record) is None]
        drops = [Drop(reason) for record in pool if (reason := self._why_no_seed(record))]
        if not base:
            return drops
        pages = pages_from(references.rows(self.pages)) if "facts" in self.checks and self.pages else {}
        work = _Work(self, base, writer, judge, sandbox, pages)
        asking = Asking(self.per_seed * len(base), self.batch, self.choice, self.examples, self.attributes, self.seed)
        requests = await requests_for(base, asking, writer, embed)
        written = await together(*(recorded(work.written(one)) for one in requests))
        failed = [replace(one, calls=calls) for one, calls in written if isinstance(one, Drop)]
        found = [item.paid(calls) for some, calls in written if not isinstance(some, Drop) for item in some]
        told = await together(*(recorded(work.checked(item)) for item in without_repeats(found, base)))
        checked = [item.paid(calls) for item, calls in told]
        if "group" in self.checks:
            checked = await self._apart(checked, embed)
        return [*drops, *failed, [_record(item) for item in checked]]

    def _why_no_seed(self, record: Instruction) -> str | None:
        if is_blank(record.instruction) or not record.response.strip():
            return "blank_item"
        return "too_long" if len(record.text().split()) > self.max_words else None

    async def _apart(self, items: list["_New"], embed: Embedder) -> list["_New"]:
        """The items, of those that lie too close together the first."""
        current = [place for place, item in enumerate(items) if item.reason is None]
        if not current:
            return items
        near = too_near(await embed.embed([items[place].item.text for place in current]), self.distance)
        for place, other in zip(current, near, strict=True):
            if other is not None:
                told = {"nearest_item": items[current[other]].number}
                items[place] = replace(items[place], reason="near_duplicate", facts=items[place].facts | told)
        return items

    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class _New:
    """An item on its way to a record."""

    number: int
    item: Item
    request: Request
    call: Call | None
    facts: dict[str, Json] = field(default_factory=dict)
    reason: str | None = None
    calls: tuple[bytes, ...] = ()

    def paid(self, calls: Sequence[bytes]) -> "_New":
        return replace(self, calls=(*self.calls, *calls))

    def after(self, found: Reflected) -> "_New":
        call = found.draft.call or self.call
        return replace(self, item=found.draft.item, call=call, facts={**self.facts, **found.facts}, reason=found.reason)


@dataclass(frozen=True, slots=True)
class _Work:
    """What all items of a batch share."""

    method: Unigen
    base: Sequence[Instruction]
    writer: Teacher
    judge: Teacher
    sandbox: Sandbox
    pages: Mapping[str, str]

    async def written(self, request: Request) -> "list[_New] | Drop":
        shown = [f"{one.instruction}\n\n{one.response}" for one in request.examples]
        said = await attempted(
            self.writer.ask(
                WRITE,
                into=WrittenItems,
                sampling=self.method.sampling(),
                sample=request.number,
                examples="".join(tagged("example", text) for text in shown),
                attributes=tagged("attributes", "\n".join(request.attributes)),
                count=request.count,
                **self._about(),
            )
        )
        if isinstance(said, Unusable):
            return Drop(f"items_{said.reason}", raw=said.raw, call=said.call)
        first = request.number * self.method.batch
        return [
            _New(first + place, Item(one.text.strip(), one.label.strip()), request, said.call, calls=request.calls)
            for place, one in enumerate(said.items[: request.count])
        ]

    def _about(self) -> dict[str, str]:
        rules = "\n".join(f"{place}. {rule}" for place, rule in enumerate(self.method.constraints, 1))
        return {
            "description": tagged("description", self.method.description),
            "constraints": tagged("constraints", rules),
        }

    # ------------------------------------------------------------------------------------------------------- the checks

    async def checked(self, new: _New) -> _New:
        """The item after its checks, as far as it gets."""
        steps = {"reflection": self._reflected, "code": self._run, "facts": self._looked_up}
        for check in dict.fromkeys(self.method.checks):
            if new.reason is None and check in steps:
                new = await steps[check](new)
        if new.reason is None and self.method.harden:
            new = new.after(await hardened(new.item, self.writer, self.method.sampling()))
        if new.reason is None and not all(re.search(pattern, new.item.text) for pattern in self.method.patterns):
            return replace(new, reason="against_pattern")
        return new

    async def _reflected(self, new: _New) -> _New:
        found = await reflected(
            new.item,
            self.writer,
            self.judge,
            about=self._about(),
            epochs=self.method.epochs,
            sampling=self.method.sampling(),
        )
        return new.after(found)

    async def _run(self, new: _New) -> _New:
        limits = Limits(cpu_s=self.method.cpu_s)
        found = await by_program(
            new.item, self.writer, self.judge, self.sandbox, attempts=self.method.attempts, limits=limits
        )
        return replace(new, item=found.item, facts=new.facts | {"math_eval": found.facts})

    async def _looked_up(self, new: _New) -> _New:
        if not self.pages:
            return new
        found = await by_pages(new.item, self.judge, self.pages)
        return replace(new, item=found.item, facts=new.facts | {"rag_check": found.facts})


def without_repeats(items: Sequence[_New], base: Sequence[Instruction]) -> list[_New]:
    """A blank item, and one that the set or an earlier one has word for word, goes before it is checked."""
    seen = {normalised(record.instruction) for record in base}
    found: list[_New] = []
    for new in items:
        key = normalised(new.item.text)
        blank = is_blank(new.item.text) or not new.item.label
        reason = "blank_item" if blank else "repeated_item" if key in seen else None
        seen |= {key} if reason is None else set()
        found.append(replace(new, reason=reason))
    return found


def _record(new: _New) -> Instruction:
    facts: dict[str, Any] = {"number": new.number, "category": list(new.request.attributes), **new.facts}
    return Instruction.single(
        new.item.text,
        new.item.label,
        parents=new.request.examples,
        attributes=facts,
        status="eliminated" if new.reason else "current",
        reason=new.reason,
        calls=new.calls,
        **written_by(new.call),
    )
