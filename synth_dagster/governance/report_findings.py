"""What somebody who is responsible for a release should look at first: what failed, is broken, or was let through."""

from synth_dagster.governance.answer import Cell, Table, plural
from synth_dagster.governance.answers_control import PERSONAL, observed
from synth_dagster.governance.guarded import Found
from synth_dagster.governance.report_facts import ReleaseFacts

ORDER = ["critical", "quarantine", "warning", "info", "note"]
HEAD = ["severity", "finding", "what was found", "look at"]


def findings(facts: ReleaseFacts) -> Table:
    """All findings, the gravest first; none is a good release."""
    rows = [*_lineage(facts), *_guards(facts), *_gates(facts), *_licences(facts), *_gaps(facts)]
    rows.sort(key=lambda row: _order(str(row[0])))
    return Table(f"{plural(len(rows), 'finding')}, the gravest first", HEAD, rows, 0)


def _order(severity: str) -> int:
    return ORDER.index(severity) if severity in ORDER else len(ORDER)


def _lineage(facts: ReleaseFacts) -> list[list[Cell]]:
    return [
        ["critical", one.name, f"{plural(one.records, 'record')}: {one.meaning}", "Findings, below"]
        for one in facts.defects
        if one.records
    ]


def _guards(facts: ReleaseFacts) -> list[list[Cell]]:
    where = {PERSONAL: "question 9"}
    return [
        [one.severity, f"{one.guard}: {one.kind}", _found(one), where.get(one.check, "question 7")]
        for one in facts.found
    ]


def _found(one: Found) -> str:
    much = f"{plural(one.findings, 'finding')} in {plural(one.records, 'record')} of {one.stage}"
    return f"{much}; {one.held:,} held back, {one.kept:,} in the release"


def _gates(facts: ReleaseFacts) -> list[list[Cell]]:
    own: list[list[Cell]] = [
        [str(one.get("severity", "warning")), str(one["check"]), observed(one["counts"]), "question 7"]
        for one in facts.failed_checks()
    ]
    return own + [
        [
            "warning",
            str(one["name"]),
            f"failed in {plural(int(str(one['failed'])), 'version')} of {one['stage']}",
            "question 7",
        ]
        for one in facts.about.checks
        if one["failed"] and one["stage"] != facts.manifest["table"]
    ]


def _licences(facts: ReleaseFacts) -> list[list[Cell]]:
    unknown: list[list[Cell]] = [
        ["warning", "licence_unknown", f"nobody has classed '{name}'", "question 4"] for name in facts.licences.unknown
    ]
    if facts.licences.wanted.is_stated:
        return unknown
    return [*unknown, ["note", "use_not_stated", "the recipe does not say what it is for", "question 4"]]


def _gaps(facts: ReleaseFacts) -> list[list[Cell]]:
    missing = len(facts.about.missing)
    rows: list[list[Cell]] = []
    if missing:
        rows.append(["warning", "batches_missing", f"released without {plural(missing, 'batch')}", "question 7"])
    if facts.about.demo:
        rows.append(["note", "demo", "the embedded teacher wrote some of it: it is not for training", "question 3"])
    return rows
