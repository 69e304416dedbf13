"""The report of a release: one set of facts, written as a dataset card.

Everything stands in the lake and the manifest already; nothing is computed twice and nothing is run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import LakeError
from synth_dagster.lake.lake import Lake
from synth_dagster.method import Measure
from synth_dagster.runner.context import RunContext
from synth_dagster.scale.signals import flatten

DEMO = (
    "**Demo.** The embedded teacher made this release. It answers by rules from the text in front of it, so the data "
    "shows the machinery and teaches a model nothing. Name a real endpoint to make data for training."
)


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What there is to say about a release; counts, shares and names, never record text."""

    dataset: str
    release: str
    kind: str
    demo: bool
    kept: int
    judged: int
    tokens: int
    token_counter: str
    dropped: Mapping[str, int]
    sources: Mapping[str, int]
    licenses: Mapping[str, int]
    languages: Mapping[str, int]
    models: Mapping[str, int]
    methods: Mapping[str, int]
    depths: Mapping[str, int]
    human_share: float
    measures: Mapping[str, Mapping[str, float]]  # measure -> name -> value, of the kept records
    before: Mapping[str, Mapping[str, float]]  # the same of everything that was judged
    batches: Sequence[str]
    missing: Mapping[str, str]
    manifest: Mapping[str, Any]

    def summary(self) -> str:
        """The facts that fit a card."""
        dropped = ", ".join(f"{reason} {count}" for reason, count in self.dropped.items()) or "nothing"
        note = f"{DEMO}\n\n" if self.demo else ""
        return f"{note}{self.kept} of {self.judged} records kept, {self.tokens} tokens. Dropped: {dropped}."


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
    pool = [lake.meta.candidate(pins["records"]) for pins in manifest["batches"].values()]
    judged = pa.concat_tables(lake.candidate_table(found) for found in pool)
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
        sources=_counts(rows, "source"),
        licenses=_counts(rows, "license"),
        languages=_counts(rows, "lang"),
        models=_counts(rows, "model_id"),
        methods=_counts(rows, "method"),
        depths=_counts(rows, "synthetic_depth"),
        human_share=_mean(rows["human_share"].to_pylist()),
        measures=_measured(context, flatten(rows, kind)),
        before=_measured(context, flatten(judged.filter(pc.field("status") == "current"), kind)),
        batches=sorted(manifest["batches"]),
        missing=manifest["missing"],
        manifest=manifest,
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


def write_report(lake: Lake, facts: ReleaseFacts) -> str:
    """Write the card as Markdown, whole or not at all. Returns what to link to."""
    return lake.save_page(f"reports/{facts.dataset}/{facts.release}.md", card(facts))


def card(facts: ReleaseFacts) -> str:
    """The dataset card."""
    sections = [
        f"# {facts.dataset} {facts.release}",
        facts.summary(),
        _table("Dropped, by method and rule", facts.dropped),
        _table("Sources", facts.sources),
        _table("Licences", facts.licenses),
        _table("Languages", facts.languages),
        _table("Models that wrote it", facts.models),
        _table("Methods", facts.methods),
        _table("Synthetic depth (0 is human)", facts.depths),
        f"Share of characters a person wrote: {facts.human_share:.3f}. Tokens are counted as `{facts.token_counter}`.",
        _compared(facts),
        _table("Left out, because a batch was missing", facts.missing) if facts.missing else "",
        "Batches: " + ", ".join(f"`{batch}`" for batch in facts.batches),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _table(title: str, counts: Mapping[str, object]) -> str:
    rows = "\n".join(f"| {_cell(name)} | {value} |" for name, value in counts.items()) or "| none | 0 |"
    return f"## {title}\n\n| what | records |\n| --- | ---: |\n{rows}"


def _compared(facts: ReleaseFacts) -> str:
    if not facts.measures:
        return ""
    rows = "\n".join(
        f"| {measure} | {_cell(name)} | {_number(facts.before.get(measure, {}).get(name))} | {_number(value)} |"
        for measure, numbers in facts.measures.items()
        for name, value in numbers.items()
    )
    return f"## Measured\n\n| measure | number | all records | kept |\n| --- | --- | ---: | ---: |\n{rows}"


def _number(value: float | None) -> str:
    """A count in full, a share or ratio in four digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
