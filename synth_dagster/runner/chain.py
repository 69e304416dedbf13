"""A stage's steps as a chain over its working set: generators add, refiners replace, filters eliminate.

Every record that was ever made stays: superseded and eliminated ones keep their row, so that every parent exists. What
an input did not give is a reject with its reason. The order of the output is the order of the input, whatever was
finished first, so 1 and 64 records in flight give the same bytes.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from synth_dagster.errors import MethodError, OverBudget, SynthError
from synth_dagster.method import Augmenter, Filter, PoolSynthesizer, Refiner
from synth_dagster.recipe import Step
from synth_dagster.recipe.model import roles_of
from synth_dagster.recipe.reading import looks_for_others, readers_of
from synth_dagster.record_tables import RAW_LIMIT, to_table
from synth_dagster.records import Record, RecordKind, Reject, child_id
from synth_dagster.runner.context import OpenTeachers, RunContext
from synth_dagster.runner.corpus import Records
from synth_dagster.runner.missing import Sums, missing
from synth_dagster.runner.readers import RecipeReaders
from synth_dagster.runner.resting import in_one_order, resting_on
from synth_dagster.runner.services import services_for
from synth_dagster.runner.stamp import Stamper
from synth_dagster.runner.vectors import known_vectors
from synth_dagster.scale.signals import compute_signals, flatten, judge
from synth_dagster.services import Corpus, Drop, Unusable, Vectors

log = logging.getLogger(__name__)
T = TypeVar("T")
U = TypeVar("U")

CARRY = "carry"
TELL_S = 1.0  # how often a step says how far it is
FAILED = "method_failed"  # the reject of a record that a method has a bug on


@dataclass(frozen=True, slots=True)
class Given:
    """What one input gave: records, or why it gave none, and the calls that were made for it."""

    records: Sequence[Record]
    reject: Reject | None
    calls: Sequence[bytes]


@dataclass
class Chain:
    """The working set of one batch while its stage's steps run over it."""

    context: RunContext
    teachers: OpenTeachers | None
    stage: str
    kind: RecordKind
    batch: str
    inputs: Sequence[Record]  # what the stage above holds, current records only
    corpus: Corpus | None = None  # the same of all batches, for a step that asks; else the inputs are all there is
    made: list[Record] = field(default_factory=list)
    rejects: list[tuple[str, Reject]] = field(default_factory=list)  # (step key, reject)
    bugs: Counter[tuple[str, str]] = field(default_factory=Counter)  # (method, where it failed) -> records

    async def run(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                await self._run(step)
        finally:
            self._sum_up_bugs()

    async def _run(self, step: Step) -> None:
        method = step.method
        if isinstance(method, Filter):
            self._filter(step, method)
        elif isinstance(method, Refiner):
            await self._refine(step, method)
        elif isinstance(method, PoolSynthesizer):
            await self._rounds(step, method)
        else:
            await self._generate(step)

    # ------------------------------------------------------------------------------------------------- kinds of step

    async def _generate(self, step: Step) -> None:
        if isinstance(step.method, Augmenter):
            self._carry_inputs()
        stamper = self._stamper(step)
        working = self._working_set(step)
        for record, given in zip(working, await self._each(step, working), strict=True):
            self._add(step, record, given, stamper)

    async def _refine(self, step: Step, method: Refiner[Any]) -> None:
        self._carry_inputs()
        stamper = self._stamper(step)
        working = self._working_set(step)
        outcome = dict(zip((r.record_id for r in working), await self._each(step, working), strict=True))
        refined: list[Record] = []
        for record in self.made:
            given = outcome.get(record.record_id) if record.status == "current" else None
            refined.extend(self._replaced(step, method, record, given, stamper) if given else [record])
        self.made = refined

    def _replaced(
        self, step: Step, method: Refiner[Any], record: Record, given: Given, stamper: Stamper
    ) -> list[Record]:
        if given.reject is not None:
            self.rejects.append((step.key, replace(given.reject, record_id=record.record_id, calls=given.calls)))
            return [replace(record, status="eliminated", reason=f"{step.slug}:{given.reject.reason}")]
        (better,) = given.records
        if better is record:
            return [replace(record, calls=in_one_order([*record.calls, *given.calls]))]
        old = replace(record, status="superseded", reason=step.slug)
        new = stamper.stamp(better, sample=0, calls=given.calls, relation="refined")
        return [emptied(old) if method.redacts else old, new]

    def _filter(self, step: Step, method: Filter) -> None:
        self._carry_inputs()
        working = self._working_set(step)
        if not working:
            return
        flat = flatten(to_table(working, working[0].kind), working[0].kind)
        with known_vectors(self.context, self.stage) as vectors:
            services = self._services(step, vectors)
            verdicts = judge(method, compute_signals(method, flat, services=services)).to_pylist()
        dropped = {row["record_id"]: row["reason"] for row in verdicts if row["reason"] is not None}
        self.made = [
            replace(record, status="eliminated", reason=f"{step.slug}:{dropped[record.record_id]}")
            if record.status == "current" and record.record_id in dropped
            else record
            for record in self.made
        ]

    async def _rounds(self, step: Step, method: PoolSynthesizer[Any, Any]) -> None:
        stamper = self._stamper(step)
        services = self._services(step)
        pool: list[Record] = list(self._working_set(step))
        given, number = len(pool), 0
        while True:
            async with telling(lambda: self._tell(step, len(pool) - given, 0)):
                with self._recording() as calls:
                    results = await self._round(step, method, pool, number, services, calls)
            if not results:
                self._tell(step, given, given)
                return
            rests_on = resting_on(results, calls)
            for result in results:
                given_by = _given(result, rests_on(result) if isinstance(result, Drop) else ())
                pool.extend(self._add(step, None, given_by, stamper, first=len(pool), rests_on=rests_on))
            number += 1

    async def _round(
        self,
        step: Step,
        method: PoolSynthesizer[Any, Any],
        pool: Sequence[Record],
        number: int,
        services: Any,
        calls: Sequence[bytes],
    ) -> Sequence[Any]:
        """What a round gives. An answer that it needed and nobody can use is a reject, and ends the rounds."""
        try:
            return await getattr(method, method.verb())(tuple(pool), number, **services)
        except Unusable as unusable:
            self.rejects.append((step.key, replace(_unusable(unusable), calls=in_one_order(calls))))
            return ()

    # -------------------------------------------------------------------------------------------------- the working set

    def _working_set(self, step: Step) -> list[Record]:
        """What a step reads: the records of its kind that the chain has made, else what the stage above holds."""
        kinds = {view.kind for view in type(step.method).consumes()}
        if self.made and self.kind in kinds:
            return [record for record in self.made if record.status == "current"]
        return [record for record in self.inputs if record.kind in kinds]

    def _carry_inputs(self) -> None:
        """A stage that starts by changing records of its own kind begins with a copy of the stage above."""
        if self.made or not self.inputs or self.inputs[0].kind != self.kind:
            return
        for record in self.inputs:
            self.made.append(
                replace(
                    record,
                    parents=(record.as_parent("copy"),),
                    record_id=copy_id(self.stage, record),
                    stage=self.stage,
                    method=CARRY,
                    method_version="1",
                )
            )

    def _services(self, step: Step, vectors: Vectors | None = None) -> dict[str, object]:
        """What a step's verb is called with; one that looks at texts for later steps is given these."""
        readers = None
        if looks_for_others(type(step.method)):
            readers = RecipeReaders(readers_of(self.context.recipe.stages, self.stage, step), self._services)
        context = self.context
        about = {"shelf": context.shelf, "readers": readers, "vectors": vectors}
        corpus = self.corpus or Records({self.batch: self.inputs})
        return services_for(step.method, self.teachers, context.root, context.sandbox, **about, corpus=corpus)

    def _stamper(self, step: Step) -> Stamper:
        return Stamper(self.stage, self.batch, step, self.context.terms(roles_of([step])))

    def _add(
        self,
        step: Step,
        record: Record | None,
        given: Given,
        stamper: Stamper,
        *,
        first: int = 0,
        rests_on: Callable[[Record], Sequence[bytes]] | None = None,
    ) -> list[Record]:
        if given.reject is not None:
            origin = record.record_id if record else None
            self.rejects.append((step.key, replace(given.reject, record_id=origin, calls=given.calls)))
        new = [
            stamper.stamp(made, sample=first + number, calls=rests_on(made) if rests_on else given.calls)
            for number, made in enumerate(given.records)
        ]
        self.made.extend(new)
        return new

    # -------------------------------------------------------------------------------------------------------- the calls

    async def _each(self, step: Step, working: Sequence[Record]) -> list[Given]:
        verb = getattr(step.method, step.method.verb())
        services = self._services(step)
        before, done, answers = self._used(), 0, 0

        def tell() -> None:
            self._tell(step, done, len(working))

        async def one(record: Record) -> Given:
            nonlocal done, answers
            given = await self._one(step, record, lambda: verb(record, **services))
            done, answers = done + 1, answers + len(given.calls)
            tell()
            return given

        try:
            async with telling(tell):
                return await in_order(one, working, limit=self.context.in_flight * step.method.shares_calls)
        except OverBudget as reached:
            so_far = self._used() - before
            rest = missing(f"{self.stage}/{step.key}", done, len(working), answers=answers, so_far=so_far)
            raise OverBudget(f"{reached} {rest}") from reached

    def _used(self) -> Sums:
        return Sums.of(self.teachers.usage_by_role() if self.teachers is not None else {})

    async def _one(self, step: Step, record: Record, verb: Callable[[], Awaitable[Any]]) -> Given:
        """What one input gave, with the calls that were made for it."""
        with self._recording() as calls:
            given = await _tried(verb, calls)
        if given.reject is not None and given.reject.reason == FAILED:
            self._note_bug(step.slug, given.reject.detail, record)
        return given

    def _note_bug(self, slug: str, where: str, record: Record) -> None:
        """The first record that a bug meets is named in the log; the others are counted, for they may be thousands."""
        self.bugs[slug, where] += 1
        if self.bugs[slug, where] == 1:
            # the traceback names code, the message could hold record text: it stays out of the log
            log.warning("%s failed on record %s with %s", slug, record.record_id.hex(), where)

    def _sum_up_bugs(self) -> None:
        for (slug, where), records in self.bugs.items():
            if records > 1:
                log.warning("%s failed on %d more records with %s", slug, records - 1, where)

    def _recording(self) -> AbstractContextManager[list[bytes]]:
        return self.teachers.recording() if self.teachers is not None else nullcontext([])

    def _tell(self, step: Step, done: int, total: int) -> None:
        usage = self.teachers.usage_by_role() if self.teachers is not None else {}
        self.context.progress.update(f"{self.stage}/{step.key}", self.batch, done=done, total=total, usage=usage)


@asynccontextmanager
async def telling(tell: Callable[[], None]) -> AsyncIterator[None]:
    """Tells again and again while the block runs, so that a step in which nothing gets done says so too."""

    async def again_and_again() -> None:
        while True:
            tell()
            await asyncio.sleep(TELL_S)

    task = asyncio.create_task(again_and_again())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tried(verb: Callable[[], Awaitable[Any]], calls: Sequence[bytes]) -> Given:
    """What an input gave. A bad answer or a bug that one record meets costs that record, never the batch."""
    try:
        return _given(await verb(), calls)
    except Unusable as unusable:
        return _rejected(_unusable(unusable), calls)
    except SynthError:
        raise
    except Exception as error:  # noqa: BLE001  # any bug of a method costs one record
        return _rejected(Reject(reason=FAILED, detail=_where(error)), calls)


def _given(result: Any, calls: Sequence[bytes]) -> Given:
    if isinstance(result, Drop):
        call_id = result.call.call_id if result.call else None
        raw = result.raw[:RAW_LIMIT]
        dropped = Reject(reason=result.reason, detail=result.detail, raw=raw, kind="dropped", call_id=call_id)
        return _rejected(dropped, calls)
    records = (result,) if isinstance(result, Record) else tuple(result)
    if not all(isinstance(record, Record) for record in records):
        raise MethodError("A verb must return records or a Drop. See the base class of the method's kind.")
    return Given(records, None, in_one_order(calls))


def _unusable(unusable: Unusable) -> Reject:
    call_id = unusable.call.call_id if unusable.call else None
    return Reject(reason=unusable.reason, raw=unusable.raw[:RAW_LIMIT], call_id=call_id)


def _rejected(reject: Reject, calls: Sequence[bytes]) -> Given:
    return Given((), reject, in_one_order(calls))


def _where(error: Exception) -> str:
    """Type and place of an error, without its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"


def emptied(record: Record) -> Record:
    """A superseded record whose text must not stay: id, hash and lineage remain."""
    return replace(record, **{name: value for name, value in _NOTHING.items() if hasattr(record, name)})


_NOTHING: dict[str, Any] = {"body": "", "title": None, "messages": (), "evidence": (), "prompt": (), "rationale": None}
_NOTHING |= {"chosen": (), "rejected": ()}


def copy_id(stage: str, record: Record) -> bytes:
    """The id of a record that a stage takes over as it is."""
    return child_id(stage, CARRY, CARRY, parents=[record.record_id], sample=0, content_hash=record.content_hash)


async def in_order(
    function: Callable[[T], Awaitable[U]], items: Sequence[T], *, limit: int, shuffle: int | None = None
) -> list[U]:
    """The function over the items, at most `limit` at once; results in the order of the items.

    When one fails, no new item is begun and those under way are finished first: an answer that was paid for is kept.
    `shuffle` seeds another order of starting, for tests of order-freeness.
    """
    results: dict[int, U] = {}
    failures: list[BaseException] = []
    waiting = list(range(len(items)))
    if shuffle is not None:
        random.Random(shuffle).shuffle(waiting)
    waiting.reverse()

    async def worker() -> None:
        while waiting and not failures:
            index = waiting.pop()
            try:
                results[index] = await function(items[index])
            except Exception as error:  # noqa: BLE001  # raised again below, when what runs has ended
                failures.append(error)

    await asyncio.gather(*(worker() for _ in range(min(limit, len(items)))))
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(items))]
