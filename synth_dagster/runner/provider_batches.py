"""The ledger of provider batches, in the metadata of the lake: on this machine, or on the server that a team shares.

A batch ends in one transaction: the outcome of each request, its state, and what it cost. So the cost is counted once,
however often a collection is repeated after a kill.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeVar

from synth_dagster.errors import Pending, SynthError
from synth_dagster.lake.database import Database, Row, Transaction
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.ledger import LakeLedger
from synth_dagster.recipe import Recipe
from synth_dagster.records import canonical_json
from synth_dagster.spending import Cost
from synth_dagster.teacher.batches.ledger import (
    ANSWERED,
    GIVEN_UP,
    Alone,
    Asked,
    Fate,
    Paid,
    Pause,
    ProviderBatch,
    State,
    Waiting,
    parked_name,
)

T = TypeVar("T")

LEASE = "provider_batches"
OPEN = "state in ('intended', 'submitted', 'giving_up')"
AT_ONCE = 500  # values in one question; SQLite's own limit is 32,766
COLUMNS = tuple(field.name for field in fields(ProviderBatch))


@dataclass(frozen=True, slots=True)
class DatasetLedger:
    """The provider batches of one dataset."""

    lake: Lake
    dataset: str

    @property
    def database(self) -> Database:
        return self.lake.meta.database

    def alone(self, *, wait_s: float = 600) -> AbstractContextManager[Alone]:
        """One lease for the whole lake: datasets may share a request."""
        return self.lake.lease(LEASE, "exclusive", wait_s=wait_s)

    def intend(self, batch: ProviderBatch, lines: Sequence[Asked]) -> None:
        row = {name: getattr(batch, name) for name in COLUMNS} | {"changed_at": time.time()}
        marks = ", ".join("?" for _ in row)
        with self.database.transaction(durable=True) as transaction:
            transaction.execute(
                f"insert into provider_batches ({', '.join(row)}) values ({marks})", tuple(row.values())
            )
            for part in _parts(lines):
                rows = [(batch.key, one.call_id.hex(), one.tokens_in, one.prompt_hash, _texts(one)) for one in part]
                transaction.execute(
                    "insert into provider_lines (key, call_id, tokens_in, prompt_hash, texts) values "
                    + ", ".join(["(?, ?, ?, ?, ?)"] * len(rows)),
                    [value for row in rows for value in row],
                )

    def change(self, key: str, **values: str | int | None) -> bool:
        given = {**values, "changed_at": time.time()}
        sets = ", ".join(f"{name} = ?" for name in given)
        with self.database.transaction(durable=True) as transaction:
            changed = transaction.execute(
                f"update provider_batches set {sets} where key = ? and {OPEN}", (*given.values(), key)
            )
            return changed.rowcount > 0

    def settle(self, batch: ProviderBatch, state: State, outcomes: Mapping[bytes, str], paid: Paid) -> None:
        with self.database.transaction(durable=True) as transaction:
            ended = transaction.execute(
                f"update provider_batches set state = ?, changed_at = ? where key = ? and {OPEN}",
                (state, time.time(), batch.key),
            ).rowcount
            if not ended:
                return
            if state == "dropped":  # none of its requests was ever asked
                transaction.execute("delete from provider_lines where key = ?", (batch.key,))
            for outcome in set(outcomes.values()):
                for part in _parts([call_id.hex() for call_id, found in outcomes.items() if found == outcome]):
                    transaction.execute(
                        f"update provider_lines set outcome = ? where key = ? and call_id in ({_marks(part)})",
                        (outcome, batch.key, *part),
                    )
            if paid.calls:
                _count(transaction, batch, paid)
            usd = None if paid.usd is None else Decimal(str(paid.usd))
            spent = Cost(usd, paid.tokens_in + paid.tokens_out, paid.calls)
            LakeLedger.settle_parked(transaction, parked_name(batch.key), spent)

    def forget(self, batch: ProviderBatch) -> None:
        """Drops an open batch whose provider cannot be asked: what it may cost at most counts as spent."""
        with self.database.transaction(durable=True) as transaction:
            ended = transaction.execute(
                f"update provider_batches set state = 'dropped', changed_at = ? where key = ? and {OPEN}",
                (time.time(), batch.key),
            ).rowcount
            if ended:
                transaction.execute("delete from provider_lines where key = ?", (batch.key,))
                LakeLedger.lose_parked(transaction, parked_name(batch.key))

    def open(self) -> list[ProviderBatch]:
        rows = self.database.rows(
            f"select * from provider_batches where dataset = ? and {OPEN} order by number", (self.dataset,)
        )
        return [batch_of(row) for row in rows]

    def lines(self, key: str) -> list[Asked]:
        rows = self.database.rows("select * from provider_lines where key = ?", (key,))
        return [_asked(row) for row in rows]

    def waiting(self, call_ids: Collection[bytes]) -> Waiting:
        found: dict[bytes, str] = {}
        for part in _parts([call_id.hex() for call_id in call_ids]):
            rows = self.database.rows(
                f"""select call_id, key from provider_lines join provider_batches using (key)
                    where call_id in ({_marks(part)}) and {OPEN}""",
                part,
            )
            found |= {bytes.fromhex(row["call_id"]): row["key"] for row in rows}
        return Waiting(found)

    def fates(self) -> dict[bytes, Fate]:
        rows = self.database.rows(
            """select call_id, outcome from provider_lines join provider_batches using (key)
               where dataset = ? and state = 'collected' and outcome not in (?, ?) order by number""",
            (self.dataset, ANSWERED, GIVEN_UP),
        )
        fates: dict[bytes, Fate] = {}
        for row in rows:
            call_id = bytes.fromhex(row["call_id"])
            fates[call_id] = Fate(fates[call_id].tries + 1 if call_id in fates else 1, row["outcome"])
        return fates

    # -------------------------------------------------------------------------------------------------- what waits

    def pauses(self) -> list[Pause]:
        """The stages that wait, the longest first."""
        rows = self.database.rows("select * from provider_pauses where dataset = ? order by since", (self.dataset,))
        return [_pause(row) for row in rows]

    def wait_no_more(self, key: str) -> None:
        """The stages of this dataset that waited for a batch are not launched when it ends."""
        for pause in self.pauses():
            if key in pause.awaits:
                self.resume(pause.stage, pause.batch)

    def resume(self, stage: str, batch: str) -> None:
        """The stage waits no longer: it was made, failed for another reason, or what it waits for was given up."""
        self.database.write(
            "delete from provider_pauses where dataset = ? and stage = ? and batch = ?", (self.dataset, stage, batch)
        )

    def named(self, keys: Sequence[str]) -> list[ProviderBatch]:
        """These batches, of whatever dataset, oldest first."""
        rows = self.database.rows(f"select * from provider_batches where key in ({_marks(keys)}) order by number", keys)
        return [batch_of(row) for row in rows]

    def is_ready(self, pause: Pause) -> bool:
        """Whether nothing is open any more that a stage waits for, and it is time."""
        if time.time() < pause.not_before:
            return False
        return not self.database.rows(
            f"select key from provider_batches where key in ({_marks(pause.awaits)}) and {OPEN}", pause.awaits
        )


@dataclass(frozen=True, slots=True)
class StageLedger(DatasetLedger):
    """The ledger as a stage sees it that is being made over one batch."""

    stage: str
    batch: str
    session_id: str
    run_id: str

    @property
    def place(self) -> Mapping[str, str]:
        names = ("dataset", "stage", "batch", "session_id", "run_id")
        return {name: getattr(self, name) for name in names}

    def pause(self, awaits: Collection[str], *, not_before: float = 0.0) -> None:
        self.database.write(
            """insert into provider_pauses (dataset, stage, batch, session_id, since, awaits, not_before)
               values (?, ?, ?, ?, ?, ?, ?) on conflict (dataset, stage, batch) do update
               set session_id = excluded.session_id, awaits = excluded.awaits, not_before = excluded.not_before""",
            (
                self.dataset,
                self.stage,
                self.batch,
                self.session_id,
                time.time(),
                canonical_json(sorted(awaits)),
                not_before,
            ),
        )


@contextmanager
def resumed(ledger: StageLedger | None) -> Iterator[None]:
    """Around the making of a stage: unless it ends as pending again, it waits no longer."""
    try:
        yield
    except Pending:
        raise
    except SynthError:
        if ledger is not None:
            ledger.resume(ledger.stage, ledger.batch)
        raise
    if ledger is not None:
        ledger.resume(ledger.stage, ledger.batch)


def asks_in_batches(recipe: Recipe) -> bool:
    """Whether any role of a recipe is asked in provider batches."""
    return any(role.batch for role in recipe.teachers.values())


def _count(transaction: Transaction, batch: ProviderBatch, paid: Paid) -> None:
    """The cost belongs to the run that submitted, whose caps it was reserved under."""
    transaction.execute(
        "insert into usage (session_id, run_id, dataset, stage, batch, role, calls, cached, tokens_in, tokens_out, "
        "usd) values (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            batch.session_id,
            batch.run_id,
            batch.dataset,
            batch.stage,
            batch.batch,
            batch.role,
            paid.calls,
            paid.tokens_in,
            paid.tokens_out,
            paid.usd,
        ),
    )


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values) or "null"


def _texts(line: Asked) -> str:
    return " ".join(text.hex() for text in line.texts)


def batch_of(row: Row) -> ProviderBatch:
    """A row of the table as what it says."""
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    return ProviderBatch(**values)


def _asked(row: Row) -> Asked:
    texts = tuple(bytes.fromhex(text) for text in row["texts"].split())
    call_id = bytes.fromhex(row["call_id"])
    return Asked(call_id=call_id, tokens_in=row["tokens_in"], prompt_hash=row["prompt_hash"], texts=texts)


def _pause(row: Row) -> Pause:
    awaits = tuple(json.loads(row["awaits"]))
    return Pause(row["stage"], row["batch"], row["session_id"], row["since"], awaits, row["not_before"])
