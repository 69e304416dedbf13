"""A record's page: what it says, what it is, what releases decided, and what it is made from and was made into."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synth_dagster.explorer.graph import lineage_graph
from synth_dagster.explorer.html import Html, facts, figure, joined, link, part_of, section, table, tag, url
from synth_dagster.explorer.question import Elsewhere, Question, Shown
from synth_dagster.governance.page import marked
from synth_dagster.governance.scores import flat
from synth_dagster.governance.trace import Trace, row_of, trace
from synth_dagster.records import plain

NEAREST = 200  # ancestors and descendants that are told one by one
LISTED = 50
BESIDE = 3  # parents whose text stands beside the record's
LONGEST = 20_000  # characters of one text

Row = Mapping[str, Any]


def record_page(asked: Question) -> Shown | Elsewhere:
    """The record whose id begins so. Raises UnknownName with the nearest ones."""
    given = asked.path["record"]
    found = trace(asked.lake, given, now=asked.now, most=NEAREST)
    record = found.record
    if given != record["record_id"]:
        return Elsewhere(url("record", record["record_id"], format=asked.query.get("format")))
    row = row_of(asked.lake, record)
    above = [one for one in found.ancestors if one["distance"] == 1][:BESIDE]
    parents = [(one, row_of(asked.lake, one)) for one in above]
    body = joined(
        [
            _head(asked, found),
            section("What it says", *_words(row, parents)),
            _lineage(found),
            _verdicts(record),
            _licences(found),
            _made(found, row),
        ]
    )
    title = f"{record['stage'] or 'record'} {record['record_id'][:12]}"
    return Shown(title, found.as_json() | {"row": plain(row)}, body)


def short(record_id: str) -> Html:
    return link(tag("code", record_id[:12]), url("record", record_id))


def of_record(entry: Row) -> list[object]:
    """The cells of a list of records."""
    made = entry["model_id"] or entry["method"]
    return [short(entry["record_id"]), entry["stage"], entry["batch"], made, entry["source"], entry["license"]]


RECORDS = ("record", "stage", "batch", "made by", "source", "licence")


def _head(asked: Question, found: Trace) -> Html:
    record = found.record
    given = {"dataset": record["dataset"], "stage": record["stage"], "batch": record["batch"]}
    place = link(figure(record["batch"]), url("search", **given)) if record["dataset"] else None
    told = {
        "id": tag("code", record["record_id"]),
        "dataset": record["dataset"],
        "stage": record["stage"],
        "batch": place,
        "status": figure(record["status"]) + (f" by {record['reason']}" if record["reason"] else ""),
        "source": _reach("source", record["source"], record["dataset"]),
        "model": _reach("model", record["model_id"], record["dataset"]),
        "method": record["method"],
        "prompt": _reach("prompt", record["prompt_hash"], record["dataset"]),
        "run": _reach("run", record["run_id"], record["dataset"]),
        "licence": record["license"],
        "consent": record["consent"],
        "models between it and a person": record["synthetic_depth"],
        "made": plain(record["created_at"]),
    }
    erase = link("Erase preview", url("erase", dataset=record["dataset"], record=record["record_id"]))
    json = link("JSON", url("record", record["record_id"], format="json"))
    gone = tag("p", "It stands in no table any more; records that were made from it still name it.", class_="note")
    return joined([facts(told), None if record["dataset"] else gone, tag("p", erase, " · ", json)])


def _reach(kind: str, word: str | None, dataset: str | None) -> Html | None:
    return link(word if len(word) < 40 else f"{word[:12]}…", url(kind, word, dataset=dataset)) if word else None


# ------------------------------------------------------------------------------------------------------ what it says


def _words(row: Row, parents: Sequence[tuple[Row, Row]]) -> Iterator[Html]:
    """The record beside what it rests on, the evidence marked."""
    if not row:
        yield tag("p", "Nothing: no table shows it.")
        return
    own = [tag("div", tag("h3", heading), *texts) for heading, texts in _columns(row, ())]
    others = [
        tag("div", tag("h3", f"made from {entry['stage']} ", short(entry["record_id"])), *texts)
        for entry, above in parents
        if above
        for _, texts in _columns(above, _evidence(row, entry["record_id"]))
    ]
    yield tag("div", *own, *others, class_="columns")


def _columns(row: Row, marks: Sequence[tuple[int, int]]) -> list[tuple[str, list[Html]]]:
    """Headings with texts; a pair as its two answers side by side."""
    if "chosen" in row:
        why = row.get("rationale")
        folded = [tag("details", tag("summary", "rationale"), _text("", why))] if why else []
        return [
            (_scored("chosen", row.get("chosen_score")), [*_turns(row["prompt"]), *_turns(row["chosen"])]),
            (_scored("rejected", row.get("rejected_score")), [*_turns(row["rejected"]), *folded]),
        ]
    if "messages" in row:
        return [("conversation", [*_turns(row["messages"])])]
    where = tag("p", row["url"], class_="pale") if row.get("url") else None
    return [(row.get("title") or "text", [_text("", row.get("text") or "", marks), joined([where])])]


def _scored(name: str, score: float | None) -> str:
    return name if score is None else f"{name}, score {figure(score)}"


def _turns(turns: Sequence[Row] | None) -> Iterator[Html]:
    for turn in turns or ():
        who = turn["role"] + (f" {turn['name']}" if turn.get("name") else "")
        yield _text(who, turn["content"] or "")
        if turn.get("tool_calls"):
            yield _text(f"{who} calls", turn["tool_calls"])


def _text(label: str, words: str, marks: Sequence[tuple[int, int]] = ()) -> Html:
    said = Html(marked(words, marks, most=LONGEST))
    return joined([tag("h3", label) if label else None, tag("pre", said, dir="auto")])


def _evidence(row: Row, parent: str) -> list[tuple[int, int]]:
    spans = row.get("evidence") or ()
    return [(span["start"], span["end"]) for span in spans if span["record_id"].hex() == parent]


# ------------------------------------------------------------------------------------------------------ where it stands


def _lineage(found: Trace) -> Html:
    return section(
        "Where it comes from, and what was made of it",
        lineage_graph(found),
        _relatives("Made from", found.ancestors, found.counts["ancestors"], "Nothing: it came from outside."),
        _relatives("Made of it", found.descendants, found.counts["descendants"], "Nothing yet."),
    )


def _relatives(title: str, entries: Sequence[Row], counts: Sequence[Row], empty: str) -> Html:
    if not counts:
        return joined([tag("h3", title), tag("p", empty)])
    stages: dict[str, int] = {}
    for row in counts:
        stages[row["stage"] or "no table"] = stages.get(row["stage"] or "no table", 0) + row["records"]
    total = sum(stages.values())
    rows = [[*of_record(entry), entry["distance"], _decided(entry)] for entry in entries[:LISTED]]
    said = f"{total:,} in all: {figure(stages)}."
    some = f" The nearest {len(rows)} are listed." if total > len(rows) else ""
    return joined(
        [tag("h3", title), tag("p", said + some), table([*RECORDS, "steps", "verdicts"], rows, caption=title)]
    )


def _decided(entry: Row) -> str:
    return "; ".join(f"{one['release']} {one['verdict']}" for one in entry.get("verdicts", ()))


def _verdicts(record: Row) -> Html:
    rows = [
        [
            link(one["release"], url("release", record["dataset"], one["release"])),
            tag("span", one["verdict"], class_=one["verdict"]),
            one["reason"] or "",
            short(one["duplicate_of"]) if one["duplicate_of"] else "",
            "" if one["score"] is None else one["score"],
            "" if one["rank"] is None else one["rank"],
        ]
        for one in record["verdicts"]
    ]
    heads = ("release", "verdict", "reason", "duplicate of", "score", "rank")
    signals = {name: value for name, value in record["signals"].items() if value is not None}
    measured = tag("details", tag("summary", f"{len(signals)} measured values"), facts(signals)) if signals else None
    scores = flat(record["scores"])
    judged = tag("details", tag("summary", "scores and figures"), facts(scores)) if scores else None
    none = "No release has judged it: it is not of the stage that releases are made from, or none was made."
    return section("What releases decided", table(heads, rows, caption="Verdicts", empty=none), judged, measured)


HOW = {
    "declared": "declared by the source",
    "inherited": "from its parent",
    "joined": "joined from its parents",
    "terms": "with the terms of the model's provider",
    "differs": "not what it was made from says",
    "unknown": "a parent is in no table any more",
}


def _licences(found: Trace) -> Html:
    steps = found.derivation[-LISTED:]
    rows = [
        [
            short(step["record_id"]),
            step["stage"],
            step["license"] or "none stated",
            step["consent"] or "",
            HOW[step["how"]] + (f": {' AND '.join(step['added'])}" if step["added"] else ""),
            ", ".join(sorted({one["license"] or "none" for one in step["made_from"]})),
        ]
        for step in steps
    ]
    heads = ("record", "stage", "licence", "consent", "how it came to it", "licences of its parents")
    caption = "From the sources to the record" + part_of(len(steps), len(found.derivation), "last")
    return section("Licence and consent, step by step", table(heads, rows, caption=caption))


def _made(found: Trace, row: Row) -> Html:
    prompts = [
        tag("details", tag("summary", f"Prompt {hashed[:12]}"), *(_text(part, words) for part, words in told.items()))
        for hashed, told in found.prompts.items()
    ]
    versions = [
        [
            one["stage"],
            one["batch"],
            link(str(one.get("run_id", ""))[:8], url("run", one["run_id"])) if one.get("run_id") else "",
            tag("code", one.get("recipe_hash", "")),
            tag("code", str(one.get("code_version", ""))[:12]),
            _gate(one.get("gate")),
        ]
        for one in found.versions[:LISTED]
    ]
    heads = ("stage", "batch", "run", "recipe", "code", "checks")
    rest = {name: plain({name: row[name]})[name] for name in ("lang", "human_share", "attributes") if row.get(name)}
    caption = "Versions of the batches on the way" + part_of(len(versions), len(found.versions))
    return section("How it was made", facts(rest), *prompts, table(heads, versions, caption=caption))


def _gate(gate: Row | None) -> str:
    if gate is None:
        return "no gate"
    return f"{gate['checks']} {'passed' if gate['passed'] else 'failed'}"
