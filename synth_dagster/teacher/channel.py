"""The connections to one endpoint.

What is asked now and then goes over the openai package's client. What is asked a hundred thousand times goes over the
aiohttp that carries this client too: building httpx2's requests and responses took as long again as sending them (0.30
against 0.17 ms of CPU a call, measured on loopback with the server of `benchmarks.teacher`).
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import uuid4

from synth_dagster.teacher.roles import Endpoint, is_loopback

if TYPE_CHECKING:
    import aiohttp
    import httpx2

CONNECT_S = 10.0
_CONNECTIONS = 4_096
_KEPT_S = 15.0  # below what servers usually keep an idle connection for


class Response(Protocol):
    """What came back, whatever its status. The names of its headers are in any case."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    @property
    def is_success(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Posted:
    """The response to a JSON body."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300


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
        self._endpoint, self._base = endpoint, endpoint.base_url
        self._session: aiohttp.ClientSession | None = None
        self._proxy = proxy_of(endpoint.base_url)
        self._urls: dict[str, httpx2.URL] = {}
        self._extensions = {"timeout": timeout.as_dict()}
        self._headers = [
            (b"authorization", f"Bearer {endpoint.api_key or 'none'}".encode()),
            (b"accept", b"application/json"),
            (b"user-agent", b"synth_dagster"),
        ]

    async def post(self, path: str, body: dict[str, Any]) -> Response:
        """The response to a JSON body, whatever its status. Raises what aiohttp raises."""
        if self._session is None:
            self._session = _session(self._endpoint, self._headers)
        data = json.dumps(body, ensure_ascii=False).encode()
        url = f"{self._base}{path}"
        async with self._session.post(url, data=data, allow_redirects=False, proxy=self._proxy) as response:
            return Posted(response.status, response.headers, await response.read())

    async def post_file(self, path: str, name: str, pieces: Iterable[bytes], fields: Mapping[str, str]) -> Response:
        """The response to a file and fields as a form, whatever its status. Raises what the transport raises."""
        kind, body = as_form(name, pieces, fields)
        return await self._send("POST", path, body, kind)

    async def get(self, path: str) -> Response:
        """The response, whatever its status. Raises what the transport raises."""
        return await self._send("GET", path, None)

    async def download(self, path: str, into: IO[bytes]) -> Response:
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
        if self._session is not None:
            await self._session.close()

    async def _send(self, method: str, path: str, content: bytes | None, kind: bytes = b"application/json") -> Response:
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


def _session(endpoint: Endpoint, headers: Iterable[tuple[bytes, bytes]]) -> "aiohttp.ClientSession":
    """Connections for JSON, with the same certificates, timeouts and limits as the client's."""
    import aiohttp
    import httpx2

    secure = urlsplit(endpoint.base_url).scheme == "https"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=_CONNECTIONS, keepalive_timeout=_KEPT_S, ssl=httpx2.create_ssl_context() if secure else True
        ),
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=min(CONNECT_S, endpoint.timeout_s), sock_read=endpoint.timeout_s
        ),
        headers={"content-type": "application/json"} | {name.decode(): value.decode() for name, value in headers},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def proxy_of(address: str) -> str | None:
    """The proxy that the environment names for that address; none for this machine."""
    parts = urlsplit(address)
    if is_loopback(address) or proxy_bypass(parts.hostname or ""):
        return None
    named = getproxies()
    return named.get(parts.scheme) or named.get("all")


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
