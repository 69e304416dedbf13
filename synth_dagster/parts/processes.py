"""Work on other cores in processes of their own: for what asks for the interpreter too often to share one.

A worker is another Python. It is started when there is much to do, kept for the next time, and ends by itself when it
is not asked for a minute or when this process is gone. Texts and results lie in memory that both see. Nothing depends
on a worker: what none is free for, or one had in hand when it died, is done here.
"""

import atexit
import importlib
import json
import logging
import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from synth_dagster.parts.threads import alone, in_threads, usable

MUCH = 64 << 20  # bytes of text: half a second of work, and as much as a worker needs to start
IDLE_SECONDS = 60.0
SLOWEST_SECONDS = 600.0  # of one piece of work; a worker that is silent for longer is ended

Work: TypeAlias = Callable[[pa.Array], np.ndarray]
Named: TypeAlias = Callable[[pa.Array, Mapping[str, Any]], np.ndarray]

log = logging.getLogger(__name__)


def shared_out(work: Work, named: str, arguments: Mapping[str, Any], *, size: int) -> Work:
    """The work as it is to be given to `in_threads`: done by a worker where one is free, else here.

    Args:
        named: `module:function`, or `module:Class.function`, of texts and arguments, which does the same in a worker.
        size: Bytes of all texts: each MUCH of them are worth a worker.
    """
    if usable() == 1 or size < MUCH or not hasattr(os, "memfd_create"):
        return work
    _WORKERS.start(min(usable() - 1, size // MUCH), named)
    asked = json.dumps({"named": named, "arguments": arguments})

    def done(texts: pa.Array) -> np.ndarray:
        found = _WORKERS.done(asked, texts)
        return work(texts) if found is None else found

    return done


class _Workers:
    """Those of this process: threads take one each and bring it back."""

    def __init__(self) -> None:
        self.forget()

    def start(self, count: int, named: str) -> None:
        """Have so many, or as many as there are if they are more."""
        with self._lock:
            for worker in [worker for worker in self._idle if not worker.lives()]:
                self._ended(worker)
                self._idle.remove(worker)
            for _ in range(self._count, count):
                self._started(named)

    def done(self, asked: str, texts: pa.Array) -> np.ndarray | None:
        """What a worker makes of the texts; None where none is free, or where it could not."""
        worker = self._taken()
        if worker is None:
            return None
        try:
            found = worker.done(asked, texts)
        except (OSError, ValueError) as why:
            log.warning("A worker process ended (%r). What it had in hand is done by this one.", why)
            with self._lock:
                self._ended(worker)
                if worker.is_tried:
                    self._started(worker.named)
            return None
        with self._lock:
            self._idle.append(worker)
        return found

    def _taken(self) -> "_Worker | None":
        with self._lock:
            ready = next((worker for worker in self._idle if worker.is_ready()), None)
            if ready is not None:
                self._idle.remove(ready)
            return ready

    def _started(self, named: str) -> None:
        try:
            self._idle.append(_Worker(named))
        except OSError as why:
            log.warning("No worker process could be started (%r). Its work is done by this one.", why)
        else:
            self._count += 1

    def _ended(self, worker: "_Worker") -> None:
        worker.end()
        self._count -= 1

    def end(self) -> None:
        for worker in self._idle:
            worker.end()
        self.forget()

    def forget(self) -> None:
        """A process that was forked has none: those that it knows of are its parent's."""
        self._lock, self._count = Lock(), 0
        self._idle: list[_Worker] = []


class _Worker:
    """Another Python, a channel to it, and memory that it sees too."""

    def __init__(self, named: str) -> None:
        self.named, self.is_tried = named, False
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(SLOWEST_SECONDS)
        self._memory, self._ready = _Memory(os.memfd_create("synth-worker")), False
        with theirs:
            shared = (theirs.fileno(), self._memory.file)
            command = [sys.executable, "-c", _START, json.dumps(sys.path), *map(str, shared), named]
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
                command, stdin=nothing, stdout=nothing, stderr=nothing, pass_fds=shared
            )
        self._lines = self._channel.makefile("rb")

    def lives(self) -> bool:
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether it has said that it can begin. One that died instead counts too: asking it tells."""
        if not self._ready:
            self._channel.setblocking(False)
            try:
                self._ready = self._channel.recv(1) in (b"\n", b"")
            except BlockingIOError:
                pass
            finally:
                self._channel.settimeout(SLOWEST_SECONDS)
        return self._ready

    def done(self, asked: str, texts: pa.Array) -> np.ndarray | None:
        """What it makes of the texts, None where it cannot. Raises OSError or ValueError for one that is gone."""
        self._memory.write(texts)
        self._channel.sendall(asked.encode() + b"\n")
        told = json.loads(self._lines.readline())
        self.is_tried = True
        return self._memory.array(told["type"], told["shape"]) if told else None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._lines.close()
        self._channel.close()
        self._memory.close()


class _Memory:
    """A file without a name that two processes see: one writes into it, says so, and the other reads."""

    def __init__(self, file: int) -> None:
        self.file = file
        self._seen: mmap.mmap | None = None

    def write(self, texts: pa.Array) -> None:
        batch = pa.record_batch([texts], ["text"])
        size = pa.MockOutputStream()
        _write(batch, size)
        _write(batch, pa.FixedSizeBufferWriter(pa.py_buffer(self._room(size.size()))))

    def texts(self) -> pa.Array:
        """What was written, as it lies there: gone when the next is written."""
        with pa.ipc.open_stream(pa.py_buffer(self._room(0))) as stream:
            return stream.read_next_batch().column(0)

    def write_array(self, values: np.ndarray) -> None:
        np.frombuffer(self._room(values.nbytes), np.uint8)[: values.nbytes] = values.ravel().view(np.uint8)

    def array(self, kind: str, shape: list[int]) -> np.ndarray:
        """A copy of what was written."""
        values = np.frombuffer(self._room(0), kind, int(np.prod(shape)))
        return values.reshape(shape).copy()

    def close(self) -> None:
        self._seen = None
        os.close(self.file)

    def _room(self, size: int) -> mmap.mmap:
        there = os.fstat(self.file).st_size
        if there < size or not there:
            os.ftruncate(self.file, there := 1 << max(size, 1 << 20).bit_length())
        if self._seen is None or len(self._seen) < there:
            self._seen = mmap.mmap(self.file, there)  # the one before goes when nothing looks at it any more
        return self._seen


def _write(batch: pa.RecordBatch, into: Any) -> None:
    with into, pa.ipc.new_stream(into, batch.schema) as stream:
        stream.write_batch(batch)


# ---------------------------------------------------------------------------------------------------------- in a worker

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from synth_dagster.parts.processes import serve
serve(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""


def serve(channel: int, memory: int, named: str) -> None:
    """Do what is asked until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; who asks is to end this
    shared = _Memory(memory)
    with socket.socket(fileno=channel) as asked, asked.makefile("rb") as lines, alone():
        _function(named)
        asked.sendall(b"\n")
        asked.settimeout(IDLE_SECONDS)
        try:
            while line := lines.readline():
                asked.sendall(_answer(shared, json.loads(line)).encode() + b"\n")
        except OSError:  # nobody asks, or who asked is gone
            return


def _answer(shared: _Memory, asked: Mapping[str, Any]) -> str:
    function = _function(asked["named"])
    try:
        (found,) = in_threads(lambda texts: function(texts, asked["arguments"]), [shared.texts()])
    except Exception:  # noqa: BLE001  # it is done again where it was asked, and what is wrong is said there
        return "null"
    shared.write_array(found)
    return json.dumps({"type": found.dtype.str, "shape": found.shape})


def _function(named: str) -> Named:
    module, _, function = named.partition(":")
    return attrgetter(function)(importlib.import_module(module))


_WORKERS = _Workers()
atexit.register(_WORKERS.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WORKERS.forget)
