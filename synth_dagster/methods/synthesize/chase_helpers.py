"""CHASE's helper functions: a code base that a model writes from a few functions of yours, each run before it stays.

Paper: arXiv:2502.14678. A writer is shown functions of the pool and writes five new ones. One stays that is not like an
earlier one, and that comes to its end when the writer calls it with values of its own. `chase_code` makes problems of
them. Numbers are those of the released code, prompts are ours: your functions are shown as long as there are fewer than
fifty and fewer than 15 requests were made, then five of the model's at random. There, the name of a function's file
counts in the likeness too, and a model's code runs in the working folder; here a function is a document, and runs in
the sandbox with the standard library alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Lifecycle, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, together, written_by
from synth_dagster.parts.cards.helpers import Function, Helper, KnownFunctions, as_shown, function_of, helpers_of
from synth_dagster.parts.cards.trials import TRIAL, Trial, why_it_fails_its_trial
from synth_dagster.parts.mathematics.programs import bare_program
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Json
from synth_dagster.services import Call, Drop, Limits, Reply, Sampling, Sandbox, Teacher, Unusable

SAYS = (TRIAL, Trial)
"""What a trial says: it stands in this module so that it is part of what its records are made by."""


class WrittenHelpers(Reply):
    programs: list[str] = Field(
        description="The functions, each complete and by itself, with a docstring that says what it does step by step."
    )


WRITE = prompt(
    system="You write the functions of a large code base, each of which does something that takes thought.",
    user="""
{helpers}These are functions of a code base. Write this many new ones for it: <count>{count}</count>

Each is one Python function with the standard library alone, does three or four things one after the other that are not
simple, and has a docstring that says each of them so exactly that there is one way to do it. They are unlike these and
unlike each other in name and purpose.
""",
    variables="helpers count",
)


class ChaseHelpers(PoolSynthesizer[Document, Document]):
    """What is like another function, says not what it is for, or does not run is eliminated with the reason."""

    paper: ClassVar[str] = "arXiv:2502.14678"
    family: ClassVar[Family] = "domain distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("code", "functions", "repository", "programs", "benchmark")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Planted functions that are alike, are none, say nothing of themselves, fail when they are called or never end "
        "all go with their reason, sound ones never; of 66 stored pairs those are alike that the released code takes "
        "for alike.",
    )

    helpers: int = Field(100, ge=1, le=100_000, description="New functions after which the method ends; none is given.")
    asked_for: int = Field(5, ge=1, le=50, description="Functions asked for in a request.")
    shown: int = Field(5, ge=1, le=50, description="Functions that a request shows.")
    seeds_until: int = Field(50, ge=0, description="Functions of the model from which on your own are shown no more.")
    seed_requests: int = Field(15, ge=0, description="Requests after which your own functions are shown no more.")
    requests_a_round: int = Field(4, ge=1, le=64, description="Requests between two comparisons.")
    patience: int = Field(3, ge=1, description="Rounds without a new function after which the method ends.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(8_000, ge=256, description="Longest answer, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a function may take.")
    seed: int = Field(0, ge=0, description="Another seed shows other functions.")

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher, sandbox: Sandbox
    ) -> Sequence[Sequence[Document] | Drop]:
        mine = [one for one in pool if _is_written(one) and one.status == "current"]
        last = max((int(str(one.attributes["round"])) for one in mine), default=-1)
        if len(mine) >= self.helpers or number - 1 - last >= self.patience:
            return []
        seeds, refused = await helpers_of([one for one in pool if not _is_written(one)], sandbox, self.limits)
        drops = refused if number == 0 else []
        if not seeds:
            return drops
        known = [Helper(function, one) for one in mine if (function := function_of(one.body))]
        work = _Work(self, seeds, known, writer)
        return [*drops, *await work.round(number, sandbox)]

    @property
    def limits(self) -> Limits:
        return Limits(cpu_s=self.cpu_s)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A function on its way to a record."""

    code: str
    parents: tuple[Document, ...]
    call: Call | None
    calls: tuple[bytes, ...]
    function: Function | None = None
    reason: str | None = None

    def record(self, number: int) -> Document:
        facts: dict[str, Json] = {"round": number}
        return Document(
            body=self.code,
            title=self.function.name if self.function else None,
            parents=self.parents,
            attributes=facts | ({"objective": self.function.objective} if self.function else {}),
            status="eliminated" if self.reason else "current",
            reason=self.reason,
            calls=self.calls,
            **written_by(self.call),
        )


@dataclass(frozen=True)
class _Work:
    """One round: what is there, and who writes."""

    method: ChaseHelpers
    seeds: Sequence[Helper]
    mine: Sequence[Helper]
    writer: Teacher

    async def round(self, number: int, sandbox: Sandbox) -> list[Sequence[Document] | Drop]:
        shown_ones = [self._shown(number, place) for place in range(self.method.requests_a_round)]
        said = await together(*(recorded(attempted(self._written(ones, number))) for ones in shown_ones))
        known = KnownFunctions(one.function for one in (*self.seeds, *self.mine))
        drafts = [_drafts(self.method, known, ones, *answer) for ones, answer in zip(shown_ones, said, strict=True)]
        return [
            some if isinstance(some, Drop) else await together(*(self._tried(one, number, sandbox) for one in some))
            for some in drafts
        ]

    def _shown(self, number: int, place: int) -> list[Helper]:
        method = self.method
        request = number * method.requests_a_round + place
        is_early = request < method.seed_requests and len(self.mine) < method.seeds_until
        there = self.seeds if is_early or not self.mine else self.mine
        draws = stream(method.seed, self.seeds[0].document.record_id, "shown", request)
        return draws.sample(there, min(method.shown, len(there)))

    async def _written(self, ones: Sequence[Helper], number: int) -> WrittenHelpers:
        return await self.writer.ask(
            WRITE,
            into=WrittenHelpers,
            sampling=Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens),
            sample=number,
            helpers=as_shown(one.code for one in ones),
            count=self.method.asked_for,
        )

    async def _tried(self, draft: _Draft, number: int, sandbox: Sandbox) -> Document:
        if draft.reason or draft.function is None:
            return draft.record(number)
        trial = why_it_fails_its_trial(
            draft.function, (), writer=self.writer, sandbox=sandbox, limits=self.method.limits
        )
        reason, calls = await recorded(trial)
        return replace(draft, reason=reason, calls=(*draft.calls, *calls)).record(number)


def _drafts(
    method: ChaseHelpers,
    known: KnownFunctions,
    shown_ones: Sequence[Helper],
    said: WrittenHelpers | Unusable,
    calls: tuple[bytes, ...],
) -> list[_Draft] | Drop:
    """The functions of one request, in order: what is new joins those that are there at once, before it is tried."""
    if isinstance(said, Unusable):
        return Drop(said.reason, raw=said.raw, call=said.call, calls=calls)
    if not said.programs:
        return Drop("no_functions", "The writer gave no function.", call=said.call, calls=calls)
    parents = tuple(one.document for one in shown_ones)
    found = []
    for text in said.programs[: method.asked_for]:
        function = function_of(text)
        reason = _why_refused(function, known)
        if function is not None and reason is None:
            known.add(function)
        found.append(_Draft(bare_program(text), parents, said.call, calls, function, reason))
    return found


def _is_written(document: Document) -> bool:
    return document.method == "chase_helpers" and "round" in document.attributes


def _why_refused(function: Function | None, known: KnownFunctions) -> str | None:
    if function is None:
        return "no_function"
    if is_blank(function.objective):
        return "no_objective"
    return "too_alike" if known.has_like(function) else None
