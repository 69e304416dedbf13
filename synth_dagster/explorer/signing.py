"""Signing in with the token that the explorer was started with."""

from collections.abc import Mapping

from synth_dagster.explorer.guard import VARIABLE, Session
from synth_dagster.explorer.html import Html, field, joined, tag
from synth_dagster.explorer.question import Answer, Elsewhere, Question, Shown

TITLE = "Sign in"


def sign_in_page(asked: Question) -> Answer:
    """The form, or where one came from for who is signed in."""
    if asked.session is not None:
        return Elsewhere(next_page(asked.query))
    if asked.explorer.guard.token is None:
        said = f"This explorer only reads. {VARIABLE} at its start lets people sign in and erase."
        return Shown(TITLE, {"token": None}, joined([tag("h1", TITLE), tag("p", said)]))
    return Shown(TITLE, {}, _form(next_page(asked.query), ""))


def refused(asked: Question) -> Shown:
    """After a wrong token."""
    said = "That is not the token."
    return Shown(TITLE, {"error": said}, _form(next_page(asked.form), said), status=403)


def _form(to: str, said: str) -> Html:
    form = tag(
        "form",
        tag("input", type="text", name="user", value="explorer", autocomplete="username", hidden=True),
        field("Token", "token", type="password", maxlength="1000", required=True, autocomplete="current-password"),
        tag("input", type="hidden", name="next", value=to),
        tag("button", TITLE),
        method="post",
        action="/sign-in",
        class_="fields",
    )
    return joined([tag("h1", TITLE), tag("p", said, class_="note", role="alert") if said else None, form])


def sign_out_form(session: Session) -> Html:
    word = tag("input", type="hidden", name="word", value=session.word)
    return tag("form", word, tag("button", "Sign out"), method="post", action="/sign-out")


def next_page(given: Mapping[str, str]) -> str:
    """Where to go on: a page of this server and of no other."""
    to = given.get("next", "")
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if is_ours else "/"
