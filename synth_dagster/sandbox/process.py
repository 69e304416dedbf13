"""One program, one process: starts it, listens to it, and ends it with all it began, whatever it does."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from synth_dagster.errors import SandboxRefused
from synth_dagster.services import Ending, Limits

ROOT = Path(__file__).resolve().parents[2]
_START = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from synth_dagster.sandbox.inside.start import main; "
    "del sys.path[0]; main()"
)
# no site-packages, nothing of the user's, and hashes that are the same each time
_INTERPRETER = (sys.executable, "-s", "-S", "-P", "-c", _START)
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_LOOK_S = 0.1  # how often the clock and the folder are looked at
_PIECE = 1 << 16
MOST_NAMES = 1_024  # of files and folders in the private folder; a namespace's own file system has as many
_OUT_OF_MEMORY = 77


@dataclass
class Ended:
    """How a process ended, and what it wrote, cut at the limit."""

    ending: Ending
    output: str
    errors: str


@dataclass
class _Heard:
    """What has come through the pipes so far."""

    limit: int
    pieces: dict[str, bytearray] = field(default_factory=lambda: {"output": bytearray(), "errors": bytearray()})
    said: bytearray = field(default_factory=bytearray)

    def add(self, pipe: str, piece: bytes) -> None:
        (self.said if pipe == "said" else self.pieces[pipe]).extend(piece)

    @property
    def too_much(self) -> bool:
        return any(len(text) > self.limit for text in self.pieces.values())

    def text(self, pipe: str) -> str:
        return self.pieces[pipe][: self.limit].decode(errors="replace")


class Refused(Exception):
    """The process could not wall itself in; the message says what the kernel refused."""


def carry_out(job: Mapping[str, Any], isolation: str, limits: Limits) -> Ended:
    """Runs a job to its end, or to a limit. Raises Refused when this isolation is not to be had here."""
    with tempfile.TemporaryDirectory(prefix="synth-sandbox-", ignore_cleanup_errors=True) as folder:
        whole = {
            **job,
            "isolation": isolation,
            "folder": folder,
            "cpu_s": limits.cpu_s,
            "memory_mb": limits.memory_mb,
            "disk_mb": limits.disk_mb,
        }
        try:
            return _run(json.dumps(whole).encode(), Path(folder), limits)
        finally:
            with suppress(OSError):  # the removal of the folder tries what is left again
                _empty(folder)


def _run(job: bytes, folder: Path, limits: Limits) -> Ended:
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603  our own interpreter
            [*_INTERPRETER, str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd=folder,
            pass_fds=(writing,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(reading)
        raise SandboxRefused(f"The process of the sandbox cannot be started: {error.strerror}.") from error
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as said:
        try:
            _hand_over(process.stdin, job)
            heard, limit = _listen(process, said, folder, limits)
        finally:
            _end(process)
    return _ended(heard, limit, limits)


def _hand_over(stdin: IO[bytes] | None, job: bytes) -> None:
    assert stdin is not None
    with suppress(BrokenPipeError):  # it ended before it read: what it wrote says why
        stdin.write(job)
        stdin.close()


def _listen(
    process: subprocess.Popen[bytes], said: IO[bytes], folder: Path, limits: Limits
) -> tuple[_Heard, Ending | None]:
    """Until the process has told how its child ended, or passes a limit."""
    heard, until = _Heard(limits.output_kb * 1_024), time.monotonic() + limits.wall_s
    with selectors.DefaultSelector() as selector:
        for name, pipe in (("output", process.stdout), ("errors", process.stderr), ("said", said)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _ in selector.select(_LOOK_S):
                piece = os.read(key.fd, _PIECE)
                heard.add(key.data, piece)
                if not piece:
                    selector.unregister(key.fileobj)
            if heard.too_much:
                return heard, "output"
            if time.monotonic() > until:
                return heard, "time"
            if _fills(folder, limits):
                return heard, "killed"
    return heard, None


def _fills(folder: Path, limits: Limits) -> bool:
    """Whether the private folder, where it is one of the machine's, holds too much: single files have a limit already.

    Names are counted too, for a million empty folders fill a disk as well.
    """
    room, names, unseen = limits.disk_mb << 20, 0, [str(folder)]
    while unseen and room >= 0 and names <= MOST_NAMES:  # no call within a call: a program may nest folders without end
        with suppress(OSError), os.scandir(unseen.pop()) as entries:
            for entry in entries:
                names += 1
                if entry.is_dir(follow_symlinks=False):
                    unseen.append(entry.path)
                else:
                    room -= entry.stat(follow_symlinks=False).st_size
    return room < 0 or names > MOST_NAMES


def _empty(folder: str) -> None:
    """Folders deeper than a path may be long are moved up until they are within reach; whoever made them has ended."""
    moved = 0
    while nested := [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]:
        for one in nested:
            os.chmod(one, 0o700)  # noqa: PTH101  it may have been made so that nobody reads it
            for entry in list(os.scandir(one)):
                if entry.is_dir(follow_symlinks=False):
                    moved += 1
                    os.rename(entry.path, f"{folder}/{moved}.moved")  # noqa: PTH104
                else:
                    os.unlink(entry.path)  # noqa: PTH108
            os.rmdir(one)  # noqa: PTH106


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process, its child, and everything in their group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _ended(heard: _Heard, limit: Ending | None, limits: Limits) -> Ended:
    told: dict[str, Any] = {}
    for line in heard.said.splitlines():
        told |= json.loads(line)
    output, errors = heard.text("output"), heard.text("errors")
    if "refused" in told:
        raise Refused(told["refused"])
    if limit is None and "code" not in told:
        raise Refused(errors.strip().rpartition("\n")[2] or "the process ended before it began")
    return Ended(limit or _ending(told, limits), output, errors)


def _ending(told: Mapping[str, Any], limits: Limits) -> Ending:
    if told["signal"]:
        is_over = told["cpu_s"] >= limits.cpu_s - 0.5 and told["signal"] in (signal.SIGKILL, signal.SIGXCPU)
        return "time" if is_over else "killed"
    return {0: "finished", _OUT_OF_MEMORY: "memory"}.get(told["code"], "failed")  # type: ignore[return-value]
