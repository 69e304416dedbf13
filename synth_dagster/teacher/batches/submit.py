"""Submits the requests that wait as provider batches, within the provider's limits and the budget.

A batch is written down, uploaded, and made, in this order, each step durable before the next; so after a kill at any
moment the ledger and the provider's own list tell what there is. It is done alone: no other process submits or collects
meanwhile.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from synth_dagster.errors import OverBudget, Pending, SynthError, TeacherError
from synth_dagster.teacher.batches.desk import Desk, entered
from synth_dagster.teacher.batches.ledger import Paid, ProviderBatch, StageLedger, parked_name
from synth_dagster.teacher.batches.lines import Line, in_parts, line_of
from synth_dagster.teacher.batches.parking import Parked, Submitted
from synth_dagster.teacher.batches.provider import Busy, Provider, TooLarge, Unclear
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.cache import Stored
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.roles import Endpoint

MOST_TRIES = 3  # in batches; a request that failed in so many is no longer the provider's bad day
AGAIN_S = 300.0  # until a provider that had no room is asked once more


@dataclass(frozen=True, slots=True)
class Submitter:
    """Submits for one stage that is being made over one batch, within its budget."""

    desk: Desk
    ledger: StageLedger
    budget: Budget
    dialect: Callable[[Endpoint, str], Dialect]  # of a model there

    async def __call__(self, parked: Sequence[Parked]) -> Submitted:
        """Submit what no batch holds yet. What others have collected meanwhile is answered."""
        async with entered(self.ledger.alone()):
            answers = {one.asked.call_id: found for one in parked if (found := await self._answered(one)) is not None}
            left = [one for one in parked if one.asked.call_id not in answers]
            held = self.ledger.waiting([one.asked.call_id for one in left])
            fresh = [one for one in left if one.asked.call_id not in held]
            self._refuse_hopeless(fresh)
            awaits, problem, not_before = set(held.by_call.values()), None, 0.0
            for group in _alike(fresh):
                made, stopped = await self._submitted(group)
                awaits |= made
                if isinstance(stopped, Busy):
                    not_before = time.time() + max(stopped.after or 0.0, AGAIN_S)
                elif stopped is not None:
                    problem = stopped
        if not left:
            return Submitted(answers, None)
        if problem is not None and not awaits:
            raise problem
        self.ledger.pause(awaits, not_before=0.0 if awaits else not_before)
        return Submitted(answers, Pending(self._sentence(awaits, len(left), problem)))

    async def _answered(self, parked: Parked) -> Stored | None:
        return None if parked.asked.texts else await self.desk.cache.get(parked.asked.call_id)

    def _refuse_hopeless(self, parked: Sequence[Parked]) -> None:
        """Raises for requests that failed in batch after batch."""
        failed = [fate for one in parked if (fate := self.desk.fate(one.asked.call_id)) and fate.tries >= MOST_TRIES]
        if failed:
            reasons = ", ".join(sorted({fate.reason for fate in failed}))
            raise TeacherError(
                f"{len(failed)} requests of the teacher role '{parked[0].endpoint.role}' failed in {MOST_TRIES} "
                f"provider batches ({reasons}). Write 'batch_failures: live' for the role in the recipe: they are "
                "then asked one by one, which also says what is wrong with them."
            )

    async def _submitted(self, group: Sequence[Parked]) -> tuple[set[str], SynthError | Busy | None]:
        """The keys of the batches made of requests that are alike, and what stopped the rest."""
        endpoint = group[0].endpoint
        dialect = self.dialect(endpoint, group[0].model)
        lines = [line_of(one.asked, one.path, one.body(dialect)) for one in group]
        most_tokens = {one.asked.call_id: one.max_tokens for one in group}
        made: set[str] = set()
        async with Provider(endpoint) as provider:
            await provider.check()
            ahead = list(in_parts(lines, _size, most=endpoint.batch_requests, most_bytes=endpoint.batch_bytes))
            while ahead:
                part = ahead.pop(0)
                try:
                    affordable, reserved, problem = await self._afforded(group[0], part, most_tokens)
                    if reserved is not None:
                        made.add(await self._sent(provider, group[0], part[:affordable], reserved))
                    if problem is not None:
                        return made, problem
                except TooLarge:
                    if len(part) == 1:
                        return made, TeacherError(_too_large(endpoint, part[0]))
                    ahead[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
                except (Busy, SynthError) as stopped:
                    return made, stopped
        return made, None

    async def _afforded(
        self, first: Parked, part: Sequence[Line], most_tokens: Mapping[bytes, int]
    ) -> tuple[int, Reservation | None, OverBudget | None]:
        """How many of these requests, from the first on, the caps can hold, and what is set aside for them."""
        most, refusal = len(part), None
        while most:
            read = sum(line.asked.tokens_in for line in part[:most])
            written = sum(most_tokens[line.asked.call_id] for line in part[:most])
            try:
                reserved = await self.budget.reserve(first.model, read, written, calls=most, batch=True)
            except OverBudget as problem:
                refusal = problem
                most //= 2
            else:
                return most, reserved, refusal
        return 0, None, refusal

    async def _sent(self, provider: Provider, first: Parked, part: Sequence[Line], reserved: Reservation) -> str:
        """One batch: written down, uploaded, made. Its key."""
        place = self.ledger.place
        batch = ProviderBatch(
            key=uuid4().hex,
            stage=place["stage"],
            batch=place["batch"],
            role=first.endpoint.role,
            address=first.endpoint.base_url,
            model=first.model,
            path=first.path,
            requests=len(part),
            created_at=time.time(),
            dataset=place["dataset"],
            session_id=place["session_id"],
            run_id=place["run_id"],
        )
        self.ledger.intend(batch, [line.asked for line in part])
        reserved.park(parked_name(batch.key))
        try:
            file_id = await provider.upload(f"synth-{batch.key}.jsonl", b"".join(line.content for line in part))
            self.ledger.change(batch.key, file_id=file_id)
            seen = await provider.create(file_id, first.path, batch.key)
        except Unclear:
            return batch.key  # the next look finds out; until then it may be there
        except (TooLarge, Busy, SynthError):
            self.ledger.settle(batch, "dropped", {}, Paid())
            raise
        self.ledger.change(batch.key, state="submitted", provider_id=seen.provider_id, status=seen.status)
        return batch.key

    def _sentence(self, awaits: set[str], answers: int, problem: SynthError | None) -> str:
        stage, batch = self.ledger.place["stage"], self.ledger.place["batch"]
        if not awaits:
            return (
                f"{stage} [{batch}] needs {answers} answers and the provider has no room for a batch now. "
                "Run the same command later."
            )
        more = f" Others could not be submitted yet: {problem}" if problem else ""
        return (
            f"{stage} [{batch}] waits for {answers} answers from {len(awaits)} provider "
            f"batch{'es' if len(awaits) > 1 else ''}. Run the same command later: it collects what is ready.{more}"
        )


def _alike(parked: Sequence[Parked]) -> list[list[Parked]]:
    """Requests that may stand in one batch: one address and key, one model, one path."""
    groups: dict[tuple[str, ...], list[Parked]] = {}
    for one in parked:
        groups.setdefault((one.endpoint.base_url, one.endpoint.api_key, one.model, one.path), []).append(one)
    return list(groups.values())


def _size(line: Line) -> int:
    return len(line.content)


def _too_large(endpoint: Endpoint, line: Line) -> str:
    return (
        f"One request of the teacher role '{endpoint.role}' has {len(line.content):,} bytes, and the provider takes no "
        "batch with it. Cut the passages shorter ('chunk' of the source), or write 'batch: false' for the role."
    )
