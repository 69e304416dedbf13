"""An endpoint on loopback with a Batch API in OpenAI's shape, whose answers and failures are switched by a test.

A batch is in progress until `finish` ends it. What the lines are answered is what the endpoint would answer live.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from synth_dagster.records import canonical_json
from synth_dagster.teacher.batches.submit import TRIED, tried_id
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.probe import dialect_id
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.faulty import FaultServer, Say, _completion

Line = Mapping[str, Any]


@dataclass
class Batch:
    """A batch as the server keeps it."""

    id: str
    file: str
    endpoint: str
    metadata: Mapping[str, str]
    lines: list[dict[str, Any]]
    status: str = "in_progress"
    output: str | None = None
    error: str | None = None
    errors: list[dict[str, str]] = field(default_factory=list)
    failed: int = 0

    def shown(self) -> dict[str, Any]:
        counts = {"total": len(self.lines), "completed": len(self.lines) - self.failed, "failed": self.failed}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "input_file_id": self.file,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.error,
            "request_counts": counts if self.status not in ("in_progress", "validating") else {},
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "metadata": dict(self.metadata),
        }


class BatchServer(FaultServer):
    """`refuse(method, path, seen) -> Say` may fail any request to the Batch API; `batches` are those made, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.has_batches = True
        self.finishes_at_once = False
        self.most_bytes = 1 << 40
        self.refuse: Callable[[str, str, int], Say | None] = lambda method, path, seen: None
        self.cut_after_making = 0  # so many batches are made, and the connection is cut before that is said
        self.watch: Callable[[str, str, str], None] = lambda moment, method, path: None  # "before", "after" a request
        self.files: dict[str, bytes] = {}
        self.batches: list[Batch] = []
        self.batch_requests: list[tuple[str, str]] = []
        self._told: Counter[tuple[str, str]] = Counter()

    # ------------------------------------------------------------------------------------------------ what a test sees

    @property
    def submitted(self) -> Counter[str]:
        """How often each request, by its custom id, stands in a batch."""
        return Counter(line["custom_id"] for batch in self.batches for line in batch.lines)

    def finish(
        self,
        status: str = "completed",
        *,
        fails: Callable[[int, Line], Say | str | None] = lambda place, line: None,
        twice: bool = False,
        strangers: bool = False,
        loses_output: bool = False,
        spoils: Callable[[dict[str, Any]], object] = lambda row: None,
        errors: tuple[str, ...] = (),
    ) -> int:
        """End every batch in progress; how many those were. `fails` says which lines fail: an HTTP answer or a code."""
        ending = [batch for batch in self.batches if batch.status in ("in_progress", "cancelling")]
        for batch in ending:
            good, bad = [], []
            for place, line in enumerate(batch.lines):
                failure = fails(place, line)
                (good if failure is None else bad).append(self._row(line, failure))
            batch.failed, batch.errors = len(bad), [{"code": code, "message": "no"} for code in errors]
            for row in good:
                spoils(row)
            good = [*good[::-1], *(good if twice else [])]
            if strangers:
                good += [{**good[0], "custom_id": name} for name in ("00" * 16, "zz", "")] + [{"custom_id": None}]
            batch.output = self._file(good, torn=strangers) if good and not errors else None
            batch.error = self._file(bad) if bad else None
            if loses_output and batch.output:
                del self.files[batch.output]
            batch.status = "cancelled" if batch.status == "cancelling" else status
        return len(ending)

    def _row(self, line: Line, failure: Say | str | None) -> dict[str, Any]:
        row = {"id": f"r-{line['custom_id'][:8]}", "custom_id": line["custom_id"], "response": None, "error": None}
        if isinstance(failure, str):
            return {**row, "error": {"code": failure, "message": "This request was not executed."}}
        body = line["body"]
        if failure is not None:
            error = {"error": {"message": failure.error, "code": failure.code, "param": failure.param, "type": "t"}}
            return {**row, "response": {"status_code": failure.status, "request_id": "q", "body": error}}
        answer = _vectors(body) if "input" in body else _completion(body, self.script(body, 0))
        return {**row, "response": {"status_code": 200, "request_id": "q", "body": answer}}

    def _file(self, rows: list[dict[str, Any]], *, torn: bool = False) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = b"".join(json.dumps(row).encode() + b"\n" for row in rows) + (b'{"custom' if torn else b"")
        return name

    # ------------------------------------------------------------------------------------------------------- protocol

    def routes(self, app: web.Application) -> None:
        app.middlewares.append(self._watched)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{file}/content", self._content)
        app.router.add_post("/v1/batches", self._make)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{batch}", self._show)
        app.router.add_post("/v1/batches/{batch}/cancel", self._cancel)

    @web.middleware
    async def _watched(self, request: web.Request, handler: Any) -> web.StreamResponse:
        place = (request.method, request.path.removeprefix("/v1"))
        self.watch("before", *place)
        try:
            return await handler(request)
        finally:
            self.watch("after", *place)

    def _refused(self, request: web.Request) -> web.Response | None:
        place = (request.method, request.path.removeprefix("/v1"))
        self.batch_requests.append(place)
        say = self.refuse(*place, self._told[place]) if self.has_batches else Say(status=404, error="Not Found")
        self._told[place] += 1
        if say is None:
            return None
        if say.drop:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        error = {"error": {"message": say.error, "code": say.code, "type": "t"}}
        return web.json_response(error, status=say.status, headers=dict(say.headers))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        form = await request.post()
        assert form["purpose"] == "batch"
        content = form["file"].file.read()  # type: ignore[union-attr]
        if len(content) > self.most_bytes:
            return web.json_response({"error": {"message": "The file is too large."}}, status=413)
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return web.json_response({"id": name, "object": "file", "purpose": "batch", "bytes": len(content)})

    async def _make(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        given = await request.json()
        assert given["completion_window"] == "24h"
        lines = [json.loads(row) for row in self.files[given["input_file_id"]].splitlines()]
        assert all(line["method"] == "POST" and line["url"] == given["endpoint"] for line in lines)
        assert len({line["body"]["model"] for line in lines}) == 1
        name = f"batch-{len(self.batches)}"
        batch = Batch(name, given["input_file_id"], given["endpoint"], given.get("metadata") or {}, lines)
        self.batches.append(batch)
        if self.finishes_at_once:
            self.finish()
        if self.cut_after_making:
            self.cut_after_making -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(batch.shown())

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        newest = self.batches[::-1]
        after = request.query.get("after")
        start = next((n + 1 for n, batch in enumerate(newest) if batch.id == after), 0)
        page = newest[start : start + min(int(request.query["limit"]), 2)]  # small pages, so that they are turned
        more = start + len(page) < len(newest)
        return web.json_response({"object": "list", "data": [batch.shown() for batch in page], "has_more": more})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        found = [batch for batch in self.batches if batch.id == request.match_info["batch"]]
        if not found:
            return web.json_response({"error": {"message": "No such batch."}}, status=404)
        return web.json_response(found[0].shown())

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        (batch,) = [batch for batch in self.batches if batch.id == request.match_info["batch"]]
        if batch.status not in ("in_progress", "cancelling"):
            said = {"error": {"message": f"Cannot cancel a batch with status '{batch.status}'."}}
            return web.json_response(said, status=409)
        batch.status = "cancelling"
        return web.json_response(batch.shown())

    async def _content(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        content = self.files.get(request.match_info["file"])
        if content is None:
            return web.json_response({"error": {"message": "No such file."}}, status=404)
        return web.Response(body=content, content_type="application/octet-stream")


def _vectors(body: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(body["input"])]
    return {"data": rows[::-1], "model": body["model"], "usage": {"prompt_tokens": 2 * len(rows)}}


def acquaint(cache: Path, server: BatchServer, model: str = "gpt-4o-mini") -> None:
    """Writes down beside the answers what an earlier run would have found out: the model understands everything."""
    endpoint = Endpoint("writer", "endpoint", (model,), base_url=server.url)
    found = {"address": server.url, "model": model, "probed": True, "dialect": Dialect().as_json()}

    async def noted(answers: AnswerCache) -> None:
        await answers.note_ability(dialect_id(endpoint, model), canonical_json(found))
        for path, has_schema in (("/chat/completions", False), ("/chat/completions", True), ("/embeddings", False)):
            await answers.note_ability(tried_id(endpoint, model, path, has_schema=has_schema), TRIED)

    with AnswerCache.open(cache) as answers:
        asyncio.run(noted(answers))
