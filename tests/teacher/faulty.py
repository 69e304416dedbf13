"""An endpoint on loopback that fails on request. Probes of what it understands are answered and counted apart."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from aiohttp import web

from synth_dagster.prompt import Prompt
from synth_dagster.services import Reply
from synth_dagster.teacher.probe import FORM, QUESTION


@dataclass(frozen=True)
class Say:
    """An answer of the server; `status` other than 200 makes it an error."""

    text: str | None = None  # None is the default answer
    status: int = 200
    error: str = ""
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: str = "stop"
    top_logprobs: Mapping[str, float] = field(default_factory=dict)  # of the first token; told to who asks for them
    refusal: str | None = None
    delay: float = 0.0
    drop: bool = False  # hang up without an answer
    raw: bytes | None = None  # these bytes instead of an answer
    content_type: str = "application/json"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 5})


Script = Callable[[dict[str, Any], int], Say]


def answer_of(body: Mapping[str, Any]) -> str:
    """The same words for the same request, different words for another: what a deterministic model would do."""
    name = blake2b(json.dumps([body["messages"], body.get("seed")]).encode(), digest_size=6).hexdigest()
    return json.dumps({"word": name}) if "json" in json.dumps(body).lower() else f"word {name}"


class FaultServer:
    """Answers by `script(body, seen)`; `seen` is how often this very request came before. It keeps every request."""

    def __init__(self) -> None:
        self.script: Script = lambda body, seen: Say()
        self.delay = 0.0
        self.probe_script: Script = lambda body, seen: Say(FORM)  # it follows schemas and reads their descriptions
        self.probes: list[dict[str, Any]] = []
        self.holds_probes = False  # as long as it does, none is answered
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.open = self.most_open = 0
        self._seen: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def calls(self) -> int:
        return len(self.requests)

    def times_seen(self) -> Counter[str]:
        """How often each question came."""
        return Counter(question(body) for body in self.requests)

    def __enter__(self) -> "FaultServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/embeddings", self._embed)
        app.router.add_get("/v1/models", self._models)
        self.routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    def routes(self, app: web.Application) -> None:
        """What a server of another kind answers besides."""

    async def _take(self, request: web.Request) -> tuple[dict[str, Any], Say]:
        body = await request.json()
        name = json.dumps(body, sort_keys=True)
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        self.times.append(time.monotonic())
        say = self.script(body, self._seen[name])
        self._seen[name] += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(say.delay or self.delay)
        finally:
            self.open -= 1
        return body, say

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        probe = await request.json()
        if question(probe).startswith(QUESTION):
            self.probes.append(probe)
            while self.holds_probes:  # noqa: ASYNC110  # another thread lets them go
                await asyncio.sleep(0.01)
            say = self.probe_script(probe, len(self.probes) - 1)
            return _failed(request, say) or web.json_response(_completion(probe, say))
        body, say = await self._take(request)
        return _failed(request, say) or web.json_response(_completion(body, say), headers=dict(say.headers))

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body, say = await self._take(request)
        rows = [{"index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(body["input"])]
        found = {"data": rows[::-1], "model": body["model"], "usage": {"prompt_tokens": 2 * len(rows)}}
        return _failed(request, say) or web.json_response(found)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m"}, {"id": "m2"}]})


def _failed(request: web.Request, say: Say) -> web.Response | None:
    if say.drop:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if say.raw is not None:
        return web.Response(body=say.raw, status=say.status, content_type=say.content_type)
    if say.status != 200:
        error = {"error": {"message": say.error, "code": say.code, "param": say.param, "type": "t"}}
        return web.json_response(error, status=say.status, headers=dict(say.headers))
    return None


def _completion(body: Mapping[str, Any], say: Say) -> dict[str, Any]:
    text = answer_of(body) if say.text is None else say.text
    message = {"role": "assistant", "content": None if say.refusal else text, "refusal": say.refusal}
    told = [{"token": token, "logprob": logprob} for token, logprob in say.top_logprobs.items()]
    logprobs = {"content": [told[0] | {"top_logprobs": told}]} if told and body.get("logprobs") else None
    choice = {"message": message, "finish_reason": say.finish, "logprobs": logprobs}
    choices = [{"index": i, **choice} for i in range(body.get("n", 1))]
    return {"model": f"{body['model']}-dated", "choices": choices, "usage": say.usage}


def question(body: Mapping[str, Any]) -> str:
    """The user's words in a request."""
    return body["messages"][-1]["content"]


class Word(Reply):
    word: str


PROMPT = Prompt(user="Give one word for {thing}.", system="You are terse.")


def words(things, **options):
    """The work of asking for one word for each thing, all at once: text, or what went wrong."""

    async def work(teachers):
        asked = (teachers["writer"].tell(PROMPT, thing=thing, **options) for thing in things)
        return await asyncio.gather(*asked, return_exceptions=True)

    return work
