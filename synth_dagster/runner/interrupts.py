"""Ends asynchronous work cleanly when a signal asks for it.

A handler that raises, as Dagster's does, raises wherever the event loop happens to be; inside a transport asyncio takes
that for a broken connection, prints it and goes on. So while the loop runs the signal cancels the work, and only when
everything is closed does it reach the handler that was there before.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, except that a signal cancels the work and is handed on when the loop is closed."""
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    # what is left to the system, or to another language's handler, stays as it is
    before = {name: handler for name in SIGNALS if callable(handler := signal.getsignal(name))}
    received: list[signal.Signals] = []
    try:
        return asyncio.run(_cancellable(work, received, list(before)))
    except asyncio.CancelledError:
        if not received:
            raise
        _hand_on(received[0], before)
        raise
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


async def _cancellable(work: Coroutine[Any, Any, T], received: list[signal.Signals], names: list[signal.Signals]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop(name: signal.Signals) -> None:
        received.append(name)
        task.cancel()

    for name in names:
        loop.add_signal_handler(name, stop, name)
    try:
        return await work
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def _hand_on(name: signal.Signals, before: dict[signal.Signals, Any]) -> None:
    """Raises whatever the handler that was there before raises."""
    for restored, handler in before.items():
        signal.signal(restored, handler)
    before[name](name, None)
