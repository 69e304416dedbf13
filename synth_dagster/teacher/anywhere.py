"""Coroutines for callers that are not asynchronous."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_anywhere(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs the coroutine in this thread, or in a thread of its own where a loop is running already."""
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(story())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(story())).result()
