"""What a release was checked against, so that nobody has to believe it: files with hashes and counts, and the settings.

The list stands in the manifest of a release and in all that is written about it. A method says that it compares with
texts outside the lake by asking for `References`; the paths are its settings of type `InputPath`.
"""

from collections.abc import Iterator
from pathlib import Path

from synth_dagster.readers.texts import reference_files
from synth_dagster.recipe import Recipe, Step
from synth_dagster.records import Json
from synth_dagster.runner.services import asks_for
from synth_dagster.services import References


def checked_against(recipe: Recipe, root: Path) -> list[dict[str, Json]]:
    """A row for each step that compares with reference texts and each of its paths, in the order of the graph.

    `files` are the names under the path with their SHA-256 and how many items each has; `settings` are those that the
    step worked by, defaults included.
    """
    return [
        {
            "stage": stage,
            "step": step.key,
            "method": step.slug,
            "version": step.method.version,
            "settings": dict(step.method.as_applied()),
            "against": path,
            "items": sum(file.items for file in files),
            "files": {file.name: {"sha256": file.sha256, "items": file.items} for file in files},
        }
        for stage, step in _steps(recipe)
        if asks_for(step.method, References)
        for path in (getattr(step.method, name) for name in step.method.input_paths())
        if (files := reference_files(root, path))
    ]


def _steps(recipe: Recipe) -> Iterator[tuple[str, Step]]:
    for stage in recipe.stages.values():
        yield from ((stage.name, step) for step in (*stage.steps, *stage.guards))
    yield from ((recipe.mix.name, step) for step in (*recipe.mix.filters, *recipe.mix.guards))
