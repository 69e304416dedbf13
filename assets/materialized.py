"""What every stage asset does around its one call of the runner: set out, report, and fail in words.

The event log gets counts, rates, hashes and links. It never gets the text of a record, because what is in Dagster's
storage can only be erased by deleting runs.
"""

import inspect
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.columns import column_lineage, column_schema, signal_schema, verdict_schema
from synth_dagster.errors import OverBudget, Pending, SynthError
from synth_dagster.governance.pages import Pages
from synth_dagster.governance.plots import as_markdown
from synth_dagster.governance.preview import save_preview
from synth_dagster.governance.profile import picture_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe, Step
from synth_dagster.runner.context import (
    OUTCOME_TAG,
    SESSION_TAG,
    SIGNALS,
    Outcome,
    Progress,
    RunContext,
    TeacherSource,
)
from synth_dagster.runner.dead_runs import name_process
from synth_dagster.runner.person import Person
from synth_dagster.runner.yields import lost_of
from synth_dagster.scale.engine import Engine

OWNERS = ["team:data"]
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
METHODS_PAGE = Path("docs/methods.md")


@dataclass(frozen=True, slots=True)
class Project:
    """What the assets of a project share: where it stands, and the tags that every run of a recipe carries."""

    places: Places
    pages: Pages = field(default_factory=Pages)

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
    engine: Engine | None = None,
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
        builder=Person.of(os.environ),
        engine=engine or Engine(),
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


def report(project: Project, run: RunContext, outcome: Outcome) -> dg.MaterializeResult:
    """Counts, rates, a picture, the data version and how it came about, for the asset's page."""
    recipe, lake, candidate = run.recipe, run.lake, outcome.candidate
    picture = picture_of(recipe, lake, candidate)
    details = dict(candidate.details)
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(candidate.rows),
        **_page(project, save_preview(recipe, lake, candidate, picture=picture)),
        **_explored(project, recipe, candidate),
        "counts": dg.MetadataValue.md(as_markdown(picture, "Counts of this version")),
        **rates(candidate),
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
    metadata |= _columns(recipe, lake, candidate)
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(candidate.data_version))


def _page(project: Project, link: str) -> dict[str, dg.MetadataValue]:
    """The preview page: its address while `synth ui` runs, and where it stands."""
    return {
        "preview": dg.MetadataValue.url(project.pages.address(link)),
        "preview_file": dg.MetadataValue.path(link),
    }


def _explored(project: Project, recipe: Recipe, candidate: Candidate) -> dict[str, dg.MetadataValue]:
    """Where the explorer shows it: a release, or the records of a batch; signals are shown with their records."""
    dataset, stage, batch = candidate.dataset, candidate.stage, candidate.batch
    if stage == recipe.mix.name:
        address = project.pages.release(dataset, batch)
    else:
        address = project.pages.batch(dataset, recipe.mix.of if stage == SIGNALS else stage, batch)
    return {"explore": dg.MetadataValue.url(address)} if address else {}


def rates(candidate: Candidate) -> dict[str, dg.MetadataValue]:
    """How many records were kept and lost, as numbers that the UI plots over time."""
    details = candidate.details
    numbers: dict[str, dg.MetadataValue] = {
        "kept": dg.MetadataValue.int(candidate.current),
        "rejected": dg.MetadataValue.int(candidate.rejected),
    }
    if verdicts := details.get("verdicts"):
        judged = verdicts["kept"] + sum(verdicts["dropped"].values())
        numbers |= {"judged": dg.MetadataValue.int(judged), "tokens": dg.MetadataValue.int(details["tokens"])}
        return {**numbers, "keep_rate": _share(verdicts["kept"], judged)}
    if "status" not in details:
        return numbers
    gone = details["status"].get("eliminated", 0)
    tried = candidate.current + lost_of(details, eliminated=gone, rejected=candidate.rejected)
    return {
        **numbers,
        "keep_rate": _share(candidate.current, tried),
        "reject_rate": _share(details["unusable"], tried),
    }


def _share(part: int, whole: int) -> dg.MetadataValue:
    return dg.MetadataValue.float(round(part / whole, 4) if whole else 0.0)


def _columns(recipe: Recipe, lake: Lake, candidate: Candidate) -> dict[str, dg.MetadataValue]:
    """The columns of the table and where they come from; of a release those of its verdicts too."""
    stage = candidate.stage
    if stage == SIGNALS:
        schema = signal_schema(recipe, lake.candidate_table(candidate).schema)
    else:
        schema = column_schema(recipe, stage)
    lineage = column_lineage(recipe, stage, [column.name for column in schema.columns])
    metadata: dict[str, dg.MetadataValue] = {"dagster/column_schema": dg.MetadataValue.table_schema(schema)}
    if lineage.deps_by_column:
        metadata["dagster/column_lineage"] = dg.MetadataValue.column_lineage(lineage)
    if stage == recipe.mix.name:
        metadata["verdict_columns"] = dg.MetadataValue.table_schema(verdict_schema())
    return metadata


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


# ---------------------------------------------------------------------------------------- what an asset says of itself


def described(project: Project, recipe: Recipe, stage: str, steps: Sequence[Step], story: str) -> str:
    """An asset's description: its story, its steps with their papers, and where the recipe says so."""
    file, line = recipe.describe_lines(stage)
    path = os.path.relpath(file, project.root)
    lines = [f"{number}. `{step.key}`: {_idea(step)}" for number, step in enumerate(steps, start=1)]
    return "\n\n".join([story, "\n".join(lines) or "No steps.", f"Recipe: `{path}:{line}`"])


def _idea(step: Step) -> str:
    """The method's idea, with a link to its paper."""
    method = type(step.method)
    paper = ARXIV.fullmatch(method.paper)
    link = f" ([{method.paper}](https://arxiv.org/abs/{paper[1]}))" if paper else ""
    return f"{method.summary()}{link}"


def references(project: Project, recipe: Recipe, stage: str, steps: Sequence[Step]) -> dict[str, Any]:
    """Links of an asset that open in an editor: its lines of the recipe, and the code and the page of its methods."""
    file, line = recipe.describe_lines(stage)
    places = [(str(file), line, f"recipe: {stage}")]
    places += [
        (code, 1, f"method: {step.slug}")
        for step in {step.slug: step for step in steps}.values()
        if (code := inspect.getsourcefile(type(step.method)))
    ]
    if (project.root / METHODS_PAGE).is_file():
        places.append((str(project.root / METHODS_PAGE), 1, "settings of all methods"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # seen to work; without this, three lines for every asset
        found = [dg.LocalFileCodeReference(file_path=path, line_number=at, label=label) for path, at, label in places]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=list(found))}
