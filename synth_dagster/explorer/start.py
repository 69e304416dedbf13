"""The first page, and the search."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synth_dagster.errors import UnknownName
from synth_dagster.explorer.html import (
    Html,
    choice,
    facts,
    field,
    figure,
    joined,
    link,
    part_of,
    section,
    table,
    tag,
    url,
)
from synth_dagster.explorer.question import Elsewhere, Question, Shown
from synth_dagster.explorer.record import short
from synth_dagster.explorer.release import RELEASES, of_release, release_told
from synth_dagster.explorer.search import LARGEST_PAGE, PAGE, BadSearch, Found, Sought, marks, search
from synth_dagster.governance.page import marked
from synth_dagster.lake.lineage import Moment

LONGEST_LIST = 200  # names that a field offers
SOURCES = 50
AN_ID = 8  # hexadecimal digits that are taken for the beginning of an id
HEXADECIMAL = frozenset("0123456789abcdef")


def start_page(asked: Question) -> Shown:
    """Totals, stages and releases of each dataset, and where to look from here."""
    lake, now = asked.lake, asked.now
    records, edges = now.counts()
    datasets = [_dataset(asked, name) for name in lake.datasets()]
    tiles = {"records": records, "links between them": edges, "datasets": len(datasets)}
    tiles["releases"] = sum(len(one["releases"]) for one in datasets)
    words = {name: now.words(name) for name in ("source", "model_id")}
    searched = {(file.dataset, file.stage) for file in now.state.files.values()}
    body = joined(
        [
            tag("h1", "What is in this lake"),
            tag(
                "div",
                *(tag("div", tag("b", figure(n)), name, class_="tile") for name, n in tiles.items()),
                class_="tiles",
            ),
            *(_shown(one, searched) for one in datasets),
            None if datasets else tag("p", "Nothing has been made yet: 'synth run' makes the default dataset."),
            _names("Sources", "source", words["source"]),
            _names("Models", "model", words["model_id"]),
        ]
    )
    return Shown("synth explore", {"records": records, "edges": edges, "datasets": datasets} | words, body)


def _dataset(asked: Question, dataset: str) -> dict[str, Any]:
    stages = [
        {"stage": stage, "records": records, "batches": batches, "version": version}
        for stage, (records, batches, version) in asked.lake.counts(dataset).items()
    ]
    releases = [release_told(asked.lake, one) for one in asked.lake.meta.releases(dataset)]
    return {"dataset": dataset, "stages": stages, "releases": releases}


def _shown(told: Mapping[str, Any], searched: Collection[tuple[str, str]]) -> Html:
    dataset = told["dataset"]
    stages = [
        [
            _stage(dataset, one["stage"], searched),
            one["records"],
            one["batches"],
            one["version"],
        ]
        for one in told["stages"]
    ]
    releases = [of_release(dataset, one) for one in reversed(told["releases"])]
    names = [(one["release"], one["release"]) for one in told["releases"]]
    compare = (
        tag(
            "form",
            tag("input", type="hidden", name="dataset", value=dataset),
            choice("Compare", "before", names[-2][0], names),
            choice("with", "after", names[-1][0], names),
            tag("button", "Compare"),
            action="/diff",
            class_="fields",
        )
        if len(names) > 1
        else None
    )
    return section(
        dataset,
        table(("stage", "records", "batches", "version of the table"), stages, caption=f"Stages of {dataset}"),
        table(RELEASES, releases, caption=f"Releases of {dataset}, newest first", empty="No release yet."),
        compare,
    )


def _stage(dataset: str, stage: str, searched: Collection[tuple[str, str]]) -> object:
    """Signals, verdicts and mixes hold no records of their own."""
    return link(stage, url("search", dataset=dataset, stage=stage)) if (dataset, stage) in searched else stage


def _names(title: str, kind: str, names: Sequence[str]) -> Html:
    if not names:
        return Html("")
    return section(
        title,
        tag("p", *(joined([link(name, url(kind, name)), "  "]) for name in names[:SOURCES])),
        note=f"Each leads to what it reaches{part_of(min(SOURCES, len(names)), len(names))}.",
    )


# ---------------------------------------------------------------------------------------------------------- the search


def search_page(asked: Question) -> Shown | Elsewhere:
    """A page of the records that fit. What begins an id leads to that record."""
    sought = Sought.of(asked.query)
    only = replace(sought, q="", dataset="") == Sought()
    if only and (record := _one_record(asked.now, sought.q)):
        return Elsewhere(url("record", record, format=asked.query.get("format")))
    found = search(asked.lake, asked.now, sought, after=asked.query.get("after", ""), size=_size(asked.query))
    more = url("search", **sought.given, size=asked.query.get("size"), after=found.next) if found.next else None
    data = {"sought": sought.given, "count": found.count, "records": found.records}
    data |= {"batches": found.batches, "searched": found.searched, "next": more and f"{more}&format=json"}
    body = joined([tag("h1", "Search"), _form(asked, sought), *_results(found, sought, more)])
    return Shown("Search", data, body, sought=sought.q)


def _one_record(now: Moment, words: str) -> str | None:
    """The only record whose id begins so."""
    digits = words.strip().lower()
    if not AN_ID <= len(digits) <= 32 or set(digits) - HEXADECIMAL:
        return None
    try:
        return now.resolve(digits).hex()
    except UnknownName:
        return None


def _size(query: Mapping[str, str]) -> int:
    given = query.get("size", "") or str(PAGE)
    if not given.isdecimal() or not 1 <= int(given[:6]) <= LARGEST_PAGE:
        raise BadSearch(f"A page has from 1 to {LARGEST_PAGE} records, not '{given[:20]}'.")
    return int(given)


def _form(asked: Question, sought: Sought) -> Html:
    lake, now = asked.lake, asked.now
    datasets = lake.datasets()
    stages = sorted({file.stage for file in now.state.files.values()})
    releases = [one.release for dataset in datasets for one in lake.meta.releases(dataset)]
    known = {name: now.words(name)[:LONGEST_LIST] for name in ("source", "model_id", "method", "status", "license")}
    anything = [("", "any")]
    return tag(
        "form",
        tag("div", field("Words of the text, or the beginning of an id", "q", sought.q, type="search"), class_="wide"),
        choice("Dataset", "dataset", sought.dataset, anything + [(one, one) for one in datasets]),
        choice("Stage", "stage", sought.stage, anything + [(one, one) for one in stages]),
        field("Source", "source", sought.source, known=known["source"]),
        field("Model", "model_id", sought.model_id, known=known["model_id"]),
        field("Method", "method", sought.method, known=known["method"]),
        field("Licence", "license", sought.license, known=known["license"]),
        choice("Status", "status", sought.status, anything + [(one, one) for one in known["status"]]),
        choice("Verdict", "verdict", sought.verdict, [*anything, ("kept", "kept"), ("dropped", "dropped")]),
        field("in release", "release", sought.release, known=releases[-LONGEST_LIST:]),
        field("for reason", "reason", sought.reason),
        *(field(name, name, word) for name, word in sought.given.items() if name in ("batch", "prompt_hash", "run_id")),
        tag("button", "Search"),
        action="/search",
        class_="fields",
        role="search",
    )


def _results(found: Found, sought: Sought, more: str | None) -> list[Html]:
    if found.count is not None:
        said = f"{figure(found.count)} records fit." + (f" {len(found.records)} are shown." if found.records else "")
    else:
        said = f"{len(found.records)} shown; {found.searched:,} of {found.batches:,} batches were read for them."
    cards = [_card(one, sought.words) for one in found.records]
    onwards = tag("p", link("Go on", more, rel="next")) if more else tag("p", "That is the end.", class_="pale")
    return [tag("p", said, role="status"), *cards, onwards]


def _card(entry: Mapping[str, Any], words: Sequence[str]) -> Html:
    told = {name: entry[name] for name in ("stage", "batch", "source", "method", "model_id", "license")}
    told |= {"status": entry["status"] if entry["status"] != "current" else ""}
    said = Html(marked(entry["says"], marks(entry["says"], words)))
    return tag("article", tag("div", short(entry["record_id"]), class_="id"), facts(told), tag("p", said, dir="auto"))
