"""What every stage asset does around its one call of the runner: set out, report, and fail in words.

The event log gets counts, rates, hashes and links. It never gets the text of a record, because what is in Dagster's
storage can only be erased by deleting runs.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from synth_dagster.errors import OverBudget, Pending, SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe, Step
from synth_dagster.records import RecordKind, describe, schema_of
from synth_dagster.runner.context import OUTCOME_TAG, SESSION_TAG, Outcome, Progress, RunContext, TeacherSource
from synth_dagster.runner.dead_runs import name_process

OWNERS = ["team:data"]


@dataclass(frozen=True, slots=True)
class Project:
    """What the assets of a project share: where it stands, and the tags that every run of a recipe carries."""

    places: Places

    @property
    def root(self) -> Path:
        return self.places.root

    def tags(self, recipe: Recipe) -> dict[str, str]:
        return {"dataset": recipe.dataset, "recipe": recipe.hash}


def run_context(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    project: Project,
    recipe: Recipe,
    lake: Lake,
    teachers: TeacherSource,
    progress: Progress,
) -> RunContext:
    """The runner's context for this Dagster run; the recipe that the run uses is stored by its hash."""
    name_process(context.instance, context.run)
    lake.meta.store_recipe(recipe.dataset, recipe.text)
    return RunContext(
        recipe=recipe,
        lake=lake,
        teachers=teachers,
        places=project.places,
        run_id=context.run.run_id,
        session_id=context.run.tags.get(SESSION_TAG, context.run.run_id),
        progress=progress,
    )


@contextmanager
def in_words(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """A mistake or a bad day ends the step with its sentence, once; pending and over budget are marked on the run."""
    try:
        yield
    except SynthError as error:
        outcome = {OverBudget: "over_budget", Pending: "pending"}.get(type(error), "failed")
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: outcome})
        raise dg.Failure(str(error), metadata={"outcome": outcome}, allow_retries=False) from error


def report(outcome: Outcome, kind: RecordKind | None = None) -> dg.MaterializeResult:
    """Counts, the data version and how it came about, for the asset's page."""
    candidate = outcome.candidate
    details = dict(candidate.details)
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(candidate.rows),
        "rejected": dg.MetadataValue.int(candidate.rejected),
        "state": dg.MetadataValue.text("made" if outcome.made else "already current"),
        "candidate": dg.MetadataValue.text(candidate.candidate_id),
        "recipe": dg.MetadataValue.text(candidate.recipe_hash),
    }
    metadata |= teacher_numbers(details.get("teacher") or {})
    for name in ("status", "reasons", "rejects", "methods", "verdicts", "signals"):
        if details.get(name):
            metadata[name] = dg.MetadataValue.json(details[name])
    if isinstance(seconds := details.get("seconds"), float):
        metadata["seconds"] = dg.MetadataValue.float(seconds)
    if kind is not None:
        metadata["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(kind))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(candidate.data_version))


def teacher_numbers(by_role: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """What the teachers did for a batch, as numbers that the UI plots over time; the roles that were asked, as JSON."""
    asked = {role: usage for role, usage in by_role.items() if usage["calls"] or usage["cached"]}
    if not asked:
        return {}
    sums = {name: sum(usage[name] for usage in asked.values()) for name in ("calls", "cached")}
    sums["tokens"] = sum(usage["tokens_in"] + usage["tokens_out"] for usage in asked.values())
    prices = [usage["usd"] for usage in asked.values()]
    numbers = {f"teacher_{name}": dg.MetadataValue.int(value) for name, value in sums.items()}
    usd = dg.MetadataValue.text("unknown") if None in prices else dg.MetadataValue.float(float(sum(prices)))
    return {**numbers, "teacher_usd": usd, "teacher": dg.MetadataValue.json(asked)}


def column_schema(kind: RecordKind) -> dg.TableSchema:
    """The columns of a record kind with what they mean."""
    meanings = describe(kind)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=field.name, type=str(field.type), description=meanings.get(field.name))
            for field in schema_of(kind)
        ]
    )


def described(project: Project, recipe: Recipe, stage: str, steps: Sequence[Step], story: str) -> str:
    """An asset's description: its story, its steps, and where the recipe says so."""
    file, line = recipe.describe_lines(stage)
    path = os.path.relpath(file, project.root)
    lines = [f"{number}. `{step.key}`: {type(step.method).summary()}" for number, step in enumerate(steps, start=1)]
    return "\n\n".join([story, "\n".join(lines) or "No steps.", f"Recipe: `{path}:{line}`"])
