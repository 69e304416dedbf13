"""The report of a release: one set of facts, written as a dataset card in Markdown and as a page to look at.

Everything stands in the lake and the manifest already; nothing is run again. The same release gives the same bytes, as
long as no check of it was run again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import LakeError
from synth_dagster.governance.report_card import card
from synth_dagster.governance.report_facts import Clusters, Maker, ReleaseFacts, StageFacts
from synth_dagster.governance.report_page import page, picture
from synth_dagster.governance.report_samples import samples_of
from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta import Release
from synth_dagster.method import Measure
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.licences import LICENCE
from synth_dagster.runner.release import VERDICTS
from synth_dagster.scale.signals import flatten


@dataclass(frozen=True, slots=True)
class Report:
    """Where a report stands in the lake, and its picture, which shows counts only."""

    card: str
    page: str
    picture: bytes


def write_report(lake: Lake, facts: ReleaseFacts) -> Report:
    """Write card and page, each whole or not at all."""
    drawn = picture(facts)
    place = f"reports/{facts.dataset}/{facts.release}"
    samples = samples_of(lake, facts.dataset, facts.release)
    return Report(
        card=lake.save_page(f"{place}.md", card(facts)),
        page=lake.save_page(f"{place}.html", page(facts, drawn, samples)),
        picture=drawn,
    )


def has_report(lake: Lake, dataset: str, release: str) -> bool:
    """Whether a release's page was written, which comes last: a full disk or a kill may have come before it."""
    return lake.store.entry(f"reports/{dataset}/{release}.html") is not None


def release_facts(context: RunContext, release: str) -> ReleaseFacts:
    """Gather the facts of an accepted release. Raises LakeError when there is none of that name."""
    lake, recipe = context.lake, context.recipe
    known = lake.meta.release(recipe.dataset, release)
    version = lake.accepted(recipe.dataset, recipe.mix.name, release)
    if version is None:
        raise LakeError(f"'{recipe.dataset}' has no accepted release '{release}'. 'synth status' lists the releases.")
    rows = lake.candidate_table(version)
    kind = recipe.stage(recipe.mix.of).record_kind
    verdicts: Any = version.details["verdicts"]
    manifest: Any = known.manifest
    read = pinned(lake, known)
    judged = pa.concat_tables(lake.candidate_table(one) for one in read)
    chains = [list(upwards(lake, one)) for one in read]
    return ReleaseFacts(
        dataset=recipe.dataset,
        release=release,
        kind=kind,
        demo=known.demo,
        kept=rows.num_rows,
        judged=rows.num_rows + sum(verdicts["dropped"].values()),
        tokens=int(version.details["tokens"]),
        token_counter=manifest["token_counter"],
        dropped=verdicts["dropped"],
        deciding=[*([LICENCE] if recipe.use.is_stated else []), *(step.key for step in recipe.mix.deciding)],
        sources=_counts(rows, "source"),
        licenses=_counts(rows, "license"),
        languages=_counts(rows, "lang"),
        models=_counts(rows, "model_id"),
        methods=_counts(rows, "method"),
        depths=_counts(rows, "synthetic_depth"),
        human_share=_mean(rows["human_share"].to_pylist()),
        measures=_measured(context, flatten(rows, kind)),
        before=_measured(context, flatten(judged.filter(pc.field("status") == "current"), kind)),
        stages=_stages(chains),
        makers=makers_of(lake, chains),
        lengths=_lengths(lake, known),
        clusters=_clusters(lake, known),
        checks=_checks(lake, version),
        batches=sorted(manifest["batches"]),
        missing=manifest["missing"],
        manifest=manifest,
        data_version=known.data_version,
    )


def _measured(context: RunContext, flat: pa.Table) -> dict[str, Mapping[str, float]]:
    found: dict[str, Mapping[str, float]] = {}
    for step in context.recipe.mix.measures:
        if isinstance(step.method, Measure) and flat.num_rows:
            found[step.key] = step.method.measure(flat).numbers  # type: ignore[attr-defined]  # the verb of the kind
    return found


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    counted = table[column].value_counts().to_pylist()
    ordered = sorted(counted, key=lambda item: (-item["counts"], str(item["values"])))
    return {str(item["values"]): item["counts"] for item in ordered if item["values"] is not None}


# ------------------------------------------------------------------------------------------------------ the way here


@dataclass
class _Sum:
    """What the batches of one stage add up to."""

    numbers: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    usd: float | None = 0.0
    seconds: float = 0.0

    def add(self, version: Candidate) -> None:
        details = version.details
        self.numbers += Counter(batches=1, rows=version.rows, current=version.current, rejected=version.rejected)
        self.rejects += Counter(details.get("rejects") or {})
        self.seconds += details.get("seconds") or 0.0
        for usage in (details.get("teacher") or {}).values():
            self.numbers += Counter({name: usage[name] for name in ("calls", "cached", "tokens_in", "tokens_out")})
            self.usd = None if self.usd is None or usage["usd"] is None else self.usd + usage["usd"]

    def facts(self, name: str) -> StageFacts:
        number = self.numbers
        return StageFacts(
            name=name,
            batches=number["batches"],
            records=number["current"],
            older=number["rows"] - number["current"],
            rejected=number["rejected"],
            rejects=dict(sorted(self.rejects.items(), key=lambda item: (-item[1], item[0]))),
            calls=number["calls"],
            cached=number["cached"],
            tokens=number["tokens_in"] + number["tokens_out"],
            usd=self.usd,
            seconds=round(self.seconds, 1),
        )


def _stages(chains: Iterable[Sequence[Candidate]]) -> list[StageFacts]:
    """The row stages with the sums over the versions that the release rests on, first one first."""
    sums: dict[str, _Sum] = {}
    for chain in chains:
        for version in chain:
            sums.setdefault(version.stage, _Sum()).add(version)
    return [one.facts(name) for name, one in reversed(sums.items())]


def makers_of(lake: Lake, chains: Iterable[Sequence[Candidate]]) -> list[Maker]:
    """Which method, model and prompt made the records of the row stages, and how many."""
    names = ["method", "method_version", "model_id", "prompt_hash", "status"]
    counts: Counter[tuple[Any, ...]] = Counter()
    order: dict[str, int] = {}
    for chain in chains:
        for place, version in enumerate(reversed(chain)):
            order.setdefault(version.stage, place)
            rows = lake.candidate_table(version, names).filter(pc.field("status") == "current")
            for one in rows.group_by(names[:-1]).aggregate([([], "count_all")]).to_pylist():
                counts[version.stage, *(one[name] for name in names[:-1])] += one["count_all"]
    ordered = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1], str(item[0])))
    return [Maker(*key, records=count) for key, count in ordered]


def _verdicts(lake: Lake, release: Release, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
    return lake.stream(release.dataset, VERDICTS, batches=[release.release], columns=columns)


def _lengths(lake: Lake, release: Release) -> list[int]:
    """The tokens of each kept record, in rising order."""
    parts = _verdicts(lake, release, ["verdict", "tokens"])
    return sorted(
        count for part in parts for count in part.filter(pc.field("verdict") == "kept").column("tokens").to_pylist()
    )


def _clusters(lake: Lake, release: Release) -> Clusters:
    """The near-duplicate clusters: how many records stand for how many others."""
    held: Counter[bytes] = Counter()
    for part in _verdicts(lake, release, ["duplicate_of"]):
        held.update(part.column("duplicate_of").drop_null().to_pylist())
    sizes = Counter(count + 1 for count in held.values())  # with the one that stands for them
    return Clusters(count=len(held), dropped=held.total(), sizes=dict(sorted(sizes.items())))


def _checks(lake: Lake, version: Candidate) -> list[Mapping[str, Any]]:
    gate = lake.meta.gate(version.candidate_id)
    return list(gate.checks) if gate else []
