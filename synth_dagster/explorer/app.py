"""The explorer as a web application: a page for each question about a lake, for people and, as JSON, for programs.

Every page is made on the server, without a script, from one moment of the lineage. It reads; the one thing that writes
is an erasure, for who has signed in with the token. What is asked and shown is in no log: it may be a record.
"""

import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synth_dagster.errors import ExitCode, SynthError, UnknownName
from synth_dagster.explorer import erasing, reaching, record, release, signing, start
from synth_dagster.explorer.files import file_answer
from synth_dagster.explorer.guard import COOKIE, HEADERS, LASTS_S
from synth_dagster.explorer.html import joined, link, tag, url
from synth_dagster.explorer.job import Busy
from synth_dagster.explorer.question import Answer, Elsewhere, Explorer, Question, Shown, View
from synth_dagster.explorer.style import STYLE
from synth_dagster.records import plain
from synth_dagster.storage import NotThere

log = logging.getLogger(__name__)
AT_ONCE = 4  # requests that read the lake; others wait
MOST_FORM_BYTES = 16_384
PAGES: tuple[tuple[str, View], ...] = (
    ("/", start.start_page),
    ("/search", start.search_page),
    ("/record/{record}", record.record_page),
    *((f"/{kind}/{{word:path}}", partial(reaching.reach_page, kind)) for kind in reaching.KINDS),
    ("/release/{dataset}/{release}", release.release_page),
    ("/diff", release.diff_page),
    ("/erase", erasing.erase_page),
    ("/erasing", erasing.erasing_page),
    ("/erasures", erasing.receipts_page),
    ("/erasures/{erasure}", erasing.receipt_page),
)
"""Every page that reads."""
OPEN = ("/sign-in", "/style.css")  # also for who has not signed in


def application(explorer: Explorer) -> ASGIApp:
    """The explorer of a lake, as a server runs it."""
    site = _Site(explorer)
    routes = [Route(path, site.page(view)) for path, view in PAGES]
    routes += [
        Route("/erase", site.writing(erasing.carry_out), methods=["POST"]),
        Route("/sign-in", site.page(signing.sign_in_page)),
        Route("/sign-in", site.sign_in, methods=["POST"]),
        Route("/sign-out", site.sign_out, methods=["POST"]),
        Route("/style.css", site.style),
        Route("/favicon.ico", site.nothing),
        *(Route(f"/{folder}/{{path:path}}", site.file) for folder in ("previews", "reports")),
    ]
    handlers: Mapping[Any, Any] = {HTTPException: site.refused}
    return _Guarded(Starlette(routes=routes, exception_handlers=handlers), explorer)


class _Site:
    """The routes of one explorer."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self._workers: anyio.CapacityLimiter | None = None

    def page(self, view: View) -> Any:
        """A route that answers by a page."""

        async def endpoint(request: Request) -> Response:
            asked = _question(self.explorer, request)
            return await self._answered(request, view, asked)

        return endpoint

    def writing(self, view: View) -> Any:
        """A route that changes something: the form has to come from a page of ours."""

        async def endpoint(request: Request) -> Response:
            form = await _form(request)
            asked = _question(self.explorer, request, form)
            session, guard = asked.session, self.explorer.guard
            is_ours = session is not None and guard.is_from_our_page(session, form.get("word", ""), request.headers)
            asked.is_signed_in = is_ours or _has_token(self.explorer, request)
            return await self._answered(request, view, asked)

        return endpoint

    async def file(self, request: Request) -> Response:
        """A preview or a report."""

        def read() -> Response:
            try:
                return file_answer(self.explorer.lake.store, request.scope["path"])
            except (SynthError, OSError) as error:
                log.warning("A page could not be read: %s", type(error).__name__)
                return PlainTextResponse("The lake cannot be read now.\n", 503)

        return await self._in_thread(read)

    async def sign_in(self, request: Request) -> Response:
        """Take the token for a session."""
        form, guard = await _form(request), self.explorer.guard
        asked = _question(self.explorer, request, form)
        if not guard.is_our_origin(request.headers) or not guard.knows(form.get("token", "")):
            return _response(request, signing.refused(asked), asked)
        cookie = {
            "httponly": True,
            "samesite": "lax",
            "secure": guard.is_over_tls(request.url.scheme),
            "max_age": int(LASTS_S),
        }
        answer = RedirectResponse(signing.next_page(form), 303)
        answer.set_cookie(COOKIE, guard.sign_in(), **cookie)
        return answer

    async def sign_out(self, request: Request) -> Response:
        form, guard = await _form(request), self.explorer.guard
        session = guard.session(request.cookies.get(COOKIE))
        answer = RedirectResponse("/", 303)
        if session is not None and guard.is_from_our_page(session, form.get("word", ""), request.headers):
            guard.sign_out(request.cookies[COOKIE])
            answer.delete_cookie(COOKIE)
        return answer

    async def style(self, request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    async def nothing(self, request: Request) -> Response:
        return Response(status_code=204)

    async def refused(self, request: Request, error: HTTPException) -> Response:
        """No such page, or not by this method."""
        said = "This is no page of the explorer." if error.status_code == 404 else "This page only reads."
        asked = _question(self.explorer, request)
        return _response(request, _sorry(said, error.status_code, said), asked)

    async def _answered(self, request: Request, view: View, asked: Question) -> Response:
        return _response(request, await self._in_thread(lambda: _seen(view, asked)), asked)

    async def _in_thread(self, work: Any) -> Any:
        """At most so many at once; made here, because it belongs to the loop of the server."""
        self._workers = self._workers or anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(work, limiter=self._workers)


# ------------------------------------------------------------------------------------------------------ what is asked


def _question(explorer: Explorer, request: Request, form: Mapping[str, str] | None = None) -> Question:
    guard = explorer.guard
    return Question(
        explorer=explorer,
        path={name: str(value) for name, value in request.path_params.items()},
        query={name: value for name, value in request.query_params.items() if "\0" not in value},
        form=form or {},
        session=guard.session(request.cookies.get(COOKIE)),
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises HTTPException for one that is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM_BYTES:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))


def _place_of(request: Request) -> str:
    """The path and the query as they came."""
    query = request.scope["query_string"].decode("latin-1")
    return request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")


def _has_token(explorer: Explorer, request: Request) -> bool:
    """A program names the token itself: no page of another site can."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and explorer.guard.knows(token)


# ---------------------------------------------------------------------------------------------------- what is answered


def _seen(view: View, asked: Question) -> Answer:
    """The answer of a page; what cannot be answered as a page too, with a sentence and a status."""
    try:
        try:
            return view(asked)
        except (NotThere, FileNotFoundError):  # an erasure has taken a file that we were about to read: look again
            return view(replace(asked))
    except UnknownName as error:
        return _unknown(error)
    except Busy as error:
        return _sorry("Not now", 503, str(error), headers={"Retry-After": "5"})
    except (erasing.NotSignedIn, erasing.Changed) as error:
        return _sorry("Not done", 403 if isinstance(error, erasing.NotSignedIn) else 409, str(error))
    except SynthError as error:
        is_users = error.exit_code == ExitCode.USAGE
        return _sorry("That cannot be asked" if is_users else "Not now", 400 if is_users else 503, str(error))
    except Exception as error:  # noqa: BLE001  # its words may quote a record: neither the log nor the page has them
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("A page failed: %s at %s:%s", type(error).__name__, place.filename, place.lineno)
        return _sorry("That went wrong", 500, f"It ended with {type(error).__name__}. The terminal says where.")


def _unknown(error: UnknownName) -> Shown:
    """With the nearest names; ids lead to their records."""
    near = [link(tag("code", one), url("record", one)) for one in error.known if _is_id(one)]
    listed = tag("ul", *(tag("li", one) for one in near)) if near else None
    body = joined([tag("h1", "Nothing has that name"), tag("p", str(error)[:2_000]), listed])
    return Shown("Not found", {"error": str(error), "nearest": list(error.known)[:12]}, body, status=404)


def _is_id(word: str) -> bool:
    return len(word) == 32 and set(word) <= start.HEXADECIMAL


def _sorry(title: str, status: int, said: str, *, headers: Mapping[str, str] | None = None) -> Shown:
    body = joined([tag("h1", title), tag("p", said[:2_000])])
    return Shown(title, {"error": said}, body, status=status, headers=headers or {})


def _response(request: Request, answer: Answer, asked: Question) -> Response:
    if isinstance(answer, Elsewhere):
        return RedirectResponse(answer.to, 303, headers=dict(answer.headers))
    if request.query_params.get("format") == "json" or "application/json" in request.headers.get("accept", ""):
        text = json.dumps(plain(answer.data), ensure_ascii=False, allow_nan=False)
        return Response(text, answer.status, dict(answer.headers), "application/json")
    return Response(_whole(answer, asked), answer.status, dict(answer.headers), "text/html; charset=utf-8")


def _whole(shown: Shown, asked: Question) -> str:
    """A page with its head, the ways to others, and the search."""
    ways = [
        link("Start", "/"),
        link("Search", "/search"),
        link("Erase preview", "/erase"),
        link("Erasures", "/erasures"),
    ]
    if asked.session is not None:
        ways.append(signing.sign_out_form(asked.session))
    elif asked.explorer.guard.token is not None:
        ways.append(link("Sign in", "/sign-in"))
    box = tag(
        "input",
        type="search",
        name="q",
        value=shown.sought,
        aria_label="Words or the beginning of an id",
        maxlength="200",
    )
    find = tag("form", box, tag("button", "Search"), action="/search", role="search")
    head = tag("header", tag("div", link("synth explore", "/"), tag("nav", *ways, aria_label="Pages"), find))
    has_title = shown.body.startswith("<h1")
    main = tag("main", None if has_title else tag("h1", shown.title), shown.body, id="main", tabindex="-1")
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width,initial-scale=1"),
            tag("title", shown.title),
            tag("link", rel="stylesheet", href="/style.css"),
        ),
        tag("body", link("To the content", "#main", class_="skip"), head, main),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


# ---------------------------------------------------------------------------------------------------------- the guard


class _Guarded:
    """Refuses what names another host and who has to sign in first, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, explorer: Explorer) -> None:
        self.app, self.explorer = app, explorer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                has = {name for name, _ in message["headers"]}
                added = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items() if k.lower().encode() not in has]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        answer = self._refused(Request(scope, receive)) or self.app
        try:
            await answer(scope, receive, with_headers)
        except ClientDisconnect:
            return

    def _refused(self, request: Request) -> Response | None:
        guard = self.explorer.guard
        if not guard.answers_to(request.headers.get("host", "")):
            return PlainTextResponse("The explorer does not answer to that name.\n", 403)
        if guard.is_private or request.scope["path"] in OPEN:
            return None
        if guard.session(request.cookies.get(COOKIE)) or _has_token(self.explorer, request):
            return None
        if request.method == "GET" and request.query_params.get("format") != "json":
            here = _place_of(request)
            return RedirectResponse(url("sign-in", next=here), 303)
        return JSONResponse({"error": "Sign in first, or send the token: Authorization: Bearer TOKEN"}, 401)
