"""Shares of one endpoint's limits between the processes of a machine.

Each process has a small file that it holds locked as long as it lives: the kernel lets go of it at a kill, and
whoever looks next takes the file away. In it stands what the process holds and what it wants. A process lowers its
own share at once and raises it only by what nobody holds, so the shares never add up to more than the limit. They are
looked at a few times a second and not at each call; nothing is written through to a disk.
"""

import errno
import fcntl
import os
import secrets
import stat
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

LOOK_S = 0.2
RECORD = struct.Struct("<qqdq")


@dataclass(frozen=True, slots=True)
class Member:
    """What one process holds, and what it would use."""

    slots: int = 0
    wanted: int = 0
    rate: float = 0.0  # the part of the rate limits, at most 1
    active: int = 0


class Shares:
    """This process's share of the limits of one endpoint; `most` is the ceiling of requests in flight."""

    def __init__(self, folder: Path, key: str, most: int | None) -> None:
        self._folder, self._most = folder / key, most
        self._own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._file = self._ledger = -1
        self.now = Member()

    @property
    def slots(self) -> int | None:
        """Requests that this process may have in flight; None is no ceiling."""
        return None if self._most is None else self.now.slots

    def look(self, in_use: int, wanted: int) -> None:
        """Adapts the share to what is wanted here and elsewhere. Keeps it where another process looks just now."""
        with self._locked() as mine:
            if mine:
                others = list(self._others())
                self._write(share(Member(in_use, wanted, self.now.rate, 1), self.now.slots, others, self._most))

    def rest(self) -> None:
        """Gives the share back: nothing is in flight and nothing waits."""
        with self._locked() as mine:
            if mine:
                self._write(Member())

    def close(self) -> None:
        if self._file >= 0:
            self._own.unlink(missing_ok=True)
            os.close(self._file)
            os.close(self._ledger)
            self._file = self._ledger = -1
            self.now = Member()

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether this process has the ledger to itself; never waits, because the event loop must not."""
        if self._ledger < 0:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._ledger = os.open(self._folder / "ledger", os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(self._ledger):
            yield False
            return
        try:
            if self._file < 0:
                self._file = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                _lock(self._file)
            yield True
        finally:
            fcntl.flock(self._ledger, fcntl.LOCK_UN)

    def _write(self, member: Member) -> None:
        self.now = member
        os.pwrite(self._file, RECORD.pack(member.slots, member.wanted, member.rate, member.active), 0)

    def _others(self) -> Iterator[Member]:
        for path in self._folder.iterdir():
            if path.name != "ledger" and path != self._own and (member := _living(path)):
                yield member


def share(asked: Member, held: int, others: Sequence[Member], most: int | None) -> Member:
    """The share of a process that has `asked.slots` in use and `held` until now, beside the others."""
    rate = 1 / (1 + sum(other.active for other in others))
    if rate > asked.rate:
        rate = max(asked.rate, min(rate, 1 - sum(other.rate for other in others)))
    if most is None:
        return Member(0, asked.wanted, rate, 1)
    due = fair(most, [asked.wanted, *(other.wanted for other in others if other.active)])
    free = max(0, most - sum(other.slots for other in others))
    slots = max(asked.slots, due) if due <= held else max(held, min(due, free))
    return Member(slots, asked.wanted, rate, 1)


def fair(most: int, wanted: Sequence[int]) -> int:
    """What the first is due of `most`: none gets more while another lacks what it wants; the rest is shared out."""
    given, left = [0] * len(wanted), most
    while left and (hungry := [i for i, want in enumerate(wanted) if given[i] < want]):
        each = max(1, left // len(hungry))
        for i in hungry[:left]:
            more = min(each, wanted[i] - given[i], left)
            given[i] += more
            left -= more
    return given[0] + left // len(wanted)


def shares_folder(env: Mapping[str, str]) -> Path | None:
    """A folder of this user on this machine that a restart empties; None where there is no safe one."""
    named = env.get("XDG_RUNTIME_DIR")
    folder = Path(named) / "synth_dagster" if named else Path(tempfile.gettempdir()) / f"synth_dagster-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=False, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and os.access(folder, os.W_OK):
            return folder
    return None


def key_of(addresses: Sequence[str], secret: str) -> str:
    """A name for an endpoint that tells neither its address nor its key."""
    return blake2b("\n".join([*sorted(addresses), secret]).encode(), digest_size=12).hexdigest()


def _living(path: Path) -> Member | None:
    """What the process of that file holds; the file of a dead one is taken away."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        if _lock(file):
            path.unlink(missing_ok=True)
            return None
        found = os.pread(file, RECORD.size, 0)
        return Member(*RECORD.unpack(found)) if len(found) == RECORD.size else Member()
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
