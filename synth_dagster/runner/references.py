"""What a release was checked against, so that nobody has to believe it: files with hashes and counts, and the settings.

The list stands in the manifest of a release and in all that is written about it. A method says that it compares with
texts outside the lake by asking for `References`; the paths are its settings of type `InputPath`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.readers.texts import reference_files
from synth_dagster.recipe import Recipe, Step
from synth_dagster.records import Json
from synth_dagster.runner.services import asks_for
from synth_dagster.scale.signals import column_name
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
        for path in (getattr(step.method, name) for name in step.method.input_paths(benchmarks=True))
        if path and (files := reference_files(root, path))
    ]


def contamination(
    recipe: Recipe, signals: Iterable[pa.Table], verdicts: pa.Table
) -> dict[str, dict[str, dict[str, int]]]:
    """Step -> benchmark file -> `records` that it dropped for an item of the file, and how many `items` that were.

    Counted are the verdicts, so a record that an earlier filter dropped is not among them.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    tables = list(signals)
    for step in recipe.mix.filters:
        columns = [column_name(step.key, name) for name in ("item", "benchmark")]
        if asks_for(step.method, References) and all(set(columns) <= set(table.column_names) for table in tables):
            found[step.key] = _by_file(step.key, columns, tables, verdicts)
    return found


_OWN = ("contaminated", "rephrased")  # not tainted: its item stands in another record


def _by_file(
    key: str, columns: Sequence[str], signals: Sequence[pa.Table], verdicts: pa.Table
) -> dict[str, dict[str, int]]:
    reasons = pa.array([f"{key}:{reason}" for reason in _OWN])
    dropped = verdicts.filter(pc.is_in(verdicts["reason"], value_set=reasons))["record_id"].combine_chunks()  # type: ignore[attr-defined]
    files: dict[str, list[str]] = {}
    for table in signals:
        hit = table.filter(pc.is_in(table["record_id"], value_set=dropped))  # type: ignore[attr-defined]
        for item, file in zip(*(hit[column].to_pylist() for column in columns), strict=True):
            files.setdefault(file, []).append(item)
    return {file: {"records": len(items), "items": len(set(items))} for file, items in sorted(files.items())}


def _steps(recipe: Recipe) -> Iterator[tuple[str, Step]]:
    for stage in recipe.stages.values():
        yield from ((stage.name, step) for step in (*stage.steps, *stage.guards))
    yield from ((recipe.mix.name, step) for step in (*recipe.mix.filters, *recipe.mix.guards))
