"""What Dagster loads: every recipe of `recipes/` as a graph of assets, with its gates, jobs and resources.

Assets, resources and expectations meet here and nowhere else. A recipe with a mistake, or whose models the environment
does not allow, is left out and said in the log; the others load. The run worker gets the recipes as the code location
had read them, so that an edit without a reload cannot make a run and the UI disagree.
"""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# the project's folder must be importable first
import synth_dagster  # noqa: E402, F401  # before anything loads Arrow: it chooses its allocator
from assets.automation import automated, automation, is_on, watching_failures  # noqa: E402
from assets.filtered_mix import filtered_mix  # noqa: E402
from assets.generated_instructions import instructions  # noqa: E402
from assets.lineage_events import lineage_sensor  # noqa: E402
from assets.materialized import Project  # noqa: E402
from assets.pace import Pace  # noqa: E402
from assets.preference_pairs import preferences  # noqa: E402
from assets.quality_signals import quality_signals  # noqa: E402
from assets.release_report import release_report  # noqa: E402
from assets.seed_corpus import corpus  # noqa: E402
from expectations.bridge import gate  # noqa: E402
from resources.environments import Environment, environment  # noqa: E402
from synth_dagster.errors import SynthError  # noqa: E402
from synth_dagster.governance.pages import Pages  # noqa: E402
from synth_dagster.lake.lake import Candidate, Lake  # noqa: E402
from synth_dagster.recipe import Recipe, load_recipes, parse_recipe  # noqa: E402
from synth_dagster.runner.context import Progress, RunContext, TeacherSource  # noqa: E402
from synth_dagster.runner.release import publish  # noqa: E402

log = logging.getLogger("synth_dagster")

ROW_STAGES = {"corpus": corpus, "instructions": instructions, "preferences": preferences}
STORED = "recipe:"


def recipes_of(root: Path) -> list[Recipe]:
    """The recipes of a project: read from their files, or in a run worker as the code location had read them."""
    # Dagster offers this context only here; its own integrations import it from the same place
    from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType

    load = DefinitionsLoadContext.get()
    if load.load_type == DefinitionsLoadType.RECONSTRUCTION:
        stored = {key: text for key, text in load.reconstruction_metadata.items() if key.startswith(STORED)}
        if stored:
            return [
                parse_recipe(text, root / key.removeprefix(STORED), root=root) for key, text in sorted(stored.items())
            ]
    recipes, problems = load_recipes(root / "recipes", root=root)
    for problem in problems:
        log.error("%s", problem)
    for recipe in recipes:
        # `Definitions.with_reconstruction_metadata` promises the same and never arrives at the worker (1.13.27)
        load.add_to_pending_reconstruction_metadata(f"{STORED}{Path(recipe.path).relative_to(root)}", recipe.text)
    return recipes


def build(
    root: Path = ROOT,
    *,
    env: Mapping[str, str] | None = None,
    recipes: list[Recipe] | None = None,
    progress: Progress | None = None,
    teachers: TeacherSource | None = None,
) -> dg.Definitions:
    """The definitions of a project. The CLI and tests pass their own progress, teachers or recipes."""
    place = environment(root, os.environ if env is None else env)
    found = recipes_of(root) if recipes is None else recipes
    source = teachers or place.gateway(os.environ if env is None else env)
    resources = place.resources(progress) | ({"teachers": teachers} if teachers is not None else {})
    given = os.environ if env is None else env
    graphs: list[dg.Definitions] = []
    for recipe in found:
        try:
            graphs.append(graph(root, recipe, place, source, Pages.of(given), on=is_on(given), pace=Pace.of(given)))
        except SynthError as error:  # such as a model that this environment does not allow
            if recipes is not None:
                raise
            log.error("%s is left out: %s", Path(recipe.path).name, error)
    # one process a run: a process a step would import everything eight times, and cost more than the work
    whole = dg.Definitions(resources=resources, executor=dg.in_process_executor)
    by_dataset = {recipe.dataset: recipe for recipe in found}
    told = lineage_sensor(place.places, by_dataset, place.open_lake, given, Pace.of(given))
    return dg.Definitions.merge(*graphs, watching_failures(given), dg.Definitions(sensors=[told]), whole)


def graph(
    root: Path,
    recipe: Recipe,
    place: Environment,
    teachers: TeacherSource,
    pages: Pages,
    *,
    on: bool,
    pace: Pace,
) -> dg.Definitions:
    """One recipe: its assets, the gate of each, the jobs that people and sensors launch, and what runs by itself."""
    project = Project(place.places, pages)
    identities = teachers.identities(recipe)
    rows = [
        ROW_STAGES[stage.kind](project, recipe, stage, recipe.fingerprint(stage.name, teachers=identities, root=root))
        for stage in recipe.stages.values()
    ]
    by_batch = [*rows, quality_signals(project, recipe, recipe.signals_fingerprint(root))]
    by_release = [filtered_mix(project, recipe, recipe.mix_fingerprint(root)), release_report(project, recipe)]

    def published(of: Recipe, lake: Lake, candidate: Candidate) -> None:
        publish(
            RunContext(recipe=of, lake=lake, teachers=teachers, places=place.places, run_id=candidate.run_id), candidate
        )

    gates = [gate(recipe, asset.key.path[-1], root=root, pages=pages) for asset in by_batch]
    gates.append(gate(recipe, recipe.mix.name, root=root, publish=published, pages=pages))

    def open_lake() -> Lake:
        return place.open_lake()

    assets = [automated(asset, recipe, open_lake) for asset in (*by_batch, *by_release)]
    of_batch = dg.define_asset_job(
        batch_job(recipe.dataset), [asset.key for asset in by_batch], tags=project.tags(recipe)
    )
    of_release = dg.define_asset_job(
        release_job(recipe.dataset), [asset.key for asset in by_release], tags=project.tags(recipe)
    )
    return dg.Definitions.merge(
        dg.Definitions(assets=assets, asset_checks=gates, jobs=[of_batch, of_release]),
        automation(
            project, recipe, [asset.key for asset in by_batch], of_batch.name, of_release.name, on=on, pace=pace
        ),
    )


def batch_job(dataset: str) -> str:
    return f"{dataset}__batch"


def release_job(dataset: str) -> str:
    return f"{dataset}__release"


defs = build()
