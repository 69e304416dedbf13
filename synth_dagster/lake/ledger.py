"""The ledger of a lake: what its teachers have spent, and what running processes hold of the caps.

It stands in the lake's metadata database, so that whoever shares the lake shares the caps, on one machine or on many.
Money is kept as the text of a decimal, exact and without bound, and is summed here: a transaction holds the only write
lock. What a process holds is written off, and counts as spent, when the process is gone or has not been heard of for
`EXPIRES_S`. If it was only asleep, it may go on within what was written off, and says at its next word what it was.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from synth_dagster.lake.database import Database, Row, Transaction, open_database
from synth_dagster.lake.leases import Holder
from synth_dagster.lake.meta_schema import MIGRATIONS
from synth_dagster.spending import NOTHING, Account, Cost, Month, Period, Refusal, Report, Wish, grant, noted

EXPIRES_S = 90.0
RENEWAL_S = 2.0

FOR_EVER = 1e15  # seconds
PARKED = Holder("", 0, "")  # no process: what waits in a provider batch is held until the batch is settled

CLOCK = "cast({clock} as double precision) as now"


class LakeLedger:
    """The books of a lake, for all processes and machines that work on it."""

    renewal_s: float | None = RENEWAL_S

    def __init__(self, database: Database, *, expires_s: float = EXPIRES_S) -> None:
        self.database, self.expires_s = database, expires_s

    @classmethod
    def open(cls, where: str | Path) -> "LakeLedger":
        """The ledger in the metadata database at `where`."""
        return cls(open_database(where, MIGRATIONS))

    def month(self) -> Month:
        (row,) = self.database.rows(f"select {CLOCK.format(clock=self.database.clock)}")
        return month_at(row["now"])

    def read(self, accounts: Sequence[str]) -> dict[str, Account]:
        with self.database.transaction() as transaction:
            self._write_off_the_dead(transaction, but="")
            return self._accounts(transaction, accounts, but="")

    def exchange(self, report: Report, wish: Wish | None = None) -> Cost | Refusal:
        # what it has said yes to survives a power cut
        with self.database.transaction(durable=True) as transaction:
            self._come_back(transaction, report.token)
            self._note(transaction, report.accounts.values(), report)
            self._write_off_the_dead(transaction, but=report.token)
            others = self._accounts(transaction, list(report.accounts.values()), but=report.token)
            by_period: dict[Period, Account] = {period: others[name] for period, name in report.accounts.items()}
            found = grant(by_period, report.kept, wish) if wish else NOTHING
            more = found if isinstance(found, Cost) else NOTHING
            self._hold(transaction, report, report.kept.known() + more.known())
            return found

    def park(self, report: Report, name: str, cost: Cost) -> None:
        with self.database.transaction(durable=True) as transaction:
            self._come_back(transaction, report.token)
            self._note(transaction, report.accounts.values(), report)
            self._hold(transaction, report, report.kept.known())
            self._hold(transaction, replace(report, token=name), cost.known(), is_parked=True)

    def close(self, report: Report) -> None:
        with self.database.transaction(durable=True) as transaction:
            self._come_back(transaction, report.token)
            self._note(transaction, report.accounts.values(), report)
            transaction.execute("delete from allowances where token = ?", (report.token,))

    # ------------------------------------------------------------------------------------------------------ allowances

    def _hold(self, transaction: Transaction, report: Report, held: Cost, *, is_parked: bool = False) -> None:
        me = PARKED if is_parked else Holder.me()
        names = json.dumps(sorted(report.accounts.values()))
        transaction.execute(
            f"""insert into allowances (token, accounts, usd, tokens, calls, host, pid, started, expires, written_off)
                values (?, ?, ?, ?, ?, ?, ?, ?, {self.database.clock} + ?, 0)
                on conflict (token) do update set usd = excluded.usd, tokens = excluded.tokens,
                calls = excluded.calls, expires = excluded.expires, written_off = 0""",
            (
                report.token,
                names,
                *_columns(held),
                me.host,
                me.pid,
                me.started,
                FOR_EVER if is_parked else self.expires_s,
            ),
        )

    def _write_off_the_dead(self, transaction: Transaction, *, but: str) -> None:
        now = CLOCK.format(clock=self.database.clock)
        rows = transaction.execute(f"select *, {now} from allowances where written_off = 0").fetchall()
        for row in rows:
            holder = Holder(row["host"], row["pid"], row["started"])
            is_gone = holder.is_gone()
            if row["token"] == but or not (is_gone or row["expires"] < row["now"]):
                continue
            self._note(transaction, json.loads(row["accounts"]), Report(row["token"], {}, unconfirmed=_cost(row)))
            ended = "delete from allowances" if is_gone else "update allowances set written_off = 1"
            transaction.execute(f"{ended} where token = ?", (row["token"],))

    def _come_back(self, transaction: Transaction, token: str) -> None:
        """A process that was given up speaks: what it held is no loss, it says itself what became of it."""
        row = transaction.execute("select * from allowances where token = ? and written_off = 1", (token,)).fetchone()
        if row is not None:
            report = Report(token, {}, unconfirmed=NOTHING - _cost(row))
            self._note(transaction, json.loads(row["accounts"]), report)

    # -------------------------------------------------------------------------------------------------------- accounts

    def _accounts(self, transaction: Transaction, names: Sequence[str], *, but: str) -> dict[str, Account]:
        rows = transaction.execute("select * from allowances where written_off = 0").fetchall()
        found = {name: _account(_row(transaction, name)) for name in names}
        for row in rows:
            for name in json.loads(row["accounts"]):
                if name in found and row["token"] != but:
                    account, cost = found[name], _cost(row)
                    parked = account.parked + (cost if row["host"] == PARKED.host else NOTHING)
                    found[name] = replace(account, held=account.held + cost, parked=parked)
        return found

    @classmethod
    def settle_parked(cls, transaction: Transaction, name: str, spent: Cost) -> None:
        """Ends what was parked under a name, in the transaction that also notes what came of it. Twice is once."""
        row = transaction.execute("select * from allowances where token = ?", (name,)).fetchone()
        if row is not None:
            unpriced = spent.calls if spent.usd is None else 0
            cls._note(transaction, json.loads(row["accounts"]), Report(name, {}, spent, unpriced=unpriced))
            transaction.execute("delete from allowances where token = ?", (name,))

    @classmethod
    def lose_parked(cls, transaction: Transaction, name: str) -> None:
        """Ends what was parked under a name where nobody will know what came of it: it counts as spent, all of it."""
        row = transaction.execute("select * from allowances where token = ?", (name,)).fetchone()
        if row is not None:
            cls._note(transaction, json.loads(row["accounts"]), Report(name, {}, unconfirmed=_cost(row)))
            transaction.execute("delete from allowances where token = ?", (name,))

    @staticmethod
    def _note(transaction: Transaction, names: Iterable[str], report: Report) -> None:
        if (report.spent.known(), report.unconfirmed.known(), report.unpriced) == (NOTHING, NOTHING, 0):
            return
        for name in names:
            after = noted(_account(_row(transaction, name)), report)
            transaction.execute(
                """insert into accounts values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (account) do update set
                   usd = excluded.usd, tokens = excluded.tokens, calls = excluded.calls,
                   lost_usd = excluded.lost_usd, lost_tokens = excluded.lost_tokens, lost_calls = excluded.lost_calls,
                   unpriced = excluded.unpriced""",
                (name, *_columns(after.spent), *_columns(after.unconfirmed), after.unpriced),
            )


def month_at(now: float) -> Month:
    """The month in UTC that the time falls in."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(now, UTC)
    following = moment.year + moment.month // 12, moment.month % 12 + 1
    return Month(f"{moment:%Y-%m}", datetime(*following, 1, tzinfo=UTC).timestamp() - now)


def _row(transaction: Transaction, name: str) -> Row | None:
    return transaction.execute("select * from accounts where account = ?", (name,)).fetchone()


def _account(row: Row | None) -> Account:
    if row is None:
        return Account()
    lost = Cost(Decimal(row["lost_usd"]), row["lost_tokens"], row["lost_calls"])
    return Account(_cost(row), lost, unpriced=row["unpriced"])


def _cost(row: Row | Mapping[str, str]) -> Cost:
    return Cost(Decimal(row["usd"]), int(row["tokens"]), int(row["calls"]))


def _columns(cost: Cost) -> tuple[str, int, int]:
    return str(cost.of("usd")), cost.tokens, cost.calls
