"""What an endpoint's failure means: whether to try again, whether it was paid, and the sentence for a person.

A sentence names the role, the address and the cure. It never holds the key, nor a piece of the prompt that the endpoint
quotes back.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.channel import Response
from synth_dagster.teacher.roles import Endpoint

What: TypeAlias = Literal[
    "busy", "failing", "lost", "key", "quota", "model", "request", "too_long", "refused", "strange"
]
"""busy: 429. failing: 5xx. lost: timeouts and broken connections. strange: what answers is no such endpoint."""

QUOTED = 24  # an endpoint's words that repeat this many characters of the request are not shown
LONGEST = 300
CHECK = "'synth teacher check' tells more."


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed request."""

    what: What
    said: str  # what happened, in words that may be shown
    status: int | None = None
    field: str | None = None  # the request's field that the endpoint names
    retry_after: float | None = None
    perhaps_paid: bool = False

    @property
    def kind(self) -> str:
        """What happened, without the endpoint's own words and numbers: one of few, and nothing of a request."""
        return f"HTTP {self.status}" if self.status else re.split("[,;]", self.said, maxsplit=1)[0]

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.what in ("busy", "failing", "lost")


def refusal(response: Response, endpoint: Endpoint, sent: str) -> Fault:
    """What a response that is no success means. `sent` is the request's text."""
    found = status_fault(response.status_code, response.text, wait_s(response.headers))
    return replace(found, said=shown(found.said, endpoint.api_key, sent))


def status_fault(status: int, body: str, retry_after: float | None = None) -> Fault:
    """What an HTTP status and its body mean."""
    inner = _error_of(body)
    words = _words(inner)
    fault = Fault(_what(status, words), f"HTTP {status}{_detail(inner, body)}", status, _field(inner), retry_after)
    # A server that failed after it wrote may have counted the answer; one that refused has not.
    return replace(fault, perhaps_paid=status in (502, 504))


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: `retry-after-ms` is the finer of the two ways to say it."""
    finer = retry_after_s(headers.get("retry-after-ms"))
    return finer / 1_000 if finer is not None else retry_after_s(headers.get("retry-after"))


def retry_after_s(header: str | None) -> float | None:
    """Seconds to wait, from a number or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def sentence(fault: Fault, endpoint: Endpoint, model: str) -> str:
    """One sentence: which role, where, what happened, what to do."""
    said = fault.said
    sentences: dict[What, str] = {
        "key": f"does not accept the key ({said}). Correct the variable that holds it",
        "quota": f"has no credit left ({said}). Add credit to that account or use another key",
        "model": f"knows no model '{model}' ({said}). Correct SYNTH_MODEL or 'model' in the recipe",
        "strange": f"is no OpenAI-compatible endpoint: {said}. Correct OPENAI_BASE_URL or 'base_url'",
        "busy": f"has no room for us ({said}). Wait, or lower max_in_flight",
        "failing": f"fails ({said}). Wait, or see what its own log says",
        "lost": f"does not answer ({said}). See that it runs and is reachable",
    }
    refuses = f"refuses the request to '{model}' ({said}). Correct the role's settings"
    return f"{whose(endpoint)} {sentences.get(fault.what, refuses)}; {CHECK}"


def whose(endpoint: Endpoint) -> str:
    """How such a sentence begins."""
    return f"The teacher role '{endpoint.role}' at {address(endpoint)}"


def address(endpoint: Endpoint) -> str:
    """The endpoint's address as it may be shown: scheme, host, port and path."""
    every = [shown_address(one) for one in endpoint.addresses]
    return every[0] if len(every) == 1 else f"{every[0]} and {len(every) - 1} more"


def shown_address(base_url: str) -> str:
    """An address without anything that may be a secret."""
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"


def shown(words: str, key: str, sent: str) -> str:
    """An endpoint's words, cut, without the key, and without what it quotes from the request."""
    words = one_line(words)
    if key:
        words = words.replace(key, "***")
    words = re.sub(r"\bsk-[\w*-]{6,}", "***", words)
    # what is cut off need not be looked for: of a long message that would hold up all other requests for seconds
    words, sent = words[: LONGEST + QUOTED - 1], one_line(sent)
    pieces = (words[start : start + QUOTED] for start in range(max(1, len(words) - QUOTED + 1)))
    if len(words) >= QUOTED and any(piece in sent for piece in pieces):
        words = words.split(":", 1)[0][:QUOTED] + ": its message quotes the request and is not shown"
    return words[:LONGEST]


# the last as servers of embedding models say it
_TOO_LONG = re.compile(
    r"context_length|context length|maximum context|too many tokens|prompt is too long|must have less than \d+ tokens"
)


def _what(status: int, words: str) -> What:
    if status == 429:
        return "quota" if "insufficient_quota" in words else "busy"
    if status in (401, 403):
        return "key"
    if status == 404:
        return "model" if re.search(r"model|deployment", words) else "strange"  # a wrong path is not found either
    if status >= 500 or status in (408, 409, 425):
        return "failing"
    if status < 400:
        return "strange"
    if _TOO_LONG.search(words):
        return "too_long"
    return "refused" if re.search(r"content_filter|content_policy|content management policy", words) else "request"


def broken(error: Exception, endpoint: Endpoint) -> Fault:
    """A request that got no answer. Only one that never reached the server is certainly unpaid."""
    import aiohttp
    import httpx2

    causes = list(_causes(error))
    if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
        return Fault("lost", "no connection could be made")
    dropped = aiohttp.ClientConnectionError, aiohttp.ClientPayloadError
    if any(isinstance(cause, dropped) and not isinstance(cause, TimeoutError) for cause in causes):
        return Fault("lost", "the connection was dropped", perhaps_paid=True)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return Fault("lost", f"no answer within {endpoint.timeout_s:g} s", perhaps_paid=True)
    names = " from ".join(dict.fromkeys(type(cause).__name__ for cause in causes))
    return Fault("lost", f"the connection failed: {names}", perhaps_paid=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _error_of(body: str) -> dict[str, Any]:
    """The error object of a body: OpenAI's shape, or one of its common variations."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    inner = found.get("error", found)
    if isinstance(inner, str):
        return {"message": inner}
    return inner if isinstance(inner, dict) else {}


def _words(inner: dict[str, Any]) -> str:
    return " ".join(str(inner[name]) for name in ("code", "type", "message", "detail") if inner.get(name)).lower()


def _detail(inner: dict[str, Any], body: str) -> str:
    message = inner.get("message") or inner.get("detail")
    if message:
        return f": {message}"
    kind = "a web page" if _is_page(body) else "no error message"
    return f" with {kind}"


def _is_page(body: str) -> bool:
    return body.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<?xml"))


def _field(inner: dict[str, Any]) -> str | None:
    """The request's field that is at fault: named by the endpoint, or found among its words."""
    if inner.get("param"):
        return str(inner["param"])
    message = str(inner.get("message") or inner.get("detail") or "")
    return next((name for name in FIELDS if re.search(rf"\b{name}\b", message)), None)


FIELDS: Sequence[str] = (
    "max_completion_tokens",
    "max_tokens",
    "response_format",
    "encoding_format",
    "seed",
    "temperature",
)
