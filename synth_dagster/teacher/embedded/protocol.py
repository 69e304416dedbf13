"""OpenAI's protocol, as far as it is spoken here: what a request may hold, how answers and errors look.

Nothing depends on the clock or a counter: the same request gives the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from synth_dagster.errors import no_such
from synth_dagster.teacher.embedded.answers import answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.reading import cut_to_tokens, token_count
from synth_dagster.teacher.embedded.schema import SchemaRefused, refuse_unknown
from synth_dagster.teacher.embedded.vectors import DIMENSIONS, as_base64, embed
from synth_dagster.teacher.embedded.writing import MODELS

EMBEDDING_MODEL = "embedded-lexical"
MAX_BYTES = 4 * 2**20
MAX_ANSWERS = 128
MAX_TEXTS = 2_048
_UNSUPPORTED = ("stream", "tools", "functions", "logprobs", "audio", "modalities")


class Refused(Exception):
    """A request that cannot be answered: the HTTP status, a sentence, and what it is about."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class Chat:
    """A checked request for chat completions."""

    model: str
    messages: list[dict[str, str]]
    schema: dict[str, Any] | None
    answers: int
    seed: int | None
    max_tokens: int | None
    stop: tuple[str, ...]


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body. Raises Refused for anything else."""
    try:
        parsed = json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Refused(f"The body is not valid UTF-8 at byte {error.start}. Send JSON in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is not JSON: {_reason(error)}. Send one JSON object.") from None
    if not isinstance(parsed, dict):
        raise Refused(f"The body must be a JSON object, not {type(parsed).__name__}.")
    return parsed


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _reason(error: Exception) -> str:
    return f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else str(error)[:80]


def chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The response to POST /v1/chat/completions."""
    request = checked(body)
    try:
        choices = [_choice(request, index) for index in range(request.answers)]
    except SchemaRefused as refused:
        raise Refused(str(refused), param="response_format") from None
    tokens_in = sum(token_count(message["content"]) for message in request.messages)
    tokens_out = sum(token_count(choice["message"]["content"]) for choice in choices)
    return {
        "id": f"chatcmpl-{Chance.of(body).seed:016x}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": choices,
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }


def _choice(request: Chat, index: int) -> dict[str, Any]:
    chance = Chance.of(request.seed, request.model, index)
    text = answer(request.messages, model=request.model, chance=chance, schema=request.schema)
    for end in request.stop:
        text = text.split(end, 1)[0]
    cut = False
    if request.max_tokens is not None:
        text, cut = cut_to_tokens(text, request.max_tokens)
    return {
        "index": index,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "length" if cut else "stop",
    }


def checked(body: Mapping[str, Any]) -> Chat:
    """The request with every field checked. Raises Refused with what came, what is allowed and what to do."""
    for name in _UNSUPPORTED:
        if body.get(name):
            raise Refused(f"'{name}' is not supported by the embedded teacher. Leave it out.", param=name)
    return Chat(
        model=_model(body, MODELS),
        messages=_messages(body.get("messages")),
        schema=_schema(body.get("response_format")),
        answers=_whole(body, "n", 1, least=1, most=MAX_ANSWERS) or 1,
        seed=_whole(body, "seed", None, least=-(2**63), most=2**64),
        max_tokens=_whole(body, "max_completion_tokens", _whole(body, "max_tokens", None, least=1), least=1),
        stop=_stop(body.get("stop")),
    )


def _model(body: Mapping[str, Any], known: tuple[str, ...]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(f"'model' must be a name. Known: {', '.join(known)}.", param="model")
    if model not in known:
        message = f"{no_such('model', model[:80], known)} GET /v1/models lists them all: {', '.join(known)}."
        raise Refused(message, status=404, param="model", code="model_not_found")
    return model


def _messages(messages: Any) -> list[dict[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise Refused("'messages' must be a list with at least one message.", param="messages")
    return [_message(message, f"messages[{place}]") for place, message in enumerate(messages)]


def _message(message: Any, where: str) -> dict[str, str]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise Refused(f"{where} must be an object with 'role' and 'content'.", param=where)
    return {"role": message["role"], "content": _content(message.get("content"), where)}


def _content(content: Any, where: str) -> str:
    if isinstance(content, str):
        return _scalar(content)
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        return _scalar("\n".join(str(part.get("text", "")) for part in content))
    raise Refused(f"{where}.content must be text, or a list of text parts.", param=f"{where}.content")


def _scalar(text: str) -> str:
    """The text with lone surrogates replaced: they cannot be sent back."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _schema(wanted: Any) -> dict[str, Any] | None:
    """The schema of the answer; None for plain text, an open object for `json_object`."""
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if kind is None or kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        message = f"response_format must have the type text, json_object or json_schema, not {str(kind)[:40]!r}."
        raise Refused(message, param="response_format")
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise Refused("response_format.json_schema.schema must be an object.", param="response_format")
    _refuse_unknown(json.dumps(schema))
    return schema


@lru_cache(maxsize=256)
def _refuse_unknown(schema: str) -> None:
    try:
        refuse_unknown(json.loads(schema))
    except SchemaRefused as refused:
        raise Refused(str(refused), param="response_format") from None
    except RecursionError:
        raise Refused("The schema is nested too deeply.", param="response_format") from None


def _whole(body: Mapping[str, Any], name: str, default: int | None, *, least: int, most: int = 2**31) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refused(f"'{name}' must be a whole number from {least} to {most}, not {str(value)[:40]!r}.", param=name)
    return value


def _stop(stop: Any) -> tuple[str, ...]:
    ends = (stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, list) else () if stop is None else (0,)
    if not all(isinstance(end, str) for end in ends):
        raise Refused("'stop' must be text or a list of texts.", param="stop")
    return tuple(end for end in ends if end)


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """The response to POST /v1/embeddings."""
    texts, encoding = _texts(body.get("input")), body.get("encoding_format") or "float"
    model = _model(body, (EMBEDDING_MODEL, *MODELS))
    if encoding not in ("float", "base64"):
        raise Refused(
            f"'encoding_format' must be float or base64, not {str(encoding)[:40]!r}.", param="encoding_format"
        )
    if body.get("dimensions") not in (None, DIMENSIONS):
        raise Refused(f"'dimensions' must be {DIMENSIONS} or left out.", param="dimensions")
    vectors = [embed(text) for text in texts]
    data = [
        {"object": "embedding", "index": place, "embedding": as_base64(one) if encoding == "base64" else list(one)}
        for place, one in enumerate(vectors)
    ]
    tokens = sum(token_count(text) for text in texts)
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _texts(texts: Any) -> list[str]:
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused("'input' must be a text or a list of texts that is not empty.", param="input")
    if len(texts) > MAX_TEXTS:
        raise Refused(f"'input' holds {len(texts)} texts; at most {MAX_TEXTS} are allowed. Send fewer.", param="input")
    return [_scalar(text) for text in texts]


def models() -> dict[str, Any]:
    """The response to GET /v1/models."""
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "synth_dagster"} for name in MODELS]
    lexical = {"id": EMBEDDING_MODEL, "object": "model", "created": 0, "owned_by": "synth_dagster"}
    return {"object": "list", "data": [*listed, lexical]}


def model(name: str) -> dict[str, Any]:
    """The response to GET /v1/models/NAME."""
    known = {entry["id"]: entry for entry in models()["data"]}
    return known[_model({"model": name}, tuple(known))]
