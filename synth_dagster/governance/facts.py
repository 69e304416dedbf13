"""Gathers what the lake knows of a release for everything that is written about it. Nothing is run again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from synth_dagster.exports.facts import Facts, MakerFacts, SourceFacts, StepFacts, VersionFacts
from synth_dagster.governance.report import makers_of
from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta import Release
from synth_dagster.records import Json, RecordKind
from synth_dagster.runner.release import VERDICTS

ROOT = ("source", "license", "consent", "lang", "method", "created_at")
KEPT = ("record_id", "source", "license", "lang", "synthetic_depth", "human_share")


def facts_of(
    lake: Lake, release: Release, kind: RecordKind, *, creator: str | None = None, url: str | None = None
) -> Facts:
    """Everything that is known of a release. Raises LakeError where a version that it rests on is gone."""
    chains = [list(upwards(lake, version)) for version in pinned(lake, release)]
    kept, manifest = _kept(lake, release), release.manifest
    makers = [
        MakerFacts(
            stage=one.stage,
            method=one.method,
            version=one.method_version,
            model=one.model_id,
            prompt=one.prompt_hash,
            records=one.records,
        )
        for one in makers_of(lake, chains)
    ]
    models = Counter[str]()
    for one in makers:
        models.update({one.model: one.records} if one.model else {})
    dropped = manifest.get("verdicts", {}).get("dropped", {})
    steps = _steps(lake, chains)
    checks = _checks(lake, release, chains)
    sources = _sources(lake, chains, kept)
    code = manifest.get("code", {})
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
        tokens=sum(kept.tokens.values()),
        token_counter=manifest["token_counter"],
        sources=sources,
        licenses=_ordered(kept.licenses),
        languages=_ordered(kept.languages),
        depths={str(depth): count for depth, count in sorted(kept.depths.items())},
        human_share=kept.human / kept.records if kept.records else None,
        models=_ordered(models),
        prompts=sorted({one.prompt for one in makers if one.prompt}),
        makers=makers,
        steps=steps,
        versions=_versions(chains),
        checks=checks,
        missing=manifest["missing"],
        recipe=manifest["recipe"],
        rules=manifest["mix"],
        use=manifest.get("use", {}),
        code=code,
        creator=creator,
        url=url,
        unknown=list(_unknown(creator, url, code, sources, checks)),
    )


def _unknown(
    creator: str | None,
    url: str | None,
    code: dict[str, Json],
    sources: Sequence[SourceFacts],
    checks: Sequence[Any],
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
    yield "when the texts of the sources were written, and by whom"
    yield "whether personal data is left that no step looked for"


# ------------------------------------------------------------------------------------------------------------ the rows


@dataclass
class _Kept:
    """The records of the release, summed."""

    records: int = 0
    human: float = 0.0
    licenses: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)  # by source
    human_tokens: Counter[str] = field(default_factory=Counter)


def _kept(lake: Lake, release: Release) -> _Kept:
    """One pass over the rows, one over the verdicts, which know how many tokens a record has."""
    found, written = _Kept(), set[bytes]()
    table = release.manifest["table"]
    for part in lake.stream(release.dataset, table, batches=[release.release], columns=list(KEPT)):
        for row in part.to_pylist():
            found.records += 1
            found.human += row["human_share"] or 0.0
            found.licenses[row["license"] or ""] += 1
            found.languages[row["lang"] or "und"] += 1
            found.depths[row["synthetic_depth"]] += 1
            found.by_source[row["source"]] += 1
            if row["synthetic_depth"]:
                written.add(row["record_id"])
    columns = ["record_id", "source", "verdict", "tokens"]
    for part in lake.stream(release.dataset, VERDICTS, batches=[release.release], columns=columns):
        for row in part.to_pylist():
            if row["verdict"] == "kept":
                found.tokens[row["source"]] += row["tokens"]
                found.human_tokens[row["source"]] += 0 if row["record_id"] in written else row["tokens"]
    return found


@dataclass
class _Read:
    """The first records of a source, summed."""

    records: int = 0
    reader: str = ""
    licenses: Counter[str] = field(default_factory=Counter)
    consents: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    days: list[str] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        self.records += 1
        self.reader = row["method"]
        self.licenses[row["license"] or ""] += 1
        self.consents[row["consent"] or ""] += 1
        self.languages[row["lang"] or "und"] += 1
        if host := urlsplit(row.get("url") or "").hostname:
            self.hosts[host] += 1
        day = row["created_at"].date().isoformat()
        self.days = [min([*self.days, day]), max([*self.days, day])]


def _sources(lake: Lake, chains: Iterable[Sequence[Candidate]], kept: _Kept) -> list[SourceFacts]:
    """The sources as the versions at the top of each chain hold them."""
    found: dict[str, _Read] = defaultdict(_Read)
    for chain in chains:
        for row in _first_rows(lake, chain[-1]):
            found[row["source"]].add(row)
    return [
        SourceFacts(
            name=name,
            reader=one.reader,
            records=one.records,
            kept=kept.by_source[name],
            tokens=kept.tokens[name],
            human_tokens=kept.human_tokens[name],
            licenses=_ordered(one.licenses),
            consents=_ordered(one.consents),
            languages=_ordered(one.languages),
            hosts=_ordered(one.hosts),
            first_read=one.days[0],
            last_read=one.days[-1],
        )
        for name, one in sorted(found.items())
    ]


def _first_rows(lake: Lake, version: Candidate) -> Iterator[dict[str, Any]]:
    """What a delivery brought: rows without parents. Only passages have an address."""
    columns = [*ROOT, "parents"]
    names = lake.snapshot(version.dataset, version.stage)[1].schema.names
    table: pa.Table = lake.candidate_table(version, [*columns, "url"] if "url" in names else columns)
    for part in table.to_batches(max_chunksize=10_000):
        yield from (row for row in part.to_pylist() if not row["parents"])


# ------------------------------------------------------------------------------------------------------ how it was made


def _versions(chains: Iterable[Sequence[Candidate]]) -> list[VersionFacts]:
    """Each version once, parents first."""
    found: dict[str, VersionFacts] = {}
    for chain in chains:
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


def _steps(lake: Lake, chains: Iterable[Sequence[Candidate]]) -> list[StepFacts]:
    """The steps behind each code version, as they were written down when it first made something."""
    codes = dict.fromkeys((one.stage, one.code_version) for chain in chains for one in reversed(chain))
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
        for stage, code in codes
        for key, step in (lake.meta.made_by(code) or {}).get("steps", {}).items()
    ]


def _checks(lake: Lake, release: Release, chains: Iterable[Sequence[Candidate]]) -> list[dict[str, Json]]:
    """What the gates of the release and of what it rests on said, summed by stage and check."""
    own = lake.accepted(release.dataset, release.manifest["table"], release.release)
    versions = [*(one for chain in chains for one in reversed(chain)), *([own] if own else [])]
    found: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for one in {one.candidate_id: one for one in versions}.values():
        gate = lake.meta.gate(one.candidate_id)
        for check in gate.checks if gate else ():
            found[one.stage, str(check["check"])][bool(check["passed"])] += 1
    return [
        {"stage": stage, "name": name, "passed": counts[True], "failed": counts[False]}
        for (stage, name), counts in found.items()
    ]


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
