"""The forms of the protocol: a request as an endpoint understands it, and its answer as we keep it. Pure functions."""

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import numpy as np

from synth_dagster.records import canonical_json
from synth_dagster.services import R, Unusable
from synth_dagster.teacher.cache import Request, Stored, StoredVector
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.structured import instructed, parsed, response_format, why_not

T = TypeVar("T")

PER_MESSAGE = 16  # tokens that a chat template may add to a message, at most
PER_REQUEST = 64
TEXTS_PER_CALL = 256  # an embedding call holds up to 2,048 texts at OpenAI, 256 at some others
TOKENS_PER_CALL = 200_000  # and 300,000 tokens at OpenAI, the least that is told of


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """How an answer is taken, and what is asked of it besides: both raise Unusable for one that will not do."""

    take: Callable[[Stored], T]
    check: Callable[[T], None]

    def __call__(self, stored: Stored) -> T:
        taken = self.take(stored)
        self.check(taken)
        return taken


def plain_text(stored: Stored) -> str:
    """The text of an answer. Raises Unusable for a refusal and an empty answer; a cut one is the caller's to judge."""
    if stored.finish_reason == "content_filter":
        raise Unusable("refused", stored.text)
    if not stored.text.strip():
        raise Unusable("cut" if stored.finish_reason == "length" else "empty", stored.text)
    return stored.text


def whole_reply(stored: Stored, into: type[R]) -> R:
    """An answer as a reply. Raises Unusable; a cut answer is never taken for a whole one, even where it parses."""
    text = plain_text(stored)
    if stored.finish_reason == "length":
        raise Unusable("cut", text)
    reply = parsed(text, into)
    if reply is None:
        raise Unusable("unparsable", text, why=why_not(text, into))
    return reply


def parsed_reply(stored: Stored, into: type[R]) -> R | None:
    """An answer as a reply, or None where it cannot be used."""
    try:
        return whole_reply(stored, into)
    except Unusable:
        return None


def chat_body(request: Request, attempt: int, dialect: Dialect) -> dict[str, Any]:
    """The request as that endpoint understands it."""
    sampling, schema = request.sampling, request.schema
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [dict(message) for message in request.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        dialect.token_field: sampling.max_tokens,
    }
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(sampling, name):
            body[name] = getattr(sampling, name)
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if dialect.seed:
        body["seed"] = request.sample + 1_000_000 * attempt
    if isinstance(schema, Mapping):
        if dialect.mode != "json_schema" or not dialect.described:
            body["messages"] = instructed(body["messages"], schema)
        body |= response_format("reply", schema, dialect.mode)
    return body


def upper_tokens(request: Request) -> int:
    """More tokens than the request can have: a token is at least one byte."""
    schema = 0 if request.schema is None else 2 * len(canonical_json(request.schema).encode())
    return schema + PER_REQUEST + sum(len(m["content"].encode()) + PER_MESSAGE for m in request.messages)


def upper_tokens_of(texts: Iterable[str]) -> int:
    """More tokens than a request to embed these texts can have."""
    return PER_REQUEST + sum(len(text.encode("utf-8", "surrogatepass")) + PER_MESSAGE for text in texts)


def read_chat(found: Mapping[str, Any], asked: str, estimate: int) -> Stored:
    """The first choice of a chat completion. Raises ValueError, KeyError or TypeError when it has none."""
    choice = found["choices"][0]
    message, finish = choice["message"], choice.get("finish_reason") or "stop"
    text = _content(message.get("content"))
    if message.get("refusal"):
        text, finish = str(message["refusal"]), "content_filter"
    usage = found.get("usage") or {}
    return Stored(
        model=_clean(str(found.get("model") or asked)),
        text=_clean(text),
        finish_reason=str(finish),
        tokens_in=_count(usage.get("prompt_tokens"), estimate),
        tokens_out=_count(usage.get("completion_tokens"), len(text.encode(errors="replace"))),
        top_logprobs=_top_logprobs(choice.get("logprobs")),
        cached_in=_cached(usage.get("prompt_tokens_details")),
    )


def embedding_body(texts: list[str], model: str, dialect: Dialect) -> dict[str, Any]:
    """The request for these texts. Endpoints refuse an empty text, so a blank stands for it."""
    body: dict[str, Any] = {"model": model, "input": [text or " " for text in texts]}
    return body | ({"encoding_format": "base64"} if dialect.base64 else {})


def in_calls(texts: Mapping[bytes, str]) -> Iterator[dict[bytes, str]]:
    """The texts in portions that one call may hold, in their order: so many, and so many tokens, a long one alone.

    Tokens are counted in the upper bound of one a byte, which no tokenizer passes.
    """
    part: dict[bytes, str] = {}
    size = 0
    for key, text in texts.items():
        more = len(text.encode("utf-8", "surrogatepass"))
        if part and (len(part) == TEXTS_PER_CALL or size + more > TOKENS_PER_CALL):
            yield part
            part, size = {}, 0
        part[key] = text
        size += more
    if part:
        yield part


def read_embeddings(found: Mapping[str, Any], wanted: int, estimate: int) -> tuple[list[bytes], int]:
    """The vectors in the order of the texts, as float32 bytes, and the tokens. Raises ValueError if one is missing."""
    rows = sorted(found["data"], key=lambda row: row["index"])
    if [row["index"] for row in rows] != list(range(wanted)):
        raise ValueError("other vectors than were asked for")
    vectors = [_vector(row["embedding"]) for row in rows]
    if not all(vectors) or len({len(vector) for vector in vectors}) > 1:
        raise ValueError("vectors of several lengths")
    return vectors, _count((found.get("usage") or {}).get("prompt_tokens"), estimate)


def shared_out(
    vectors: Mapping[bytes, bytes], model: str, tokens: int, usd: Decimal | None, run_id: str
) -> dict[bytes, StoredVector]:
    """The vectors of one call as they are kept, each with its share of the tokens and the money."""
    share, rest = divmod(tokens, len(vectors))
    each = None if usd is None else usd / len(vectors)
    return {
        key: StoredVector(model=model, vector=vector, tokens_in=share + (index < rest), usd=each, run_id=run_id)
        for index, (key, vector) in enumerate(vectors.items())
    }


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Rows of unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _vector(embedding: str | list[float]) -> bytes:
    if isinstance(embedding, str):
        raw = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    else:
        raw = np.asarray(embedding, dtype="<f4")
    if raw.ndim != 1 or not np.isfinite(raw).all():
        raise ValueError("not a vector of numbers")
    return raw.tobytes()


def _content(content: Any) -> str:
    """The text of a message; some endpoints give it in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return "" if content is None else str(content)


def _clean(text: str) -> str:
    """Text that can be stored: half a surrogate pair, which JSON can carry, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _top_logprobs(told: Any) -> dict[str, float]:
    """The likeliest first tokens with their log-probabilities; none where the endpoint does not tell of them."""
    first, *_ = (told or {}).get("content") or [{}]
    found = {_clean(str(one["token"])): float(one["logprob"]) for one in first.get("top_logprobs") or []}
    return {token: logprob for token, logprob in found.items() if math.isfinite(logprob)}


def _cached(details: Any) -> int:
    """Tokens of the request that the provider had cached, where it says so."""
    return _count(details.get("cached_tokens"), 0) if isinstance(details, Mapping) else 0


def _count(reported: Any, estimate: int) -> int:
    """Tokens as reported; an endpoint that does not report them is charged the upper estimate."""
    return reported if isinstance(reported, int) and reported >= 0 else estimate
