"""A provider's Batch API, in OpenAI's shape: a file of requests goes up, a batch is made of it, files of answers come.

What passes is tried again for the role's patience. Whether a batch was made is unknown when the connection breaks while
it is being made; that is said (`Unclear`), never guessed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.channel import Channel, Response
from synth_dagster.teacher.faults import Fault, address, broken, refusal, sentence
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import pause_s

KEY = "synth_batch"  # the field of a batch's metadata that holds our key
WINDOW = "24h"
PAGE = 100
MOST_PAGES = 200
ENDED = ("completed", "failed", "expired", "cancelled")
MISSING = (404,)
ENDED_BEFORE = (400, 404, 409)  # what providers say to the cancelling of a batch that has ended


class TooLarge(Exception):
    """The provider takes no file of this size, or not so many requests in one."""


class Busy(Exception):
    """The provider takes no further batch now. `after` is how many seconds it asks to wait, where it says so."""

    def __init__(self, said: str, after: float | None = None) -> None:
        super().__init__(said)
        self.after = after


class Unclear(Exception):
    """Nobody knows whether the batch was made."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch as the provider shows it."""

    provider_id: str
    status: str
    key: str | None = None
    output_file: str | None = None
    error_file: str | None = None
    done: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()  # the codes of what is wrong with the batch as a whole

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Provider:
    """The Batch API of one endpoint. Close it after use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._channel = Channel(endpoint)

    async def __aenter__(self) -> "Provider":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def check(self) -> None:
        """Raises TeacherError where the endpoint has no Batch API, before anything is uploaded."""
        await self._page("")

    async def upload(self, name: str, pieces: Collection[bytes]) -> str:
        """The id of a file of requests. Raises TooLarge or Busy."""
        found = await self._json(lambda: self._channel.post_file("/files", name, pieces, {"purpose": "batch"}))
        return str(found["id"])

    async def create(self, file_id: str, path: str, key: str) -> Seen:
        """The batch made of an uploaded file. Raises Busy or Unclear; it is never tried twice where it may be there."""
        body = {
            "input_file_id": file_id,
            "endpoint": f"/v1{path}",
            "completion_window": WINDOW,
            "metadata": {KEY: key},
        }
        return _seen(await self._json(lambda: self._channel.post("/batches", body), once=True))

    async def look(self, provider_id: str) -> Seen | None:
        """How a batch stands, or None where the provider does not know it (any more)."""
        response = await self._answered(lambda: self._channel.get(f"/batches/{provider_id}"), allowed=MISSING)
        return _seen(self._read(response)) if response.is_success else None

    async def find(self, key: str) -> Seen | None:
        """The batch that was made under our key, or None where the provider has none."""
        async for seen in self._all():
            if seen.key == key:
                return seen
        return None

    async def cancel(self, provider_id: str) -> Seen | None:
        """Asks the provider to end a batch, and how it stands then. What is answered by then is given out and paid."""
        await self._answered(lambda: self._channel.post(f"/batches/{provider_id}/cancel", {}), allowed=ENDED_BEFORE)
        return await self.look(provider_id)

    @asynccontextmanager
    async def rows(self, file_id: str) -> AsyncIterator[IO[bytes] | None]:
        """The rows of a file of answers, on this disk meanwhile; None where the provider does not have it any more."""
        with TemporaryFile() as file:
            download = partial(self._channel.download, f"/files/{file_id}/content", file)
            response = await self._answered(download, allowed=MISSING)
            file.seek(0)
            yield file if response.is_success else None

    async def _all(self) -> AsyncIterator[Seen]:
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._page(after)
            rows = [_seen(row) for row in page["data"]]
            for seen in rows:
                yield seen
            if not rows or not page.get("has_more"):
                return
            after = f"&after={rows[-1].provider_id}"

    async def _page(self, after: str) -> dict[str, Any]:
        return await self._json(lambda: self._channel.get(f"/batches?limit={PAGE}{after}"))

    async def _json(self, send: Callable[[], Awaitable[Response]], *, once: bool = False) -> dict[str, Any]:
        response = await self._answered(send, once=once)
        try:
            return self._read(response)
        except TeacherError:
            if once:  # it was taken, and what came back cannot be read
                raise Unclear from None
            raise

    def _read(self, response: Response) -> dict[str, Any]:
        try:
            found = json.loads(response.content)
            if isinstance(found, dict) and ("id" in found or isinstance(found.get("data"), list)):
                return found
        except (ValueError, RecursionError):
            pass
        raise TeacherError(no_batch_api(self.endpoint, "what it answers there is no JSON of such an API"))

    async def _answered(
        self, send: Callable[[], Awaitable[Response]], *, once: bool = False, allowed: Collection[int] = ()
    ) -> Response:
        """A response that is a success or has an allowed status; passing failures are tried again."""
        began, failures = time.monotonic(), 0
        while True:
            fault, response = await self._sent(send)
            if response is not None and (response.is_success or response.status_code in allowed):
                return response
            assert fault is not None
            self._refuse(fault)
            if once and (fault.perhaps_paid or fault.what == "failing"):
                raise Unclear
            failures += 1
            wait = max(fault.retry_after or 0.0, pause_s(self.endpoint, failures))
            if time.monotonic() - began + wait > self.endpoint.patience_s:
                raise self._gave_up(fault)
            await asyncio.sleep(wait)

    async def _sent(self, send: Callable[[], Awaitable[Response]]) -> tuple[Fault | None, Response | None]:
        import aiohttp
        import httpx2

        try:
            response = await send()
        except (aiohttp.ClientError, httpx2.HTTPError, TimeoutError, OSError) as error:
            return broken(error, self.endpoint), None
        return (None if response.is_success else refusal(response, self.endpoint, "")), response

    def _refuse(self, fault: Fault) -> None:
        """Raises where trying again would not help."""
        said = fault.said.lower()
        if fault.status == 413 or (fault.status == 400 and any(word in said for word in SIZE)):
            raise TooLarge
        if fault.status in (404, 405, 501):
            raise TeacherError(no_batch_api(self.endpoint, f"HTTP {fault.status}"))
        if not fault.passing:
            raise TeacherError(sentence(fault, self.endpoint, self.endpoint.models[0]))

    def _gave_up(self, fault: Fault) -> Exception:
        if fault.what == "busy":
            return Busy(fault.said, fault.retry_after)
        return TeacherError(sentence(fault, self.endpoint, self.endpoint.models[0]))


SIZE = ("too large", "too many", "maximum size", "file size", "size limit", "exceeds the limit", "maximum number")


def no_batch_api(endpoint: Endpoint, said: str) -> str:
    """The sentence for an endpoint that answers requests one by one only."""
    return (
        f"The teacher role '{endpoint.role}' asks for provider batches, and {address(endpoint)} has no Batch API "
        f"({said} at /batches). Write 'batch: false' for the role in the recipe: it is then asked live."
    )


def _seen(found: Mapping[str, Any]) -> Seen:
    """A batch out of its JSON. Fields that a provider leaves out are nothing, never an error."""
    counts = found.get("request_counts") or {}
    errors = found.get("errors") or {}
    rows = errors.get("data") if isinstance(errors, dict) else errors
    metadata = found.get("metadata") or {}
    return Seen(
        str(found["id"]),
        str(found.get("status") or "validating"),
        metadata.get(KEY),
        found.get("output_file_id") or None,
        found.get("error_file_id") or None,
        int(counts.get("completed") or 0),
        int(counts.get("failed") or 0),
        tuple(str(row.get("code") or "error") for row in rows or () if isinstance(row, dict)),
    )
