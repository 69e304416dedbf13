"""One thread for the work of many callers: what has arrived meanwhile is done together, and then all are woken at once.

A full synchronisation, or a round trip to a server, costs the same for one answer as for hundreds. Callers of one event
loop are woken by one call into it: one a caller would cost more than writing the answer.
"""

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from synth_dagster.errors import SynthError, TeacherError
from synth_dagster.teacher.cache import CLOSED

Item = TypeVar("Item")

MOST = 256

Waiting = asyncio.Future[Any]


class Grouped(Generic[Item]):
    """Calls are items; `do` gives a result for each item of a group, or raises for all of them."""

    def __init__(
        self, name: str, do: Callable[[Sequence[Item]], Sequence[Any]], *, done: Callable[[], None] = lambda: None
    ) -> None:
        """`done` is called in the thread when it ends, after the last group."""
        self._do, self._done, self._closed = do, done, False
        self._items: queue.SimpleQueue[tuple[Item, Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def __call__(self, item: Item) -> Any:
        """The item's result."""
        if self._closed:
            raise TeacherError(CLOSED)
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self._items.put((item, waiting))
        return await waiting

    def close(self) -> None:
        """Does what is waiting, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._items.put(None)
            self._thread.join()

    def _work(self) -> None:
        try:
            more = True
            while more and (first := self._items.get()) is not None:
                group, more = self._gathered(first)
                self._tell(group, *self._outcome([item for item, _ in group]))
        finally:
            self._done()

    def _gathered(self, first: tuple[Item, Waiting]) -> tuple[list[tuple[Item, Waiting]], bool]:
        """What has arrived by now, and whether more may come. While one group is at work the next one gathers."""
        group = [first]
        while len(group) < MOST:
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                return group, True
            if item is None:
                return group, False
            group.append(item)
        return group, True

    def _outcome(self, items: Sequence[Item]) -> tuple[Sequence[Any], Exception | None]:
        try:
            return self._do(items), None
        except Exception as error:  # noqa: BLE001 - whatever it was, every caller of the group must hear of it
            return [None] * len(items), error

    def _tell(self, group: Sequence[tuple[Item, Waiting]], results: Sequence[Any], error: Exception | None) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Waiting, Any]]] = defaultdict(list)
        for (_, waiting), result in zip(group, results, strict=True):
            by_loop[waiting.get_loop()].append((waiting, result))
        for loop, told in by_loop.items():
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, told, error)


def _settle(told: Sequence[tuple[Waiting, Any]], error: Exception | None) -> None:
    for waiting, result in told:
        if waiting.done():  # its caller was cancelled; the work is done all the same
            continue
        waiting.set_exception(_own(error)) if error else waiting.set_result(result)


def _own(error: Exception) -> Exception:
    """A new error for each caller: one object raised in many tasks gathers all their tracebacks."""
    if not isinstance(error, SynthError):
        return error
    own = type(error)(str(error))
    own.__cause__ = error.__cause__
    return own
