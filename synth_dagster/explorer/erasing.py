"""What an erasure would take; for whoever has signed in, that it is done; and the receipts of those that were.

The same code as `synth erase`, with the same receipt. It runs beside the requests, one at a time: other runs are waited
for, which may take long. When the server ends meanwhile, the next `synth erase` or `synth run` goes on with it.
"""

import json
from collections.abc import Mapping
from typing import Any

from synth_dagster.errors import ExitCode, LakeError, SynthError, UnknownName
from synth_dagster.explorer.html import Html, choice, facts, field, figure, joined, link, section, table, tag, url
from synth_dagster.explorer.question import Elsewhere, Question, Shown
from synth_dagster.governance.erase import BadErasure, costs, erase, plan
from synth_dagster.governance.erase_children import policy_of
from synth_dagster.governance.erase_scope import Asked, Scope

WAYS = ("source", "record", "where")
AGAIN_S = 2
RECEIPTS = "erasures/"
CHILDREN = (("drop", "go"), ("remake", "go, and the next run makes them anew from the parents that stay"))


class NotSignedIn(SynthError):
    """Only who has the token may do this."""

    exit_code = ExitCode.USAGE


class Changed(SynthError):
    """What was looked at is not what is there now."""

    exit_code = ExitCode.USAGE


# ------------------------------------------------------------------------------------------------------- looking first


def erase_page(asked: Question) -> Shown:
    """What would go, with counts, or the form that asks. Nothing is changed."""
    given = asked.query
    if not any(given.get(way) for way in WAYS):
        return Shown("Erase preview", {}, joined([tag("h1", "Erase preview"), _form(asked, given)]))
    wanted = _asked(asked, given)
    with asked.explorer.reading_all():
        found = _planned(asked, wanted)
        cost = costs(found, asked.explorer.around)
    body = joined(
        [
            tag("h1", "Erase preview"),
            tag("p", "Nothing was erased: this is what would go.", class_="pale"),
            _what(wanted),
            *_would_go(found, cost),
            _carry_out(asked, wanted, found),
            section("Ask for something else", _form(asked, given)),
        ]
    )
    return Shown("Erase preview", {"dry_run": True} | found.as_json() | cost, body)


def _asked(asked: Question, given: Mapping[str, str]) -> Asked:
    """Raises UnknownName for a dataset that is not there, BadErasure for none where there are several."""
    known = asked.lake.datasets()
    dataset = given.get("dataset") or (known[0] if len(known) == 1 else "")
    if not dataset:
        raise BadErasure("Say which dataset is meant.")
    if dataset not in known:
        raise UnknownName("dataset", dataset, known)
    words = {way: given.get(way) or None for way in WAYS}
    policy = policy_of(given.get("children") or "drop")
    return Asked(dataset, words["source"], words["record"], words["where"], bool(given.get("everywhere")), policy)


def _planned(asked: Question, wanted: Asked) -> Scope:
    try:
        return plan(asked.lake, wanted)
    except LakeError as error:
        if wanted.where is not None:  # what is wrong with a condition is the asker's to put right
            raise BadErasure(str(error)) from error
        raise


def _form(asked: Question, given: Mapping[str, str]) -> Html:
    datasets = asked.lake.datasets()
    dataset = given.get("dataset") or (datasets[0] if datasets else "")
    return tag(
        "form",
        choice("Dataset", "dataset", dataset, [(one, one) for one in datasets]),
        field("A source", "source", given.get("source", ""), known=asked.now.words("source")[:200]),
        field("or a record (the beginning of its id)", "record", given.get("record", "")),
        field("or a condition in SQL", "where", given.get("where", ""), maxlength="2000"),
        choice("Children of several parents", "children", given.get("children", "drop"), CHILDREN),
        _check("everywhere", "also the same content under another name", is_on=bool(given.get("everywhere"))),
        tag("button", "Show what would go"),
        action="/erase",
        class_="fields",
    )


def _check(name: str, words: str, *, is_on: bool = False, **more: object) -> Html:
    box = tag("input", type="checkbox", name=name, id=f"field-{name}", value="yes", checked=is_on, **more)
    return tag("div", box, tag("label", words, for_=f"field-{name}"), class_="field check")


def _what(wanted: Asked) -> Html:
    told = {way: getattr(wanted, way) for way in WAYS}
    return facts(
        {
            "dataset": wanted.dataset,
            **told,
            "everywhere": "also the same content" if wanted.everywhere else "",
            "children of several parents": dict(CHILDREN)[wanted.children],
        }
    )


def _would_go(found: Scope, cost: Mapping[str, Any]) -> list[Html]:
    told = found.as_json()
    children = told["children"]
    tiles = {
        "records are meant": told["meant"],
        "were made from them": told["made_of_them"],
        "answers of teachers go": told["calls"],
        "answers stay, as others use them": told["calls_shared"],
        "dollars were paid for them": "unknown" if cost["cost"]["usd"] is None else f"{cost['cost']['usd']:.4f}",
        "rows of replaced versions": told["rows_of_replaced_versions"],
    }
    rows = [[one["dataset"], one["table"], one["rows"]] for one in told["rows"]]
    releases = [
        [one["dataset"], link(one["release"], url("release", one["dataset"], one["release"]))]
        for one in told["releases"]
    ]
    stay = told["made_from_records_that_stay"]
    return [
        tag(
            "div", *(tag("div", tag("b", figure(n)), name, class_="tile") for name, n in tiles.items()), class_="tiles"
        ),
        table(("dataset", "table", "rows"), rows, caption="Rows that go, by table"),
        table(
            ("dataset", "release"),
            releases,
            caption="Releases that held some: each is withdrawn, and a successor written",
            empty="No release held one of them.",
        ),
        table(
            ("dataset", "stage", "batch", "records"),
            [list(row.values()) for row in children["batches"]],
            caption="Records with another parent that stays"
            + (": the next run makes these batches anew" if children["policy"] == "remake" else ""),
            empty="None of them has another parent that stays.",
        ),
        tag("p", f"They were made from {stay:,} records that stay, and may say the same.", class_="note")
        if stay
        else Html(""),
        tag("p", "That is everything in the dataset.", class_="note") if found.everything else Html(""),
    ]


def _carry_out(asked: Question, wanted: Asked, found: Scope) -> Html:
    """The form that erases, for who has signed in; else how to get there."""
    if asked.explorer.guard.token is None:
        return tag(
            "p", "This explorer only reads. ", tag("code", "synth erase --yes"), " carries it out.", class_="pale"
        )
    if asked.session is None:
        here = url("erase", **_words(wanted))
        return tag("p", link("Sign in", url("sign-in", next=here)), " to carry it out.")
    number = len(found.doomed.ids)
    hidden = {**_words(wanted), "expected": str(number), "word": asked.session.word}
    everything = _check("everything", "erase it although nothing of the dataset is left", required=True)
    return section(
        "Carry it out",
        tag(
            "form",
            *(tag("input", type="hidden", name=name, value=value) for name, value in hidden.items()),
            field(f"Type {number} to erase so many records", "typed", required=True, inputmode="numeric"),
            everything if found.everything else None,
            tag("button", "Erase", class_="grave"),
            method="post",
            action="/erase",
            class_="fields",
        ),
        note="It cannot be taken back. Runs are waited for, and wait. A receipt with the proof stays.",
    )


def _words(wanted: Asked) -> dict[str, str]:
    told = {"dataset": wanted.dataset, **{way: getattr(wanted, way) or "" for way in WAYS}}
    return told | {"everywhere": "yes" if wanted.everywhere else "", "children": wanted.children}


# -------------------------------------------------------------------------------------------------------- carrying out


def carry_out(asked: Question) -> Elsewhere:
    """Begin an erasure that was looked at. Raises NotSignedIn, Changed, or Busy while another one goes on."""
    explorer, form = asked.explorer, asked.form
    if not asked.is_signed_in:
        raise NotSignedIn("Only who has signed in may erase.")
    wanted = _asked(asked, form)
    with explorer.reading_all():
        number = len(_planned(asked, wanted).doomed.ids)
    if form.get("typed", "").replace(",", "").strip() != form.get("expected", ""):
        raise Changed(f"What was typed is not {form.get('expected', '')[:20]}. Nothing was erased: look again.")
    if form.get("expected") != str(number):
        raise Changed(f"It would take {number:,} records by now. Nothing was erased: look again at what would go.")
    signer, everything = explorer.signer(), bool(form.get("everything"))  # a key that is no good stops it here

    def work() -> str:
        return erase(explorer.lake, wanted, explorer.around, signer, everything=everything)["erasure"]

    explorer.erasures.begin(work)
    return Elsewhere(url("erasing"))


def erasing_page(asked: Question) -> Shown | Elsewhere:
    """How the erasure of this server goes; its receipt when it is over."""
    job = asked.explorer.erasures.job
    if job is None:
        return Elsewhere(url("erasures", format=asked.query.get("format")))
    if job.state == "done":
        return Elsewhere(url("erasures", job.receipt, format=asked.query.get("format")))
    data = {"state": job.state, "why": job.said or None}
    if job.state == "failed":
        said = [tag("h1", "The erasure did not come to its end"), tag("p", job.said, class_="note")]
        return Shown("Erasure failed", data, joined([*said, tag("p", link("Receipts", url("erasures")))]))
    wait = "Runs that are going on are waited for. This page looks again by itself."
    body = joined([tag("h1", "Erasing"), tag("p", wait, role="status")])
    return Shown("Erasing", data, body, headers={"Refresh": str(AGAIN_S)})


# ----------------------------------------------------------------------------------------------------------- receipts


def receipts_page(asked: Question) -> Shown:
    """Every receipt, the newest first."""
    found = sorted((_receipt(asked, name) for name in _names(asked)), key=lambda one: one["at"], reverse=True)
    rows = [
        [
            link(tag("code", one["erasure"][:12]), url("erasures", one["erasure"])),
            one["at"],
            one["asked"]["dataset"],
            one["counts"]["records"],
            tag("span", *_proven(one)),
        ]
        for one in found
    ]
    heads = ("erasure", "when", "dataset", "records", "proof")
    told = [
        {name: one[name] for name in ("erasure", "at", "asked", "counts")} | {"clean": one["proof"]["clean"]}
        for one in found
    ]
    body = joined(
        [tag("h1", "Erasures"), table(heads, rows, caption="Receipts", empty="Nothing was ever erased here.")]
    )
    return Shown("Erasures", {"erasures": told}, body)


def receipt_page(asked: Question) -> Shown:
    """One receipt: counts, releases, and what the search found before and after."""
    names = _names(asked)
    if asked.path["erasure"] not in names:
        raise UnknownName("erasure", asked.path["erasure"], names)
    one = _receipt(asked, asked.path["erasure"])
    proof, counts = one["proof"], one["counts"]
    releases = [[row["dataset"], row["withdrawn"], row["successor"] or ""] for row in one["releases"]]
    known = {
        "when": one["at"],
        "asked": {name: str(value) for name, value in one["asked"].items()},
        "records": counts["records"],
        "answers erased": counts.get("answers_erased"),
        "pages removed": counts.get("pages_removed"),
        "signature": "signed" if one.get("signature") else one.get("unsigned"),
    }
    found = [
        [when, proof[when]["files"], len(proof[when]["with_ids"]), len(proof[when]["with_text"])]
        for when in ("before", "after")
    ]
    body = joined(
        [
            tag("h1", f"Erasure {one['erasure'][:12]}"),
            tag("p", *_proven(one), class_="note"),
            facts(known),
            section(
                "The search", table(("", "files", "that hold ids", "that hold text"), found, caption="Before and after")
            ),
            section(
                "Releases", table(("dataset", "withdrawn", "successor"), releases, caption="Withdrawn", empty="None.")
            ),
            section("Not searched", tag("ul", *(tag("li", what) for what in proof["not_searched"]))),
            tag("p", link("The whole receipt, as JSON", url("erasures", one["erasure"], format="json"))),
        ]
    )
    return Shown(f"Erasure {one['erasure'][:12]}", one, body)


def _proven(receipt: Mapping[str, Any]) -> list[Html]:
    proof = receipt["proof"]
    if not proof["clean"]:
        return [tag("b", "Not clean: something is still found.", class_="bad")]
    weak = "" if proof["text_proven"] else " Of the text this proves nothing: none was theirs alone, or long enough."
    return [tag("span", f"Clean: nothing of it is found any more.{weak}", class_="kept")]


def _names(asked: Question) -> list[str]:
    entries = (entry.name.removeprefix(RECEIPTS) for entry in asked.lake.store.entries(RECEIPTS))
    return [name.removesuffix(".json") for name in entries if name.endswith(".json") and "/" not in name]


def _receipt(asked: Question, name: str) -> dict[str, Any]:
    return json.loads(asked.lake.store.read(f"{RECEIPTS}{name}.json"))
