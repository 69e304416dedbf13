"""Who worked on a lake, and what teachers were asked then: the commands that began and ended, and their bills.

A session is one command that makes something. What a role answered for a batch is written down as it ends, also when
the batch failed, and only ever added to.
"""

import time
from dataclasses import astuple, dataclass

from synth_dagster.lake.database import Database

COUNTED = ("calls", "cached", "tokens_in", "tokens_out")


@dataclass(frozen=True, slots=True)
class Session:
    """One command: who ran it, and how it ended. Times are seconds since 1970, None for an end that was not told."""

    session_id: str
    dataset: str
    started_at: float
    ended_at: float | None
    outcome: str | None
    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What teachers were asked and what it cost, in US dollars. An unknown price is None, never zero."""

    calls: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0


class Sessions:
    """The commands of one lake, in its metadata's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, session_id: str, dataset: str, *, pid: int, host: str) -> Session:
        """A command has begun."""
        session = Session(session_id, dataset, time.time(), None, None, pid, host)
        self._database.write(
            """insert into sessions (session_id, dataset, started_at, pid, host, number)
               select ?, ?, ?, ?, ?, coalesce(max(number), 0) + 1 from sessions""",
            (session_id, dataset, session.started_at, pid, host),
        )
        return session

    def end(self, session_id: str, outcome: str) -> None:
        """A command has ended."""
        self._database.write(
            "update sessions set ended_at = ?, outcome = ? where session_id = ?", (time.time(), outcome, session_id)
        )

    def last(self, dataset: str | None = None) -> Session | None:
        """The command that began last, on one dataset or on any."""
        where, values = _where(dataset=dataset)
        row = self._database.row(f"select * from sessions {where} order by number desc limit 1", values)
        return Session(**{name: row[name] for name in Session.__slots__}) if row else None

    def add_usage(
        self, session_id: str, run_id: str, dataset: str, stage: str, batch: str, role: str, used: Usage
    ) -> None:
        """What one role answered for one batch."""
        self._database.write(
            "insert into usage (session_id, run_id, dataset, stage, batch, role, calls, cached, tokens_in, tokens_out, "
            "usd) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (session_id, run_id, dataset, stage, batch, role, *astuple(used)),
        )

    def usage(self, session_id: str | None = None, dataset: str | None = None) -> Usage:
        """The sum over a session, a dataset, or all. One paid call of unknown price makes the whole price unknown."""
        where, values = _where(session_id=session_id, dataset=dataset)
        counts = ", ".join(f"cast(coalesce(sum({name}), 0) as bigint) as {name}" for name in COUNTED)
        row = self._database.row(
            f"""select {counts}, case when sum(case when calls > 0 and usd is null then 1 else 0 end) > 0 then null
                else coalesce(sum(usd), 0.0) end as usd from usage {where}""",
            values,
        )
        return Usage(**dict(row)) if row else Usage()


def _where(**values: str | None) -> tuple[str, list[str]]:
    """A condition on the columns that have a value, and these values."""
    given = {name: value for name, value in values.items() if value is not None}
    return " and ".join(f"{name} = ?" for name in given).join(("where ", "")) if given else "", list(given.values())
