"""The connections to one endpoint: requests go out over the openai package's aiohttp transport.

The package's own `post` builds headers, address and options anew for each request, which took as long again as sending
it (0.55 against 0.25 ms of CPU a call, measured on loopback). Here they are made once.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from synth_dagster.teacher.roles import Endpoint, is_loopback

if TYPE_CHECKING:
    import httpx2
    from httpx2 import Response

CONNECT_S = 10.0
_CONNECTIONS = 4_096
_KEPT_S = 15.0  # below what servers usually keep an idle connection for


class Channel:
    """One address and key. It leaves retries and limits to its owner; on this machine it passes by proxies."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx2
        from openai import DefaultAioHttpClient

        for name in ("openai", "httpx2", "httpcore2", "aiohttp"):  # at DEBUG they write whole requests
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger(name).level))
        timeout = httpx2.Timeout(endpoint.timeout_s, connect=min(CONNECT_S, endpoint.timeout_s), pool=None)
        self._http = DefaultAioHttpClient(
            timeout=timeout,
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_KEPT_S
            ),
            trust_env=not is_loopback(endpoint.base_url),
            follow_redirects=False,
        )
        self._base = endpoint.base_url
        self._urls: dict[str, httpx2.URL] = {}
        self._extensions = {"timeout": timeout.as_dict()}
        self._headers = [
            (b"authorization", f"Bearer {endpoint.api_key or 'none'}".encode()),
            (b"accept", b"application/json"),
            (b"user-agent", b"synth_dagster"),
        ]

    async def post(self, path: str, body: dict[str, Any]) -> "Response":
        """The response to a JSON body, whatever its status. Raises what the transport raises."""
        return await self._send("POST", path, json.dumps(body, ensure_ascii=False).encode())

    async def post_file(self, path: str, name: str, pieces: Iterable[bytes], fields: Mapping[str, str]) -> "Response":
        """The response to a file and fields as a form, whatever its status. Raises what the transport raises."""
        kind, body = as_form(name, pieces, fields)
        return await self._send("POST", path, body, kind)

    async def get(self, path: str) -> "Response":
        """The response, whatever its status. Raises what the transport raises."""
        return await self._send("GET", path, None)

    async def download(self, path: str, into: IO[bytes]) -> "Response":
        """The response, whatever its status; what a success holds is in the file. Raises what the transport raises."""
        response = await self._http.send(self._request("GET", path, None), stream=True)
        try:
            if not response.is_success:
                await response.aread()
                return response
            into.seek(0)
            into.truncate()
            async for piece in response.aiter_bytes():
                into.write(piece)
            return response
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(
        self, method: str, path: str, content: bytes | None, kind: bytes = b"application/json"
    ) -> "Response":
        return await self._http.send(self._request(method, path, content, kind))

    def _request(
        self, method: str, path: str, content: bytes | None, kind: bytes = b"application/json"
    ) -> "httpx2.Request":
        import httpx2

        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx2.URL(f"{self._base}{path}")
        headers = [*self._headers, (b"content-type", kind)]
        return httpx2.Request(method, url, headers=headers, content=content, extensions=self._extensions)


def as_form(name: str, pieces: Iterable[bytes], fields: Mapping[str, str]) -> tuple[bytes, bytes]:
    """A file and fields as multipart/form-data: content type and body."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n".encode()
    )
    return f"multipart/form-data; boundary={boundary}".encode(), b"".join(
        [*parts, *pieces, f"\r\n--{boundary}--\r\n".encode()]
    )
