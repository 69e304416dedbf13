"""What a model understands is found out by one tiny call and remembered for all runs, beside the answers.

The question asks for nothing that has a shape; only who follows the schema answers with its strange property, and only
who reads the description in it knows the word that belongs there. A decoder that follows a schema which its model never
sees does the one without the other: such a model is told the schema in words as well. An endpoint that refuses the
schema is asked in JSON mode, and in plain words where it refuses that too; one that takes it and ignores it is noticed.
The schema has none of the keywords that some endpoints refuse, so that a refusal is about schemas as such.
"""

import asyncio
import json
import logging
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from synth_dagster.errors import TeacherError
from synth_dagster.records import canonical_json, digest
from synth_dagster.services import Reply, Sampling, Unusable
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.cache import AnswerCache, Request, Stored
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.faults import address
from synth_dagster.teacher.forms import chat_body, parsed_reply, read_chat, upper_tokens
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.structured import IN_WORDS, Mode, schema_of
from synth_dagster.teacher.usage import Usage
from synth_dagster.teacher.wire import HandOver, Sending
from synth_dagster.teacher.wires import Wires

log = logging.getLogger(__name__)

QUESTION = "Please fill in the form."
WORD = "marzipan"
FORM = f'{{"zq_word": "{WORD}"}}'  # the answer of who reads all of the schema
PROBE_TOKENS = 1_024  # at most; a model that thinks aloud needs some, the answer itself a dozen
REMEMBERED_S = 7 * 86_400.0  # servers are upgraded: what was found out is asked anew after a week


class Form(Reply):
    """The strange form of the probe."""

    zq_word: str = Field(description=f'Exactly the word "{WORD}".')


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer to the probe shows. `mode` is None where it shows nothing: it was refused, empty or cut."""

    mode: Mode | None
    described: bool = True


def probe_of(endpoint: Endpoint, model: str) -> Request:
    """The question."""
    sampling = endpoint.sampling(Sampling(max_tokens=PROBE_TOKENS))
    return Request(
        messages=[{"role": "user", "content": QUESTION}], model=model, sampling=sampling, schema=schema_of(Form)
    )


def probe_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """The question as it is sent: without the settings that some models refuse and the answer does not need."""
    kept = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "stop"}
    return {name: value for name, value in chat_body(request, 0, dialect).items() if name not in kept}


def seen_in(stored: Stored, asked: Mode) -> Seen:
    """What the answer shows of a model that was asked in that mode and did not refuse it."""
    if asked != "json_schema":
        return Seen(asked)
    if stored.finish_reason in ("length", "content_filter") or not stored.text.strip():
        return Seen(None)
    form = parsed_reply(stored, Form)
    return Seen("json_object") if form is None else Seen(asked, described=WORD in form.zq_word.lower())


def dialect_id(endpoint: Endpoint, model: str) -> bytes:
    """Names what is remembered of a model at an address."""
    return digest("dialect", sorted(endpoint.addresses), model)


async def remembered(
    cache: AnswerCache, endpoint: Endpoint, model: str, *, newer_than: float = 0.0
) -> tuple[Dialect, bool] | None:
    """What was found out lately, and whether a probe was part of it; None where nobody knows."""
    text = await cache.ability(dialect_id(endpoint, model), max(newer_than, time.time() - REMEMBERED_S))
    if text is None:
        return None
    with suppress(ValueError, KeyError, TypeError):  # written by another version: it is found out again
        found = json.loads(text)
        return Dialect.of(found["dialect"]), bool(found["probed"])
    return None


class Probes:
    """What the models of one run understand. The entry points are `dialect` and `ready`."""

    def __init__(self, wires: Wires, cache: AnswerCache, budget: Budget, usage: Usage) -> None:
        self._wires, self._cache, self._budget, self._usage = wires, cache, budget, usage
        self._recalled: set[bytes] = set()
        self._unclear: set[bytes] = set()  # models whose probe showed nothing: they are not asked again in this run
        self._locks: defaultdict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def dialect(self, endpoint: Endpoint, model: str, *, has_schema: bool) -> Dialect:
        """How to put requests to that model, with a schema or without, found out where nobody knows.

        Raises HandOver and OverBudget as any call does; an endpoint that cannot be used says so at the next request.
        """
        await self.ready(endpoint, model, has_schema=has_schema)
        return self._wires.of(endpoint).dialects.of(model)

    async def ready(self, endpoint: Endpoint, model: str, *, has_schema: bool) -> None:
        """Recalls what is known of a model; and asks it where a schema is wanted and nobody knows how it takes one.

        The embedded teacher is known, and never asked.
        """
        if endpoint.kind == "embedded":
            return
        dialects, key = self._wires.of(endpoint).dialects, dialect_id(endpoint, model)
        if key in self._recalled and (not has_schema or dialects.knows_mode(model) or key in self._unclear):
            return
        async with self._locks[key]:
            if key not in self._recalled:
                await self._recall(endpoint, model)
                self._recalled.add(key)
            if has_schema and not dialects.knows_mode(model) and key not in self._unclear:
                await self._probe_once(endpoint, model)

    async def save(self, endpoint: Endpoint, model: str) -> None:
        """Writes down what the last answers have shown beyond what was known."""
        dialects = self._wires.of(endpoint).dialects
        if model in dialects.news and endpoint.kind != "embedded":
            dialects.news.discard(model)
            found = {
                "address": address(endpoint),
                "model": model,
                "probed": dialects.knows_mode(model),
                "dialect": dialects.of(model).as_json(),
            }
            await self._cache.note_ability(dialect_id(endpoint, model), canonical_json(found))

    async def _recall(self, endpoint: Endpoint, model: str) -> None:
        dialects = self._wires.of(endpoint).dialects
        known = await remembered(self._cache, endpoint, model, newer_than=dialects.doubted.get(model, 0.0))
        if known is not None:
            dialects.recall(model, known[0], is_probed=known[1])

    async def _probe_once(self, endpoint: Endpoint, model: str) -> None:
        """One process asks; another that wants to know waits for it, and then reads what it has written down."""
        dialects = self._wires.of(endpoint).dialects
        async with self._cache.asking(dialect_id(endpoint, model)):
            if model not in dialects.news:
                await self._recall(endpoint, model)
            if not dialects.knows_mode(model):
                await self._probe(endpoint, model)
                await self.save(endpoint, model)

    async def _probe(self, endpoint: Endpoint, model: str) -> None:
        dialects, request = self._wires.of(endpoint).dialects, probe_of(endpoint, model)
        asked: list[Mode] = []
        try:
            stored = await self._wires.of(endpoint).send(self._sending(endpoint, request, asked))
        except HandOver:
            raise
        except (TeacherError, Unusable):
            seen = Seen(None)  # the request that wants to know will say it better
        else:
            seen = seen_in(stored, asked[-1])
        if seen.mode is None:
            self._unclear.add(dialect_id(endpoint, model))
            return
        dialects.found(model, seen.mode, described=seen.described)
        if seen.mode != "json_schema":
            _warn(endpoint, model, seen.mode, ignored=asked[-1] == "json_schema")

    def _sending(self, endpoint: Endpoint, request: Request, asked: list[Mode]) -> Sending:
        """The probe as a request; `asked` gets the mode of each time that it is sent."""
        estimate, most = upper_tokens(request), request.sampling.max_tokens

        def body(dialect: Dialect) -> dict[str, Any]:
            asked.append(dialect.mode)
            return probe_body(request, dialect)

        async def keep(answer: Stored, reservation: Reservation) -> Stored:
            usd = reservation.settle(answer.tokens_in, answer.tokens_out, cached_in=answer.cached_in)
            self._usage.roles[endpoint.role].paid(answer.tokens_in, answer.tokens_out, usd)
            self._usage.changed()
            return replace(answer, usd=usd)

        return Sending(
            endpoint=endpoint,
            model=request.model,
            path="/chat/completions",
            body=body,
            read=lambda found: read_chat(found, request.model, estimate),
            reserve=lambda: self._budget.reserve(request.model, estimate, most),
            keep=keep,
            text=QUESTION,
            tokens=estimate + most,
            tokens_of=lambda answer: answer.tokens_in + answer.tokens_out,
            schema=request.schema,
            quiet=True,
            on_retry=lambda fault: self._usage.count_retry(endpoint.role, fault.kind),
        )


def _warn(endpoint: Endpoint, model: str, mode: Mode, *, ignored: bool) -> None:
    does = "takes a JSON schema and pays no heed to it" if ignored else "takes no JSON schema"
    log.warning(
        "The model '%s' at %s %s: structured answers are asked for %s.", model, address(endpoint), does, IN_WORDS[mode]
    )
