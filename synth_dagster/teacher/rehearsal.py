"""Teachers for a plan: they send nothing, keep nothing and cost nothing, and count what a run would.

What was paid for before is answered from the cache. A role of the embedded teacher is answered by it, in this process
instead of over HTTP, so what is planned is what will happen. For any other role the embedded teacher stands in: what
follows from such an answer is a guess, and every answer says whether it was one.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.records import canonical_json
from synth_dagster.services import Call, Unusable, Vectors
from synth_dagster.teacher.attempts import Attempt
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache, Request, Stored, StoredVector
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.forms import Reading, chat_body, embedding_body, read_chat, read_embeddings
from synth_dagster.teacher.known_vectors import KnownVectors
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.probe import FORM, QUESTION, dialect_id, probe_of, remembered
from synth_dagster.teacher.roles import EMBEDDED_EMBEDDER, EMBEDDED_MODELS, Endpoint
from synth_dagster.teacher.structured import MODES

T = TypeVar("T")


@dataclass(slots=True)
class Sum:
    """What one piece of work would ask: `calls` are sent, `answers` are all that it uses. Money may be unknown."""

    calls: int = 0
    certain: int = 0  # the calls that no guess lies before
    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: Decimal | None = Decimal(0)  # of the calls
    worth: Decimal | None = Decimal(0)  # of all answers, those that are paid already too
    read: int = 0  # tokens of all answers, likewise
    written: int = 0
    guessed: bool = False
    probes: int = 0  # the calls that are no answer to anything: they find out what a model understands

    @property
    def cached(self) -> int:
        """The answers that are there already."""
        return self.answers - (self.calls - self.probes)

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.calls + other.calls,
            self.certain + other.certain,
            self.answers + other.answers,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            _plus(self.usd, other.usd),
            _plus(self.worth, other.worth),
            self.read + other.read,
            self.written + other.written,
            self.guessed or other.guessed,
            self.probes + other.probes,
        )

    def used(self, tokens_in: int, tokens_out: int, usd: Decimal | None) -> None:
        """An answer was used, whoever paid it."""
        self.answers += 1
        self.read, self.written = self.read + tokens_in, self.written + tokens_out
        self.worth = _plus(self.worth, usd)

    def sent(self, tokens_in: int, tokens_out: int, usd: Decimal | None) -> None:
        """A call would be paid for it."""
        self.calls += 1
        self.certain += not self.guessed
        self.tokens_in, self.tokens_out = self.tokens_in + tokens_in, self.tokens_out + tokens_out
        self.usd = _plus(self.usd, usd)


class Overlay(AnswerCache):
    """The kept answers, read and never written, under those of this plan."""

    def __init__(self, below: AnswerCache | None) -> None:
        self._below = below
        self._answers: dict[bytes, Stored] = {}
        self._replays: dict[bytes, bytes] = {}
        self._vectors: dict[bytes, StoredVector] = {}

    def close(self) -> None:
        """What was only rehearsed is forgotten."""

    async def get(self, call_id: bytes) -> Stored | None:
        found = self._answers.get(call_id)
        return await self._below.get(call_id) if found is None and self._below else found

    async def replayed(self, logical_id: bytes) -> bytes | None:
        found = self._replays.get(logical_id)
        return await self._below.replayed(logical_id) if found is None and self._below else found

    async def vectors(self, call_ids: Iterable[bytes]) -> dict[bytes, StoredVector]:
        wanted = set(call_ids)
        below = await self._below.vectors(wanted - self._vectors.keys()) if self._below else {}
        return {**below, **{key: self._vectors[key] for key in wanted & self._vectors.keys()}}

    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        return self._answers.setdefault(call_id, answer)

    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        self._vectors |= vectors

    async def raise_fence(self, word: str) -> None:
        """No erasure comes here."""

    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        return self._replays.setdefault(logical_id, call_id)

    async def forget(self, call_ids: Iterable[bytes]) -> int:
        return sum(self._answers.pop(call_id, None) is not None for call_id in call_ids)

    def answers(self) -> Iterator[tuple[bytes, Stored]]:
        yield from self._answers.items()

    def embedded_by(self) -> dict[str, int]:
        return dict(Counter(vector.model for vector in self._vectors.values()))

    async def ability(self, key: bytes, newer_than: float) -> str | None:
        return await self._below.ability(key, newer_than) if self._below else None

    async def note_ability(self, key: bytes, found: str, noted_at: float | None = None) -> None:
        """Nothing is found out: nobody is asked."""

    async def claim(self, call_id: bytes) -> bool:
        return True

    async def unclaim(self, call_id: bytes) -> None:
        """Nobody was kept waiting."""


_work: ContextVar[Sum | None] = ContextVar("work", default=None)


class Rehearsal(Teachers):
    """The roles of a recipe for a plan. What is asked inside `counting` is added up there."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        kept: AnswerCache | None,
        prices: Prices,
        answered: dict[bytes, Stored] | None = None,
    ) -> None:
        """`answered` are answers of the embedded teacher that were worked out before, by call."""
        self._answered = {} if answered is None else answered
        self._overlay = Overlay(kept)
        budget = Budget(prices=prices)
        super().__init__(endpoints, cache=self._overlay, budget=budget, run_id="plan", calls=self)
        self._prices = prices
        self._probed: set[bytes] = set()  # models that a run would have asked by now what they understand
        self._guesses: set[bytes] = set()  # the calls that the embedded teacher answered for another
        self.batch_shares: dict[
            str, Decimal | None
        ] = {}  # role in provider batches -> its price there, of the live one

    def blind(self) -> "Rehearsal":
        """The same roles with no answer kept: what the stand-in makes of inputs that a model has answered for."""
        return Rehearsal(self._endpoints, kept=None, prices=self._prices, answered=self._answered)

    def looked_up(self, shown: Callable[[str], str]) -> Vectors:
        """The vectors that are kept, and those that this plan has made for what a run would ask for."""
        return KnownVectors(self._overlay, self._endpoints["embedder"], shown)

    def sent_by_role(self) -> dict[str, Counter[str]]:
        """What each role would have been sent so far: calls and tokens."""
        roles = self.usage.roles.items()
        return {role: Counter(calls=one.calls, tokens=one.tokens_in + one.tokens_out) for role, one in roles}

    def least_seconds(self, sent: Mapping[str, Counter[str]]) -> float:
        """How long so much takes at least, at the rates that the roles state; 0 where none does.

        Roles of one endpoint share its rate, and all of its addresses together keep to it.
        """
        shared: dict[tuple[tuple[str, ...], str], list[Endpoint]] = {}
        for endpoint in self._endpoints.values():
            shared.setdefault((endpoint.addresses, endpoint.api_key), []).append(endpoint)
        return max(_least(roles, sum((sent[one.role] for one in roles), Counter())) for roles in shared.values())

    @property
    def stands_in(self) -> bool:
        """Whether the embedded teacher answered for another model."""
        return bool(self._guesses)

    @contextmanager
    def counting(self, *, guessed: bool = False) -> Iterator[Sum]:
        """Adds up what is asked inside, by this task and those that it starts. `guessed`: the material is a guess."""
        work = Sum(guessed=guessed)
        token = _work.set(work)
        try:
            yield work
        finally:
            _work.reset(token)

    def _used(self, call_id: bytes, stored: Stored, prompt_hash: str, read: Reading[T]) -> tuple[T, Stored, Call]:
        work = _work.get() or Sum()
        usd = self._usd(stored.model, stored.tokens_in, stored.tokens_out) if stored.usd is None else stored.usd
        work.used(stored.tokens_in, stored.tokens_out, usd)
        if call_id in self._guesses:
            work.guessed = True
            read = Reading(read.take, lambda _: None)  # a model would not say what the stand-in says for it
        return super()._used(call_id, stored, prompt_hash, read)

    async def chat(self, attempt: Attempt, /) -> Stored:
        """What would be paid for: counted, and answered by the embedded teacher."""
        endpoint, request = attempt.endpoint, attempt.request
        if request.schema is not None and endpoint.kind != "embedded":
            await self._probe(endpoint, request.model)
        answer = self._answered.get(attempt.call_id) or _answered(endpoint, request, attempt.number)
        self._answered[attempt.call_id] = answer
        usd = self._price(endpoint, request.model, answer.tokens_in, answer.tokens_out)
        (_work.get() or Sum()).sent(answer.tokens_in, answer.tokens_out, usd)
        self.usage.roles[endpoint.role].paid(answer.tokens_in, answer.tokens_out, usd)
        if endpoint.kind != "embedded":
            self._guesses.add(attempt.call_id)
        return await self._overlay.put(attempt.call_id, replace(answer, usd=usd, prompt_hash=attempt.prompt_hash))

    async def _probe(self, endpoint: Endpoint, model: str) -> None:
        """A run asks a model that nobody knows once how it takes a schema."""
        from synth_dagster.teacher.embedded.reading import token_count

        key = dialect_id(endpoint, model)
        if key in self._probed:
            return
        self._probed.add(key)
        known = await remembered(self._overlay, endpoint, model)
        if known is None or not known[1]:
            request = probe_of(endpoint, model)
            read = token_count(QUESTION) + token_count(canonical_json(request.schema))
            written = token_count(FORM)
            usd = self._usd(model, read, written)
            work = _work.get() or Sum()
            work.sent(read, written, usd)
            work.probes += 1
            self.usage.roles[endpoint.role].paid(read, written, usd)

    async def embed(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str], /) -> dict[bytes, bytes]:
        """What would be paid for vectors: counted, and made by the embedded teacher."""
        from synth_dagster.teacher.embedded import protocol

        found = protocol.embeddings(embedding_body(list(texts.values()), EMBEDDED_EMBEDDER, Dialect()))
        vectors, tokens = read_embeddings(found, len(texts), 0)
        usd = self._price(endpoint, model, tokens, 0)
        work = _work.get() or Sum()
        work.sent(tokens, 0, usd)
        work.used(tokens, 0, usd)
        work.guessed = work.guessed or endpoint.kind != "embedded"
        self.usage.roles[endpoint.role].paid(tokens, 0, usd)
        made = dict(zip(texts, vectors, strict=True))
        await self._overlay.put_vectors({key: StoredVector(model=model, vector=one) for key, one in made.items()})
        return made

    def _price(self, endpoint: Endpoint, model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
        """What a role pays for a call; in a batch, noted beside the highest share of the live price of its models."""
        live = self._usd(model, tokens_in, tokens_out)
        if not endpoint.batch:
            return live
        usd = self._usd(model, tokens_in, tokens_out, batch=True)
        share = None if usd is None or live is None else usd / live if live else Decimal(1)
        known = self.batch_shares.get(endpoint.role, Decimal(0))
        self.batch_shares[endpoint.role] = None if share is None or known is None else max(known, share)
        return usd

    def _usd(self, model: str, tokens_in: int, tokens_out: int, *, batch: bool = False) -> Decimal | None:
        price = self._prices.of(model)
        return None if price is None else price.of(tokens_in, tokens_out, batch=batch)


def _least(roles: Iterable[Endpoint], sent: Counter[str]) -> float:
    stated = [(sent["calls"], one.requests_per_minute) for one in roles]
    stated += [(sent["tokens"], one.tokens_per_minute) for one in roles]
    return max((60 * amount / a_minute for amount, a_minute in stated if a_minute), default=0.0)


def _answered(endpoint: Endpoint, request: Request, attempt: int) -> Stored:
    """The embedded teacher's answer; for another model with the tokens that such a request has there."""
    from synth_dagster.teacher.embedded.reading import token_count

    if endpoint.kind == "embedded":
        return _embedded_answer(request, attempt, _refused_by(endpoint, request.model))
    plain = replace(request.sampling, top_logprobs=0)
    standing_in = replace(request, model=_standing_in(endpoint, request), sampling=plain)
    answer = _embedded_answer(standing_in, attempt, lambda _: Unusable("refused", ""))
    schema = 0 if request.schema is None else token_count(canonical_json(request.schema))
    # it always writes the same: to it what it begins with is certain
    likely = {answer.text.split(maxsplit=1)[0]: 0.0} if request.sampling.top_logprobs and answer.text.strip() else {}
    return replace(answer, model=request.model, tokens_in=answer.tokens_in + schema, top_logprobs=likely)


def _standing_in(endpoint: Endpoint, request: Request) -> str:
    """Who answers for a model. Several texts for one request have to differ, as those of a model do."""
    shift = request.sample if request.schema is None else 0
    return EMBEDDED_MODELS[(endpoint.models.index(request.model) + shift) % len(EMBEDDED_MODELS)]


def _refused_by(endpoint: Endpoint, model: str) -> Callable[[str], TeacherError]:
    """What a run stops with where the embedded teacher refuses a request; it has no address yet."""
    who = f"The teacher role '{endpoint.role}' is the embedded teacher, which refuses the request to '{model}'"
    return lambda said: TeacherError(f"{who}: {said} Change that setting, or name another teacher for the role.")


def _embedded_answer(request: Request, attempt: int, refused_with: Callable[[str], Exception]) -> Stored:
    """What the embedded teacher says over HTTP, without HTTP. What it refuses for good raises what is given for it."""
    from synth_dagster.teacher.embedded import protocol

    for mode in MODES:
        body = chat_body(request, attempt, Dialect(mode=mode))
        try:
            return read_chat(protocol.chat(_as_sent(body)), request.model, 0)
        except protocol.Refused as refused:
            if refused.param != "response_format":
                raise refused_with(str(refused)) from refused
    raise Unusable("refused", "")


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    """A body as it arrives: some values are others after they were JSON."""
    return json.loads(json.dumps(body))


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other
