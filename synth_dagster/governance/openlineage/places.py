"""What OpenLineage calls our datasets: by where they stand, so that other tools that read the same place agree.

Names follow openlineage.io's naming: `file` and a path, `s3://bucket` and a prefix. What has no place that others could
know, such as a built-in source or a query, is named in the namespace of our jobs.
"""

from dataclasses import dataclass
from pathlib import Path

from synth_dagster.lake.lake import Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe
from synth_dagster.storage import is_bucket

REPORT = "release_report"


@dataclass(frozen=True, slots=True)
class Named:
    """A dataset as OpenLineage names it."""

    namespace: str
    name: str

    @property
    def uri(self) -> str:
        return Path(self.name).as_uri() if self.namespace == "file" else f"{self.namespace}/{self.name}"


def of_stage(lake: Lake, dataset: str, stage: str) -> Named:
    """The table of a stage, or the folder of the reports, which are no table."""
    return _at(lake.store.url, f"reports/{dataset}" if stage == REPORT else f"{dataset}/{stage}")


def of_source(places: Places, namespace: str, recipe: Recipe, name: str) -> Named:
    """What a source reads."""
    source = next((one for one in recipe.sources if one.name == name), None)
    path = str(getattr(source.reader, "path", "")) if source is not None else ""
    if source is not None and source.reader_name == "s3":
        return _at(path)
    if source is not None and source.reader_name == "files":
        home, inside, _ = places.home_of(path)
        return _at(str(home / inside))
    return Named(namespace, f"{recipe.dataset}/source/{name}")


def _at(url: str, inside: str = "") -> Named:
    if is_bucket(url):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return Named(f"s3://{bucket}", "/".join(part for part in (prefix.strip("/"), inside) if part) or "/")
    return Named("file", str(Path(url, inside)))
