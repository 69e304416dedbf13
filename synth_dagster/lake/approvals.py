"""Statements about releases, in the order in which they were made: appended, and never changed or removed.

A statement is a text, so that its bytes can be signed. What it says is decided while nobody else can add one, so that
two people at once each see what the other has said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth_dagster.lake.database import Database, Row


@dataclass(frozen=True, slots=True)
class Said:
    """A statement as it is kept; `signature` is empty where nobody signed."""

    release: str
    statement: str
    signature: str = ""


class Approvals:
    """What was said about the releases of one lake."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, dataset: str) -> dict[str, list[Said]]:
        """Release -> its statements, oldest first."""
        rows = self._database.rows("select * from approvals where dataset = ? order by number", (dataset,))
        found: dict[str, list[Said]] = {}
        for row in rows:
            found.setdefault(row["release"], []).append(_said(row))
        return found

    def add(self, dataset: str, release: str, decide: Callable[[bool, Sequence[Said]], Said | None]) -> Said | None:
        """Add what `decide` says, knowing whether the release stands and what was said before; None adds nothing.

        When this returns, a power cut takes nothing of it back.
        """
        with self._database.transaction(durable=True) as transaction:
            named = (dataset, release)
            standing = "select 1 as one from releases where dataset = ? and release = ? and state = 'accepted'"
            stands = transaction.execute(standing, named).fetchone() is not None
            before = "select * from approvals where dataset = ? and release = ? order by number"
            made = decide(stands, [_said(row) for row in transaction.execute(before, named).fetchall()])
            if made is not None:
                transaction.execute(
                    "insert into approvals (dataset, release, statement, signature) values (?, ?, ?, ?)",
                    (dataset, release, made.statement, made.signature),
                )
            return made


def _said(row: Row) -> Said:
    return Said(row["release"], row["statement"], row["signature"])
