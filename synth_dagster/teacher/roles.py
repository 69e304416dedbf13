"""Roles: what stands under `teachers:` in a recipe, and which endpoint that means on this machine.

A recipe names roles, never secrets: a key is given by the name of the variable that holds it. A real endpoint is used
only where SYNTH_MODEL is set beside OPENAI_API_KEY or OPENAI_BASE_URL, so that nobody pays by accident.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synth_dagster.errors import TeacherError
from synth_dagster.licences.registry import provider_terms
from synth_dagster.records import Json
from synth_dagster.services import Sampling

Kind: TypeAlias = Literal["embedded", "endpoint"]

EMBEDDED_MODELS = ("embedded-extractive", "embedded-brief", "embedded-vague", "embedded-offtopic")
EMBEDDED_EMBEDDER = "embedded-lexical"
EMBEDDED_REVISION = "5"  # raise it when the embedded teacher answers otherwise, so that the cache asks it anew
OPENAI = "https://api.openai.com/v1"
EMBEDDER = "embedder"
TRIES = 2  # for a usable answer: the question, and one chance to repair what does not parse


class RoleSettings(BaseModel):
    """One role of a recipe, such as `writer: {use: default}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: Literal["default", "embedded", "endpoint"] = Field(
        "default", description="default is the endpoint of the environment where one is allowed, else embedded."
    )
    model: str | None = Field(None, min_length=1, description="The model's name at the endpoint.")
    models: tuple[str, ...] = Field((), description="A pool of models instead of one; the first answers by default.")
    base_url: str | None = Field(None, description="The endpoint's address, with or without /v1.")
    base_urls: tuple[str, ...] = Field((), description="Several addresses that serve the same models; work is spread.")
    api_key_env: str | None = Field(None, description="The NAME of the variable that holds the key, never the key.")
    revision: str | None = Field(None, description="Names what the model's name does not: change it to ask anew.")
    temperature: float | None = Field(None, ge=0, le=2, description="Instead of what methods ask for.")
    top_p: float | None = Field(None, gt=0, le=1, description="Instead of what methods ask for.")
    max_tokens: int | None = Field(None, ge=1, description="Longest answer, instead of what methods ask for.")
    max_in_flight: int | None = Field(
        None, ge=1, le=4_096, description="Requests at the endpoint at one time; null finds out what helps."
    )
    requests_per_minute: float | None = Field(
        None, gt=0, description="Requests a minute at most; null learns it from the endpoint."
    )
    tokens_per_minute: float | None = Field(
        None, gt=0, description="Tokens a minute at most, in and out; null learns it from the endpoint."
    )
    fallback: str | None = Field(
        None, min_length=1, description="The role that answers while this one's endpoint cannot."
    )
    timeout_s: float = Field(120.0, gt=0, le=3_600, description="Longest time that one request may take.")
    patience_s: float = Field(60.0, ge=0, le=86_400, description="How long an endpoint may answer nothing at all.")
    tries: int = Field(
        TRIES,
        ge=1,
        le=10,
        description="How often an answer is asked for that is empty or does not parse; where it does not parse, every "
        "second time with what is wrong with it.",
    )
    max_retries: int = Field(8, ge=0, le=100, description="How often a request is sent again that alone fails.")

    terms: str | None = Field(
        None,
        max_length=300,
        description="The provider's terms on what the role writes, as a licence; null: those that its models and its "
        "address are known for; an empty text: none.",
    )
    batch: bool = Field(
        False, description="Ask in provider batches: half the price, and an answer within a day. Not when embedded."
    )
    batch_failures: Literal["batch", "live"] = Field(
        "batch", description="How a request that failed in a batch is asked again: in the next one, or live."
    )
    batch_requests: int = Field(50_000, ge=1, le=1_000_000, description="Requests in one batch, at most.")
    batch_bytes: int = Field(200_000_000, ge=1_000, description="Bytes of one batch's file, at most.")

    @field_validator("base_url")
    @classmethod
    def _usable_address(cls, address: str | None) -> str | None:
        return None if address is None else normal_address(address)

    @field_validator("base_urls")
    @classmethod
    def _usable_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        usable = tuple(normal_address(address) for address in addresses)
        if len(set(usable)) < len(usable):
            raise ValueError("names one address twice")
        return usable

    @field_validator("api_key_env")
    @classmethod
    def _name_of_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            # What came may be the key itself, so it is not repeated.
            raise ValueError("is not the name of a variable: write a name such as OPENAI_API_KEY, never the key itself")
        return name

    @model_validator(mode="after")
    def _one_or_a_pool(self) -> Self:
        if self.model and self.models:
            raise ValueError("has both 'model' and 'models': keep one of them")
        if len(set(self.models)) < len(self.models) or not all(self.models):
            raise ValueError("'models' names one model twice, or has an empty name")
        if self.base_url and self.base_urls:
            raise ValueError("has both 'base_url' and 'base_urls': keep one of them")
        return self


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one role's requests go. An embedded teacher gets its address from `at` when it is served."""

    role: str
    kind: Kind
    models: tuple[str, ...]
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    revision: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_in_flight: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    base_urls: tuple[str, ...] = ()  # where there are several, base_url is the first of them
    fallback: str | None = None
    timeout_s: float = 120.0
    patience_s: float = 60.0
    tries: int = TRIES
    max_retries: int = 8
    batch: bool = False
    batch_failures: Literal["batch", "live"] = "batch"
    batch_requests: int = 50_000
    batch_bytes: int = 200_000_000
    terms: str = ""  # the provider's, on what the role writes: a licence expression
    first_pause_s: float = 0.25  # before the first retry; every further one waits about twice as long

    def at(self, base_url: str) -> "Endpoint":
        """The same role, answered at that address."""
        return replace(self, base_url=normal_address(base_url), base_urls=())

    @property
    def is_lexical(self) -> bool:
        """Whether texts become vectors in this process, and nobody is asked."""
        return self.kind == "embedded" and self.role == EMBEDDER

    @property
    def whose_vectors(self) -> str:
        """The model that embeds, and its revision: vectors of two of these cannot be compared."""
        return f"{self.models[0]} of revision {self.revision}" if self.revision else self.models[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses of the endpoint."""
        return self.base_urls or (self.base_url,)

    def sampling(self, asked: Sampling) -> Sampling:
        """What is really asked for: the recipe's own numbers win over the method's."""
        own = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        return replace(asked, **{name: value for name, value in own.items() if value is not None})


def resolve(role: str, settings: RoleSettings, env: Mapping[str, str]) -> Endpoint:
    """The endpoint of a role under these variables. Raises TeacherError when the environment does not allow it."""
    real = settings.use == "endpoint" or (settings.use == "default" and _is_allowed(role, settings, env))
    if not real:
        return _embedded(role, settings)
    if not _is_allowed(role, settings, env):
        raise TeacherError(_not_allowed(role, env))
    models = _models(role, settings, env)
    addresses = settings.base_urls or (settings.base_url or _address_of(env),)
    return Endpoint(
        role,
        "endpoint",
        models,
        base_url=addresses[0],
        base_urls=settings.base_urls,
        api_key=_key(role, settings, env),
        terms=provider_terms(models, addresses) if settings.terms is None else settings.terms,
        **_own_settings(settings),
    )


def identity(endpoint: Endpoint) -> dict[str, Json]:
    """What can change what this role's answers make, for a stage's fingerprint: no address, no key."""
    own: dict[str, Json] = {
        "revision": endpoint.revision,
        "temperature": endpoint.temperature,
        "top_p": endpoint.top_p,
        "max_tokens": endpoint.max_tokens,
        "terms": endpoint.terms or None,
    }
    return {"models": list(endpoint.models), **{name: value for name, value in own.items() if value is not None}}


def normal_address(address: str) -> str:
    """An endpoint's address with its version and without a slash at the end. Raises ValueError for anything else."""
    trimmed = address.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")
    try:
        parts = urlsplit(trimmed)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a plain http(s) address without user, password or query: keys go in api_key_env")
    if not usable:
        # what came may be a key, put into the wrong variable: only what looks like an address is repeated
        came = f" but '{address.strip()[:200]}'" if set("./:") & set(address) and "@" not in address else ""
        raise ValueError(f"is not an address{came}: write http://host:port or https://host, with or without /v1")
    has_version = re.search(r"/v\d\w*(/|$)", parts.path)
    return trimmed if has_version else f"{trimmed}/v1"


def is_loopback(base_url: str) -> bool:
    """Whether that address is on this machine."""
    return urlsplit(base_url).hostname in ("127.0.0.1", "::1", "localhost")


# ------------------------------------------------------------------------------------------------------- environment


def _is_allowed(role: str, settings: RoleSettings, env: Mapping[str, str]) -> bool:
    """SYNTH_MODEL is the switch. An embedder also needs an embedding model: a chat model cannot embed."""
    named = settings.model or settings.models or role != EMBEDDER or env.get("SYNTH_EMBEDDING_MODEL")
    reachable = (
        env.get("OPENAI_API_KEY")
        or env.get("OPENAI_BASE_URL")
        or settings.base_url
        or settings.base_urls
        or _named_key(settings, env)
    )
    return bool(_pool(env.get("SYNTH_MODEL", "")) and reachable and (named or settings.use == "endpoint"))


def _named_key(settings: RoleSettings, env: Mapping[str, str]) -> str:
    return env.get(settings.api_key_env, "") if settings.api_key_env else ""


def _not_allowed(role: str, env: Mapping[str, str]) -> str:
    missing = [] if _pool(env.get("SYNTH_MODEL", "")) else ["SYNTH_MODEL (the model that may be used and paid)"]
    if not (env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL")):
        missing.append("OPENAI_API_KEY or OPENAI_BASE_URL")
    return (
        f"The teacher role '{role}' uses a real endpoint, and {' and '.join(missing)} is not set. "
        "Set it, or write 'use: embedded' in the recipe to work without a model."
    )


def _models(role: str, settings: RoleSettings, env: Mapping[str, str]) -> tuple[str, ...]:
    own = (settings.model,) if settings.model else settings.models
    variable = "SYNTH_EMBEDDING_MODEL" if role == EMBEDDER else "SYNTH_MODEL"
    models = own or _pool(env.get(variable, ""))
    if not models:
        raise TeacherError(f"The teacher role '{role}' has no model. Set {variable}, or name 'model' in the recipe.")
    return models


def _pool(text: str) -> tuple[str, ...]:
    """A comma-separated list of models, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _key(role: str, settings: RoleSettings, env: Mapping[str, str]) -> str:
    if settings.api_key_env is None:
        return env.get("OPENAI_API_KEY", "").strip()
    key = env.get(settings.api_key_env, "").strip()
    if not key:
        raise TeacherError(
            f"The teacher role '{role}' takes its key from {settings.api_key_env}, which is not set. "
            "Set that variable, or correct 'api_key_env' in the recipe."
        )
    return key


def _address_of(env: Mapping[str, str]) -> str:
    try:
        return normal_address(env.get("OPENAI_BASE_URL", "").strip() or OPENAI)
    except ValueError as error:
        raise TeacherError(f"OPENAI_BASE_URL {error}.") from error


def _embedded(role: str, settings: RoleSettings) -> Endpoint:
    """The writer has the whole pool, so that preference methods have something to compare; others have the best."""
    default = {"writer": EMBEDDED_MODELS, EMBEDDER: (EMBEDDED_EMBEDDER,)}.get(role, EMBEDDED_MODELS[:1])
    models = (settings.model,) if settings.model else settings.models or default
    own = _own_settings(settings)
    own |= {"revision": settings.revision or EMBEDDED_REVISION, "batch": False}  # its answers come at once
    return Endpoint(role, "embedded", models, **own)


def _own_settings(settings: RoleSettings) -> dict[str, Any]:
    names = (
        "revision",
        "temperature",
        "top_p",
        "max_tokens",
        "max_in_flight",
        "requests_per_minute",
        "tokens_per_minute",
        "fallback",
        "timeout_s",
        "patience_s",
        "tries",
        "max_retries",
        "batch",
        "batch_failures",
        "batch_requests",
        "batch_bytes",
    )
    return {name: getattr(settings, name) for name in names}
