"""Gathers what the lake knows of a release for everything that is written about it. Nothing is run again."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from synth_dagster.exports.facts import (
    MOST_HOSTS,
    Facts,
    MakerFacts,
    PersonalFacts,
    SourceFacts,
    StepFacts,
    VersionFacts,
)
from synth_dagster.governance.guarded import PERSONAL, found_by_guards
from synth_dagster.governance.release_rows import ReleaseRows, nested, release_rows
from synth_dagster.governance.tallies import personal, retained
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.records import Json, RecordKind


def facts_of(
    lake: Lake, release: Release, kind: RecordKind, *, creator: str | None = None, url: str | None = None
) -> Facts:
    """Everything that is known of a release. Raises LakeError where a version that it rests on is gone."""
    with release_rows(lake, release) as rows:
        return facts_from(lake, release, kind, rows, creator=creator, url=url)


def facts_from(
    lake: Lake,
    release: Release,
    kind: RecordKind,
    rows: ReleaseRows,
    *,
    creator: str | None = None,
    url: str | None = None,
) -> Facts:
    """The same from rows that are open already."""
    manifest = release.manifest
    makers = _makers(rows)
    dropped = manifest.get("verdicts", {}).get("dropped", {})
    checks = _checks(lake, release, rows)
    sources = _sources(rows)
    code = manifest.get("code", {})
    sums = rows.one(
        "select coalesce(sum(tokens), 0)::bigint as tokens, avg(coalesce(human_share, 0)) as human from kept"
    )
    return Facts(
        dataset=release.dataset,
        release=release.release,
        kind=kind,
        demo=release.demo,
        made_at=_moment(release.created_at),
        data_version=release.data_version,
        run=release.run_id,
        kept=release.records,
        judged=release.records + sum(dropped.values()),
        dropped=dropped,
        tokens=sums["tokens"],
        token_counter=manifest["token_counter"],
        sources=sources,
        licenses=_counted(rows, "kept", "license"),
        languages=_counted(rows, "kept", "lang", none="und"),
        depths=dict(sorted(rows.counts("kept", "synthetic_depth").items(), key=lambda item: int(item[0]))),
        human_share=sums["human"],
        models=rows.counts("writers", "model"),
        prompts=sorted({one.prompt for one in makers if one.prompt}),
        makers=makers,
        steps=_steps(lake, rows),
        versions=_versions(rows),
        checks=checks,
        benchmarks=_benchmarks(manifest),
        personal=_personal(lake, release, rows, checks),
        retained={one.value: [one.judged, one.kept] for one in retained(rows, "lang")},
        publication=manifest.get("publication", {}),
        missing=manifest["missing"],
        recipe=manifest["recipe"],
        rules=manifest["mix"],
        use=manifest.get("use", {}),
        code=code,
        creator=creator,
        url=url,
        unknown=list(_unknown(creator, url, code, sources, checks, manifest.get("benchmarks", []))),
    )


def _unknown(
    creator: str | None,
    url: str | None,
    code: dict[str, Json],
    sources: Sequence[SourceFacts],
    checks: Sequence[Any],
    benchmarks: Sequence[Any],
) -> Iterator[str]:
    if creator is None:
        yield "who publishes it (--creator)"
    if url is None:
        yield "where it can be downloaded (--url)"
    if not code:
        yield "which code made it: the release is older than that note"
    elif not code.get("lock"):
        yield "the pins of the project that made it"
    for one in sources:
        if "" in one.licenses:
            yield f"the licence of {one.licenses['']} records of the source {one.name}"
        if set(one.consents) <= {""}:
            yield f"on what ground, besides its licence, the source {one.name} may be used"
        if set(one.languages) & {"", "und"}:
            yield f"the language of some records of the source {one.name}"
    if not checks:
        yield "which checks ran"
    if not benchmarks:
        yield "against which benchmarks it was checked: none is named"
    yield "when the texts of the sources were written, and by whom"
    yield "whether personal data is left that no step looked for"


# ------------------------------------------------------------------------------------------------------------ the rows


def _counted(rows: ReleaseRows, view: str, column: str, none: str = "") -> dict[str, int]:
    """Like `ReleaseRows.counts`, with those that have no value under a name."""
    found = rows.ask(
        f"""select coalesce(nullif({column}, ''), ?) as value, count(*) as records from {view}
            group by 1 order by 2 desc, 1""",
        none,
    )
    return {row["value"]: row["records"] for row in found}


def _benchmarks(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was compared with, and `found`: by file the records dropped for its items, and how many items those were."""
    found: Mapping[str, Any] = manifest.get("contamination", {})
    return [
        one | {"found": found[one["step"]]} if one["step"] in found else one for one in manifest.get("benchmarks", [])
    ]


def _personal(lake: Lake, release: Release, rows: ReleaseRows, checks: Sequence[Mapping[str, Json]]) -> PersonalFacts:
    """What steps and guards looked for of personal data. A check that ran has looked, also where it found nothing."""
    replaced, steps = Counter[str](), [one for one in _steps(lake, rows) if one.method == "pii"]
    for kinds in personal(rows).values():
        replaced.update(kinds)
    guards = [one for one in checks if str(one["name"]).endswith(f"__{PERSONAL}")]
    kept = Counter[str]()
    for one in found_by_guards(lake, rows, release.dataset):
        kept.update({one.kind: one.kept} if one.check == PERSONAL and one.kept else {})
    return PersonalFacts(
        stages=sorted({one.stage for one in steps} | {str(one["stage"]) for one in guards}),
        by=sorted({one.method for one in steps} | {str(one["name"]).partition("__")[0] for one in guards}),
        replaced=dict(sorted(replaced.items())),
        kept=dict(sorted(kept.items())),
    )


def _makers(rows: ReleaseRows) -> list[MakerFacts]:
    """Which method, model and prompt made the current records of the row stages, those of the first stage first."""
    found = rows.ask(
        """select stage, method, method_version as version, model_id as model, prompt_hash as prompt,
               count(*) as records, min(place) as place
           from records where status = 'current' group by all
           order by place, stage, records desc, method, version, model nulls first, prompt nulls first"""
    )
    return [MakerFacts(**{name: row[name] for name in MakerFacts.__slots__}) for row in found]


def _sources(rows: ReleaseRows) -> list[SourceFacts]:
    """The sources as their first records show them: those without parents."""
    found = rows.ask(
        """select source as name, count(*) as records, min(method) as reader,
               min(created_at)::date::varchar as first_read, max(created_at)::date::varchar as last_read
           from roots group by source order by source"""
    )
    kept = {
        row["name"]: row
        for row in rows.ask(
            """select source as name, count(*) as kept, sum(tokens)::bigint as tokens,
                   coalesce(sum(tokens) filter (synthetic_depth = 0), 0)::bigint as human_tokens
               from kept group by source"""
        )
    }
    none: dict[str, Any] = {"kept": 0, "tokens": 0, "human_tokens": 0}
    by = {column: _by_source(rows, column) for column in ("license", "consent", "lang")}
    hosts, sites = _hosts(rows)
    return [
        SourceFacts(
            **row | none | kept.get(row["name"], {}),
            licenses=by["license"][row["name"]],
            consents=by["consent"][row["name"]],
            languages=by["lang"][row["name"]],
            hosts=hosts.get(row["name"], {}),
            sites=sites.get(row["name"], 0),
        )
        for row in found
    ]


def _hosts(rows: ReleaseRows) -> tuple[Mapping[str, Mapping[str, int]], Mapping[str, int]]:
    """Source -> the hosts that most of its first records come from, and source -> how many hosts there are in all."""
    found = rows.ask(
        """select source as name, host as value, count(*) as records, count(*) over (partition by source) as sites
           from roots where host <> '' group by source, host
           qualify row_number() over (partition by source order by count(*) desc, host) <= ?
           order by name, records desc, value""",
        MOST_HOSTS,
    )
    return nested(found), {row["name"]: row["sites"] for row in found}


def _by_source(rows: ReleaseRows, column: str) -> dict[str, dict[str, int]]:
    """Source -> value -> how many of its first records have it, the most frequent first."""
    none = "und" if column == "lang" else ""
    return nested(
        rows.ask(
            f"""select source as name, coalesce(nullif({column}, ''), ?) as value, count(*) as records
                from roots group by 1, 2 order by 1, 3 desc, 2""",
            none,
        )
    )


# ------------------------------------------------------------------------------------------------------ how it was made


def _versions(rows: ReleaseRows) -> list[VersionFacts]:
    """Each version once, parents first."""
    found: dict[str, VersionFacts] = {}
    for chain in rows.chains:
        above: VersionFacts | None = None
        for one in reversed(chain):
            above = VersionFacts(
                stage=one.stage,
                batch=one.batch,
                data_version=one.data_version,
                made_from=[above.id] if above else [],
                code_version=one.code_version,
                recipe=one.recipe_hash,
                run=one.run_id,
                made_at=_moment(one.created_at),
                records=one.current,
                rejected=one.rejected,
            )
            found.setdefault(above.id, above)
    return list(found.values())


def _steps(lake: Lake, rows: ReleaseRows) -> list[StepFacts]:
    """The steps behind each code version in the order in which they ran, as was written down when it made something."""
    codes = {
        (one.stage, one.code_version): one.details.get("steps", ()) for chain in rows.chains for one in reversed(chain)
    }
    return [
        StepFacts(
            stage=stage,
            code_version=code,
            key=key,
            method=step["slug"],
            version=step["version"],
            settings=step["settings"],
            prompts=step.get("prompts", {}),
        )
        for (stage, code), order in codes.items()
        for key, step in _in_order((lake.meta.made_by(code) or {}).get("steps", {}), order)
    ]


def _in_order(steps: Mapping[str, Any], order: Sequence[str]) -> list[tuple[str, Any]]:
    """Steps by key, those first that an order names; what is written down keeps none."""
    places = {key: place for place, key in enumerate(order)}
    return sorted(steps.items(), key=lambda step: places.get(step[0], len(places)))


def _checks(lake: Lake, release: Release, rows: ReleaseRows) -> list[dict[str, Json]]:
    """What the gates of the release and of what it rests on said, summed by stage and check."""
    own = lake.accepted(release.dataset, release.manifest["table"], release.release)
    versions = [*rows.versions, *([own] if own else [])]
    found: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for one in versions:
        gate = lake.meta.gate(one.candidate_id)
        for check in gate.checks if gate else ():
            found[one.stage, str(check["check"])][bool(check["passed"])] += 1
    return [
        {"stage": stage, "name": name, "passed": counts[True], "failed": counts[False]}
        for (stage, name), counts in found.items()
    ]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
