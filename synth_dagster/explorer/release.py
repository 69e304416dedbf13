"""A release's page: what it kept and dropped and why, what it was made from; and two releases beside each other."""

import time
from collections.abc import Mapping
from typing import Any

from synth_dagster.errors import LakeError
from synth_dagster.explorer.html import Html, facts, figure, joined, link, section, table, tag, url
from synth_dagster.explorer.question import Question, Shown
from synth_dagster.explorer.record import short
from synth_dagster.governance.diff import Pair, ReleaseDiff, diff
from synth_dagster.governance.diff_words import erased
from synth_dagster.governance.report import has_report
from synth_dagster.governance.taken import earlier_gate
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release

RELEASES = ("release", "state", "records", "made", "run")
EXAMPLES = 3
MOST_VALUES = 8


def release_told(lake: Lake, release: Release) -> dict[str, Any]:
    """What the lists of releases say."""
    return {
        "release": release.release,
        "state": release.state,
        "demo": release.demo,
        "records": release.records,
        "created_at": release.created_at,
        "run_id": release.run_id,
        "data_version": release.data_version,
    }


def of_release(dataset: str, told: Mapping[str, Any]) -> list[object]:
    state = told["state"] + (", demo" if told["demo"] else "")
    return [
        link(told["release"], url("release", dataset, told["release"])),
        tag("span", state, class_="bad" if told["state"] == "withdrawn" else None),
        told["records"],
        _day(told["created_at"]),
        link(tag("code", told["run_id"][:8]), url("run", told["run_id"])),
    ]


def release_page(asked: Question) -> Shown:
    """One release. Raises UnknownName for one that never was."""
    lake, dataset = asked.lake, asked.path["dataset"]
    release = lake.meta.release(dataset, asked.path["release"])
    version = _version(lake, release)
    verdicts = dict((version.details.get("verdicts") or {}) if version else {})
    gate = lake.meta.gate(version.candidate_id) if version else None
    checks = [dict(one) for one in gate.checks] if gate else []
    manifest = release.manifest
    others = [one.release for one in lake.meta.releases(dataset) if one.release != release.release]
    reported = f"/reports/{dataset}/{release.release}.html" if has_report(lake, dataset, release.release) else None
    data = {"dataset": dataset, **release_told(lake, release), "verdicts": verdicts, "report": reported}
    data |= {"checks": checks, "manifest": dict(manifest)}
    body = joined(
        [
            tag("h1", f"{dataset} {release.release}"),
            _state(release),
            _links(dataset, release, reported, others),
            facts(
                {
                    "kept": release.records,
                    "made": _day(release.created_at),
                    "data version": tag("code", release.data_version),
                    "recipe": manifest.get("recipe"),
                    "batches": len(manifest.get("batches") or {}),
                    "run": link(release.run_id[:8], url("run", release.run_id)),
                }
            ),
            _drops(dataset, release, verdicts),
            _missing(manifest.get("missing") or {}),
            _checks(checks, earlier_gate(manifest)),
        ]
    )
    return Shown(f"{dataset} {release.release}", data, body)


def _version(lake: Lake, release: Release) -> Candidate | None:
    """Its rows as they were accepted; an erasure may have taken them."""
    try:
        return lake.accepted(release.dataset, str(release.manifest.get("table")), release.release)
    except LakeError:
        return None


def _state(release: Release) -> Html:
    notes = []
    if release.state == "withdrawn":
        notes.append("It was withdrawn: records that it held were erased, or somebody took it back.")
    if release.demo:
        notes.append("It was made by the embedded teacher, which is good for trying the platform and not for training.")
    return joined(tag("p", note, class_="note") for note in notes)


def _links(dataset: str, release: Release, reported: str | None, others: list[str]) -> Html:
    name = release.release
    ways = [link("Report", reported)] if reported else ["No report was written"]
    ways += [link("Records", url("search", dataset=dataset, release=name, verdict="kept"))]
    ways += [link(f"Compare with {one}", url("diff", dataset=dataset, before=one, after=name)) for one in others[-3:]]
    return tag("p", *(joined([way, " · "]) for way in ways), link("JSON", url("release", dataset, name, format="json")))


def _drops(dataset: str, release: Release, verdicts: Mapping[str, Any]) -> Html:
    dropped = verdicts.get("dropped") or {}
    judged = release.records + sum(dropped.values())
    given = {"dataset": dataset, "release": release.release}
    rows = [[link("kept", url("search", **given, verdict="kept")), release.records, _share(release.records, judged)]]
    rows += [
        [link(reason, url("search", **given, verdict="dropped", reason=reason)), count, _share(count, judged)]
        for reason, count in sorted(dropped.items(), key=lambda one: (-one[1], one[0]))
    ]
    return section(
        "Verdicts", table(("verdict or reason", "records", "share"), rows, caption="What became of each record")
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _missing(missing: Mapping[str, str]) -> Html:
    if not missing:
        return Html("")
    return section("Batches that are not in it", table(("batch", "why"), list(missing.items()), caption="Left out"))


def _checks(checks: list[dict[str, Any]], note: str) -> Html:
    rows = [
        [one["check"], tag("span", _result(one), class_="kept" if one["passed"] else "bad"), figure(one.get("counts"))]
        for one in checks
    ]
    its_gate = table(("check", "result", "counts"), rows, caption="Its gate", empty="None is noted.")
    return section("Checks", its_gate, note=note)


def _result(check: Mapping[str, Any]) -> str:
    if check["passed"]:
        return "passed"
    return "failed" if check.get("severity", "critical") == "critical" else "warned"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


# ------------------------------------------------------------------------------------------------------ two releases


def diff_page(asked: Question) -> Shown:
    """What one release has that another has not. Raises UnknownName for one that never was."""
    given = {name: asked.query.get(name, "") for name in ("dataset", "before", "after")}
    found = diff(asked.lake, given["dataset"], given["before"], given["after"], examples=EXAMPLES)
    title = f"{found.dataset}: {found.before['release']} and {found.after['release']}"
    json = tag("p", link("JSON", url("diff", **given, format="json")))
    return Shown(title, found.as_json(), joined([tag("h1", title), *_compared(found), json]))


def _compared(found: ReleaseDiff) -> list[Html]:
    before, after = found.before["release"], found.after["release"]
    if found.same_bytes:
        return [tag("p", "The same records, to the byte.")]
    changes = [
        [change.was, change.now, change.records, joined(joined([short(one), " "]) for one in change.examples)]
        for change in found.changes
    ]
    numbers = [
        [name, *(figure(one) for one in pair), _shift(pair)]
        for name, pair in {**found.numbers, **found.signals}.items()
    ]
    shares = [
        [column, value, was, now]
        for column, values in found.shares.items()
        for value, (was, now) in list(values.items())[:MOST_VALUES]
    ]
    most = max(map(len, found.shares.values()), default=0)
    kept = "Kept records by value" + (f", of each column the {MOST_VALUES} most frequent" if most > MOST_VALUES else "")
    told = {name.replace("_", " "): count for name, count in found.records.items()}
    told |= {f"batches {name}": len(names) for name, names in found.batches.items() if names}
    return [
        facts(told),
        *(tag("p", one) for one in erased(found)),
        tag("p", "The rules are the same." if found.same_rules else "The rules of the mix are others."),
        section("Changed verdicts", table(("was", "is now", "records", "some of them"), changes, caption="Verdicts")),
        section(
            "Measured",
            table(("", before, after, "shift"), numbers, caption="Numbers and mean signals of what was kept"),
        ),
        section("Make-up", table(("column", "value", before, after), shares, caption=kept)),
    ]


def _shift(pair: Pair) -> str:
    was, now = pair
    return "" if was is None or now is None or not was else f"{(now - was) / abs(was):+.1%}"
