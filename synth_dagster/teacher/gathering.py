"""Texts to embed of many callers in one call: what is wanted at the same moment goes together, and each text once.

A step asks for the vector of one record at a time, and an endpoint takes hundreds of texts in a call. A text that the
endpoint refuses would take the others of its call with it, so they are asked for alone then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from synth_dagster.services import Unusable
from synth_dagster.teacher.forms import in_calls
from synth_dagster.teacher.roles import Endpoint

MOMENT_S = 0.005  # how long a call is waited with for others who ask: nothing beside what an endpoint takes

Embed: TypeAlias = Callable[[Endpoint, str, Mapping[bytes, str]], Awaitable[dict[bytes, bytes]]]
Begin: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]


class Gathering:
    """The texts of one run that wait for a call or for its answer."""

    def __init__(self, embed: Embed, begin: Begin) -> None:
        """`begin` starts a task that is waited for when the work stops, since it may be paid."""
        self._embed, self._begin = embed, begin
        self._waiting: dict[tuple[str, str], dict[bytes, str]] = {}  # by role and model
        self._wanted: dict[bytes, asyncio.Future[bytes]] = {}

    async def of(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        """The vectors of these texts by their ids. Raises what the call of one of them raised."""
        place = (endpoint.role, model)
        new = {key: text for key, text in texts.items() if key not in self._wanted}
        for key in new:
            self._wanted[key] = asyncio.get_running_loop().create_future()
        if new and place not in self._waiting:
            self._waiting[place] = {}
            self._begin(lambda: self._send(place, endpoint, model))
        if new:
            self._waiting[place] |= new
        futures = [asyncio.shield(self._wanted[key]) for key in texts]
        return dict(zip(texts, await asyncio.gather(*futures), strict=True))

    async def _send(self, place: tuple[str, str], endpoint: Endpoint, model: str) -> None:
        try:
            await asyncio.sleep(MOMENT_S)
        except BaseException as error:
            self._failed(self._waiting.pop(place), error)
            raise
        for part in in_calls(self._waiting.pop(place)):
            self._begin_call(endpoint, model, part)

    def _begin_call(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]) -> None:
        """A task for each call, by which it is known whether it is paid."""
        self._begin(lambda: self._call(endpoint, model, texts))

    async def _call(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]) -> None:
        try:
            found = await self._embed(endpoint, model, texts)
        except BaseException as error:
            if isinstance(error, Unusable) and len(texts) > 1:
                for key, text in texts.items():
                    self._begin_call(endpoint, model, {key: text})
                return
            self._failed(texts, error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, vector in found.items():
                self._wanted.pop(key).set_result(vector)

    def _failed(self, texts: Mapping[bytes, str], error: BaseException) -> None:
        for key in texts:
            future = self._wanted.pop(key)
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # whoever asked may be gone: asyncio would complain of an error that nobody saw
            else:
                future.cancel()
