"""Leases: who may touch what right now, held in the metadata store so that a dead holder never blocks the living.

Shared holders go together, an exclusive one alone. A waiting exclusive goes before shared ones that come after it, so
that it does not starve. A lease is renewed by a heartbeat. When its holder's process is gone from this machine it is
broken at once; a holder on another machine is believed until its lease expires.

No clock that people or services set decides that where another one can: on one machine, containers included, it is the
time since the machine was started; between machines it is the clock of the database that they share.
"""

import os
import platform
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from synth_dagster.errors import LakeError
from synth_dagster.lake.database import Database, Row, Transaction

Kind = Literal["shared", "exclusive"]
POLL_SECONDS = 0.02
RELEASE_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """A process: pids are used again, so its start time belongs to its name."""

    host: str
    pid: int
    started: str

    @classmethod
    def me(cls) -> "Holder":
        return cls(platform.node(), os.getpid(), process_start(os.getpid()) or "")

    @property
    def boot(self) -> str:
        """Which start of which machine it runs under; '' where that cannot be known."""
        return self.started.partition(":")[0]

    def is_gone(self) -> bool:
        """True when it certainly does not run any more. A process of another machine is believed to run."""
        if self.host != platform.node():
            return False
        started = process_start(self.pid)
        return started is None or bool(self.started and started and started != self.started)


@dataclass(slots=True)
class Lease:
    """A lease that is held. `lost` is set when another machine took it because the heartbeat came too late."""

    name: str
    kind: Kind
    token: str
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise when the lease is not ours any more: what it protects may have changed."""
        if self.lost.is_set():
            raise LakeError(f"The lease '{self.name}' was lost: it was not renewed in time. Run the command again.")


class Leases:
    """All leases of one lake."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._ours: set[str] = set()  # tokens of what this process holds

    @contextmanager
    def hold(self, name: str, kind: Kind = "shared", *, wait_s: float = 600, ttl_s: float = 60) -> Iterator[Lease]:
        """Hold a lease for the length of a block. Raises LakeError, naming the holder, after `wait_s`."""
        lease = Lease(name, kind, uuid4().hex)
        self._acquire(lease, wait_s, ttl_s)
        self._ours.add(lease.token)
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(lease, ttl_s, done), daemon=True, name=f"lease {name}")
        heart.start()
        try:
            yield lease
        finally:
            done.set()
            heart.join()
            self._ours.discard(lease.token)
            self._release(lease)

    def held(self, beginning: str) -> set[str]:
        """The names with this beginning that somebody holds who is alive, or is believed to be.

        What is over is struck out, so that a holder who comes back finds that nobody has waited for him.
        """
        rows = self.database.rows(f"select *, {self.database.clock} as now from leases")
        meant = [row for row in rows if row["held"] and row["name"].startswith(beginning)]
        for row in meant:
            if _is_over(row):
                gone = (row["token"], row["expires"])
                self.database.write("delete from leases where token = ? and expires = ?", gone)
        return {row["name"] for row in meant if not _is_over(row)}

    def are_kept(self) -> bool:
        """Whether this process holds something, and nobody has taken any of it as that of one who is gone."""
        ours = set(self._ours)
        return bool(ours) and ours <= {row["token"] for row in self.database.rows("select token from leases")}

    def _acquire(self, lease: Lease, wait_s: float, ttl_s: float) -> None:
        me, until = Holder.me(), time.monotonic() + wait_s
        try:
            while not self._try(lease, me, ttl_s):
                if time.monotonic() >= until:
                    raise LakeError(self._refusal(lease, wait_s))
                time.sleep(POLL_SECONDS * random.uniform(1, 2))
        except BaseException:
            self._release(lease)
            raise

    def _try(self, lease: Lease, me: Holder, ttl_s: float) -> bool:
        with self.database.transaction() as transaction:
            others = [row for row in self._living(transaction, lease.name) if row["token"] != lease.token]
            mine = transaction.execute("select place from leases where token = ?", (lease.token,)).fetchone()
            granted = may_hold(lease.kind, others, me, place=mine["place"] if mine else None)
            if granted or lease.kind == "exclusive":  # a shared one waits without a place in the queue
                self._put(transaction, lease, me, ttl_s, held=granted)
            return granted

    def _living(self, transaction: Transaction, name: str) -> list[Row]:
        """The holders and waiters of a name, after those that are dead or expired have been struck out."""
        rows = transaction.execute(
            f"select *, {self.database.clock} as now from leases where name = ? order by place", (name,)
        ).fetchall()
        gone = [row["token"] for row in rows if _is_over(row)]
        for token in gone:
            transaction.execute("delete from leases where token = ?", (token,))
        return [row for row in rows if row["token"] not in gone]

    def _put(self, transaction: Transaction, lease: Lease, me: Holder, ttl_s: float, *, held: bool) -> None:
        now = self.database.clock
        transaction.execute(
            f"""insert into leases (name, kind, token, host, pid, started, since, expires, ticks, held)
                values (?, ?, ?, ?, ?, ?, {now}, {now} + ?, ?, ?)
                on conflict (token) do update set since = excluded.since, expires = excluded.expires,
                ticks = excluded.ticks, held = excluded.held""",
            (lease.name, lease.kind, lease.token, me.host, me.pid, me.started, ttl_s, _ticks() + ttl_s, held),
        )

    def _beat(self, lease: Lease, ttl_s: float, done: threading.Event) -> None:
        """Renew a lease until it is done with, or lost: taken by another, or not renewed for as long as it lasts."""
        until = time.monotonic() + ttl_s
        while not done.wait(ttl_s / 3):
            try:
                if not self._renew(lease, ttl_s):
                    lease.lost.set()
                else:
                    until = time.monotonic() + ttl_s
            except LakeError:  # a server that is being restarted keeps what it knew: only time makes it lost
                if time.monotonic() > until:
                    lease.lost.set()
            finally:
                self.database.close()
            if lease.lost.is_set():
                return

    def _renew(self, lease: Lease, ttl_s: float) -> int:
        renewal = f"update leases set expires = {self.database.clock} + ?, ticks = ? where token = ?"
        return self.database.write(renewal, (ttl_s, _ticks() + ttl_s, lease.token))

    def _release(self, lease: Lease) -> None:
        """Let go. What the lease protected is over, so a database that cannot be written now fails nobody: it is told
        as soon as it can be, or our end tells it.
        """
        try:
            self._strike(lease)
        except LakeError:
            threading.Thread(target=self._strike_later, args=(lease,), daemon=True, name=f"end of {lease.name}").start()

    def _strike(self, lease: Lease) -> None:
        self.database.write("delete from leases where token = ?", (lease.token,))

    def _strike_later(self, lease: Lease) -> None:
        while True:
            time.sleep(RELEASE_AGAIN_SECONDS)
            try:
                return self._strike(lease)
            except LakeError:
                continue
            finally:
                self.database.close()

    def _refusal(self, lease: Lease, wait_s: float) -> str:
        rows = self.database.rows("select * from leases where name = ? and token <> ?", (lease.name, lease.token))
        holders = "; ".join(_describe(row) for row in rows) or "someone who has just let go"
        return (
            f"The lease '{lease.name}' ({lease.kind}) was not free within {wait_s:g} s. Held by {holders}. "
            "Wait for that process to end, or stop it, and run the command again."
        )


def may_hold(kind: Kind, others: list[Row], me: Holder, *, place: int | None) -> bool:
    """The rule. `others` are the living holders and waiters, `place` is our own in the queue, if we have one."""
    held = [row for row in others if row["held"]]
    if kind == "exclusive":
        earlier = [row for row in others if not row["held"] and (place is None or row["place"] < place)]
        return not held and not earlier
    if any(row["kind"] == "exclusive" for row in held):
        return False
    # a process that already shares the name goes on: waiting for one that waits for it would never end
    return len(held) == len(others) or any(_holder(row) == me for row in held)


def process_start(pid: int) -> str | None:
    """When a process of this machine was started: '' where that cannot be known, None when there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_without_proc(pid)
    except PermissionError:
        return ""
    return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"  # a zombie will not come back


def _boot() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else ""


def _ticks() -> float:
    """Seconds since this machine was started, which nobody can set."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _start_without_proc(pid: int) -> str | None:
    """macOS has no /proc; its ps knows."""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - a number is all that varies
    return shown.stdout.strip() or None


def _holder(row: Row) -> Holder:
    return Holder(row["host"], row["pid"], row["started"])


def _is_over(row: Row) -> bool:
    holder = _holder(row)
    if holder.host == platform.node():
        return holder.is_gone()  # a living process that was paused still holds what it holds
    if holder.boot and holder.boot == _boot() and row["ticks"] is not None:
        return row["ticks"] < _ticks()  # a container beside this one: the same machine under another name
    return row["expires"] < row["now"]


def _describe(row: Row) -> str:
    since = datetime.fromtimestamp(row["since"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    doing = "" if row["held"] else ", waiting"
    return f"process {row['pid']} on {row['host']} ({row['kind']}{doing}) since {since}"
