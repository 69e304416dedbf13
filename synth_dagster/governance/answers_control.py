"""Questions 7 to 15: what was checked and found, what the rules did, the bytes, the people, and what is not used."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from synth_dagster.governance.answer import Answer, Cell, Code, Table, counted, listed, plural, settings, share
from synth_dagster.governance.answers_origin import EMBEDDED
from synth_dagster.governance.guarded import PERSONAL, Found
from synth_dagster.governance.plots import number
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.governance.taken import earlier_gate
from synth_dagster.parts.similarity.growth import SIZES
from synth_dagster.records import Json, RecordKind


def checks(facts: ReleaseFacts) -> Answer:
    """Q7: the checks of the release and of all that it rests on, their thresholds, and what was let through."""
    about = facts.about
    rows: list[list[Cell]] = [[one["stage"], one["name"], one["passed"], one["failed"]] for one in about.checks]  # type: ignore[list-item]
    own: list[list[Cell]] = [
        [one["check"], one.get("severity", ""), "passed" if one["passed"] else "failed", observed(one["counts"])]
        for one in facts.checks
    ]
    left_out: list[list[Cell]] = [[batch, why] for batch, why in about.missing.items()]
    failed = sum(int(str(one["failed"])) for one in about.checks)
    ran = failed + sum(int(str(one["passed"])) for one in about.checks)
    missing = (
        f" {plural(len(left_out), 'batch')} that failed or was missing was left out on request." if left_out else ""
    )
    earlier = f" {told}" if (told := earlier_gate(facts.manifest)) else ""
    if not ran:
        return Answer(
            said=missing.strip(),
            tables=[Table("Left out on request", ["batch", "why"], left_out, 0)],
            unknown=["which checks ran"],
        )
    return Answer(
        said=f"{plural(ran, 'check')} ran on the release and on what it rests on, {failed:,} failed"
        f"{_of_its_own(facts) if failed else ''}.{earlier}{missing}",
        tables=[
            Table("Checks of all versions behind it", ["stage", "check", "passed", "failed"], rows, 2),
            Table("Checks of the release itself", ["check", "severity", "result", "observed"], own, 0),
            *_growth(facts),
            Table(
                "Thresholds of the recipe's gates",
                ["expectation", "threshold"],
                [[name, Code(str(value))] for name, value in facts.expected.items() if value is not None],
                0,
            ),
            Table("Left out on request", ["batch", "why"], left_out, 0),
            Table("Released from quarantine, or held again", DECISION, _decisions(facts), 0),
        ],
        unknown=[] if facts.expected else ["the thresholds of the gates: the recipe cannot be read any more"],
    )


def _of_its_own(facts: ReleaseFacts) -> str:
    return f": {len(facts.failed_checks()):,} of the {len(facts.checks):,} of the release itself"


GROWN = {
    "quality": "mean quality",
    "grounded": "grounded claims",
    "different_runs": "different runs of words",
    "new": "new among those added",
}


def _growth(facts: ReleaseFacts) -> Iterator[Table]:
    """For each guard that told one, the curve over three sizes of the release."""
    for one in facts.checks:
        guard, _, check = str(one["check"]).rpartition("__")
        counts = one["counts"]
        if check == "growth" and "whole_new" in counts:
            rows: list[list[Cell]] = [
                [size, int(counts[f"{size}_records"]), *(_place(counts.get(f"{size}_{name}")) for name in GROWN)]
                for size in SIZES
            ]
            title = f"What {guard} saw grow: nested samples of the release, each the first records by id"
            yield Table(title, ["sample", "records", *GROWN.values()], rows, 1 + len(GROWN))


def _place(value: float | None) -> Cell:
    return None if value is None else f"{value:.3f}"


FOUND = ["stage", "kind", "severity", "findings", "records", "held back", "in the release"]
DECISION = ["when", "who", "decided", "stage", "check", "record", "why"]


def _decisions(facts: ReleaseFacts) -> list[list[Cell]]:
    return [
        [one.at, one.who, one.action, one.stage, one.check, Code(one.record_id[:12]), one.comment]
        for one in facts.decisions
    ]


def observed(counts: Mapping[str, object]) -> str:
    """What a check counted."""
    told = [f"{name} {number(value)}" for name, value in counts.items() if isinstance(value, int | float)]
    return listed(told, 8)


def contamination(facts: ReleaseFacts) -> Answer:
    """Q8: with what the records were compared, by which steps and guards, and what that dropped."""
    looked = facts.about.benchmarks
    if not looked:
        return Answer(unknown=["whether it holds benchmark items: no step and no guard compared it with any"])
    steps = [str(key) for key in dict.fromkeys(one["step"] for one in looked)]
    rows: list[list[Cell]] = [
        [str(one["step"]), str(one["stage"]), str(one["against"]), _hashes(one), _worked(one), int(str(one["items"]))]
        for one in looked
    ]
    dropped = sum(_dropped_by(facts, step) for step in steps)
    guarded: list[list[Cell]] = [
        [one.stage, one.kind, one.severity, one.findings, one.records, one.held, one.kept]
        for one in facts.found
        if one.guard in steps
    ]
    rates = [row for one in looked for row in _rates(one)]
    return Answer(
        said=f"Records were compared with {plural(sum(int(str(one['items'])) for one in looked), 'item')} of "
        f"{plural(len(looked), 'benchmark')} by {listed(steps)}, which dropped {plural(dropped, 'record')} of the mix.",
        tables=[
            Table("Benchmarks that were looked for", ["by", "stage", "file", "SHA-256", "settings", "items"], rows),
            *([Table("Contamination by benchmark file", RATES, rates, 4)] if rates else []),
            Table("Benchmark items found by guards", FOUND, guarded, 4),
        ],
        unknown=["items of other benchmarks, and items in other words, which no comparison of words finds"],
    )


RATES = ["by", "file", "items", "items found", "share of items", "records dropped for them"]


def _rates(looked: Mapping[str, Json]) -> list[list[Cell]]:
    """A row for each file of a step of the mix; the share that benchmarks report is of their items."""
    files, found = cast(Any, looked["files"]), cast(Any, looked.get("found"))
    if found is None:
        return []
    none = {"records": 0, "items": 0}
    told = {name: (int(file["items"]), found.get(name, none)) for name, file in files.items()}
    return [
        [str(looked["step"]), name, items, held["items"], share(held["items"], items), held["records"]]
        for name, (items, held) in told.items()
    ]


def _hashes(looked: Mapping[str, Json]) -> Code:
    files: Any = looked["files"]
    return Code(listed([str(file["sha256"])[:12] for file in files.values()], 8))


def _worked(looked: Mapping[str, Json]) -> Code:
    worked: Any = looked["settings"]
    return settings(worked)


def _dropped_by(facts: ReleaseFacts, step: str) -> int:
    return sum(count for reason, count in facts.about.dropped.items() if reason.partition(":")[0] == step)


def personal(facts: ReleaseFacts) -> Answer:
    """Q9: what steps that look for personal data have replaced, and what guards found, where it is nothing too."""
    looked = {one.stage for one in facts.about.steps if one.method == "pii"} | set(facts.personal)
    guarded = [one for one in facts.found if one.check == PERSONAL]
    ran = {str(one["stage"]) for one in facts.about.checks if str(one["name"]).endswith(f"__{PERSONAL}")}
    if not (looked or guarded or ran):
        return Answer(unknown=["whether it holds personal data: no step and no guard looked for any"])
    rows: list[list[Cell]] = [
        [stage, kind, amount] for stage, kinds in facts.personal.items() for kind, amount in kinds.items()
    ]
    found = sum(amount for kinds in facts.personal.values() for amount in kinds.values())
    where = listed(sorted(looked | ran | {one.stage for one in guarded}))
    by_guards: list[list[Cell]] = [
        [one.stage, one.kind, one.severity, one.findings, one.records, one.held, one.kept] for one in guarded
    ]
    told = [f"{plural(found, 'piece')} found and replaced by placeholders"] if looked else []
    told += [*_found_by_guards(guarded)] if guarded or ran else []
    return Answer(
        said=f"Personal data was looked for in {where}: {'; '.join(told)}.",
        tables=[
            Table("Replaced", ["stage", "kind", "pieces"], rows),
            Table("Found by guards", FOUND, by_guards, 4),
        ],
        unknown=["personal data of the kinds that no step looks for, such as names and addresses"],
    )


def _found_by_guards(guarded: Sequence[Found]) -> Iterator[str]:
    """What guards found, how much of it is held back, and how much stands in the release."""
    if not guarded:
        yield "guards found none"
        return
    pieces, held = sum(one.findings for one in guarded), sum(one.held for one in guarded)
    yield f"guards found {plural(pieces, 'piece')} and hold {plural(held, 'record')} back"
    if left := sum(one.kept for one in guarded):
        yield f"guards found some in {plural(left, 'record')} of the release"


def exact_bytes(facts: ReleaseFacts) -> Answer:
    """Q11: the files with their hashes, the versions that were read."""
    about = facts.about
    files: list[list[Cell]] = [[Code(one.name), Code(one.sha256), one.rows, one.bytes] for one in facts.files]
    pins = facts.manifest["batches"]
    batches: list[list[Cell]] = [
        [batch, Code(pins[batch]["data_version"]), Code(pins[batch].get("signals_version") or "-")]
        for batch in sorted(pins)
    ]
    return Answer(
        said=f"{plural(about.kept, about.kind + ' record')}, {about.tokens:,} tokens as {about.token_counter} counts "
        f"them, data version {about.data_version}, made of {plural(len(batches), 'batch version')}.",
        tables=[
            Table("Files in the lake", ["file", "SHA-256", "rows", "bytes"], files, 2),
            Table("Versions that were read", ["batch", "records", "signals"], batches, 0),
        ],
    )


def _hosted(facts: ReleaseFacts) -> list[str]:
    """The models at an endpoint that wrote a record, or that a step asked which wrote none: judges and embedders."""
    asked = [str(name) for one in facts.answerers.values() for name in cast(Sequence[Json], one.get("models") or ())]
    return [name for name in dict.fromkeys([*facts.about.models, *asked]) if not name.startswith(EMBEDDED)]


def rebuild(facts: ReleaseFacts) -> Answer:
    """Q12: whether the same bytes can be made again."""
    about = facts.about
    hosted = _hosted(facts)
    calls = sum(one.calls + one.cached for one in facts.stages)
    from_cache = (
        f" The {plural(calls, 'answer')} of {listed(hosted)} are replayed from the cache; asked anew they would differ."
        if hosted
        else " Every step is deterministic; no hosted model was asked."
    )
    unknown = (
        ["whether every answer is still in the cache: 'synth plan' says what would be asked again"] if hosted else []
    )
    unknown += [] if about.code.get("lock") else ["the exact packages of the project: it has no pins that were noted"]
    return Answer(
        said="Yes: a release that is made again from the versions it names gives the same bytes or is refused."
        + from_cache,
        tables=[
            Table(
                "What it was made with",
                ["what", "as it was noted"],
                [["recipe", Code(about.recipe)], ["rules", Code(about.rules)]]
                + [[name.replace("_", " "), Code(str(value))] for name, value in about.code.items() if value],
                0,
            )
        ],
        unknown=unknown,
    )


def people(facts: ReleaseFacts) -> Answer:
    """Q13: when it was collected and made, by whom, and how often there is a new one.

    Who approved it stands at the top of the page, where a later approval is written in.
    """
    about = facts.about
    days = about.collected.replace("/", " to ") if about.sources else ""
    asked_whom = ["who publishes it" if about.contact else "who publishes it, and whom to ask about it"]
    rows: list[list[Cell]] = [
        [one.release, one.state + (", demo" if one.demo else ""), one.made_at, one.judged, one.kept]
        for one in facts.releases
    ]
    return Answer(
        said=f"Collected {days or 'on no known day'}, made {about.made_at} by the run {about.run}; "
        f"{plural(len(rows), 'release')} of this dataset so far."
        + (f" Whoever has a question writes to {about.contact}." if about.contact else "")
        + (f" To have data removed: {about.removal}" if about.removal else ""),
        tables=[
            Table("Releases of the dataset", ["release", "state", "made", "judged", "kept"], rows, 2),
        ],
        unknown=[*asked_whom, "how often it is to be renewed"],
    )


_JOINED = ("license, consent", "the same of all parents, and the terms of the model's provider", "joined")
COLUMNS: Mapping[RecordKind, Sequence[tuple[str, str, str]]] = {
    "document": (
        ("text, title, url", "the delivered item", "copied, then cut and transformed by the steps"),
        _JOINED,
    ),
    "instruction": (
        ("messages", "text of the parents", "written by the method; conditioned on them"),
        ("evidence", "text of the parents", "copied word for word"),
        _JOINED,
    ),
    "preference": (
        ("prompt", "messages of the parent", "copied"),
        ("chosen, rejected", "messages of the parent", "written by the method; conditioned on them"),
        ("scores, rationale", "the answers", "computed, or written by a judge"),
        _JOINED,
    ),
}
EVERY_KIND = (
    ("source", "that of the first parent", "copied"),
    ("lang", "that of all parents, where it is one, or what a step found out", "copied, else und"),
    ("synthetic_depth", "that of the parents, and one more where a model wrote it anew", "computed"),
    ("human_share", "that of the parents, and verbatim pieces", "computed"),
    ("record_id, content_hash", "the parents and the content", "computed"),
    ("verdict, reason, score, rank, copies", "signals of the record, by the rules of the mix", "computed"),
)


def columns(facts: ReleaseFacts) -> Answer:
    """Q14: which column comes from which, as the runner makes it for every record of this kind."""
    kind: RecordKind = facts.about.kind  # type: ignore[assignment]  # one of the three
    rows: list[list[Cell]] = [list(row) for row in (*COLUMNS[kind], *EVERY_KIND)]
    references: list[list[Cell]] = [[name or "not said", count] for name, count in facts.relations.items()]
    return Answer(
        said=f"{plural(sum(facts.relations.values()), 'reference')} to parents ({counted(facts.relations)}); "
        f"{plural(facts.quoting, 'kept record')} {'quotes' if facts.quoting == 1 else 'quote'} a parent word for word.",
        tables=[
            Table("Columns", ["column", "from", "how"], rows, 0),
            Table("What parents are to their children", ["relation", "references"], references),
        ],
    )


def unused(facts: ReleaseFacts) -> Answer:
    """Q15: what was read or made and is not in the release, and why."""
    about = facts.about
    rejected = {one.name: one.rejected for one in facts.stages}
    rows: list[list[Cell]] = [
        [one.stage, one.records, one.used, one.unused, one.replaced, rejected.get(one.stage, 0)] for one in facts.fates
    ]
    reasons: list[list[Cell]] = [[reason, count] for reason, count in about.dropped.items()]
    refused: list[list[Cell]] = [
        [one.name, reason, count] for one in facts.stages for reason, count in one.rejects.items()
    ]
    dropped = about.judged - about.kept
    unused_roots = sum(one.roots - one.used for one in facts.reach)
    return Answer(
        said=f"{dropped:,} of {plural(about.judged, 'judged record')} were dropped, each with its reason; "
        f"{plural(unused_roots, 'record')} of the sources {'is' if unused_roots == 1 else 'are'} behind no kept one; "
        f"{plural(sum(rejected.values()), 'input')} became no record.",
        tables=[
            Table(
                "What became of the records of each stage",
                ["stage", "records", "used", "unused", "replaced", "became none"],
                rows,
                5,
            ),
            Table("Dropped by the mix", ["method and rule", "records"], reasons),
            Table("Became no record", ["stage", "reason", "inputs"], refused),
        ],
    )
