"""`synth export`: a release as files for a trainer."""

from pathlib import Path

import pyarrow as pa

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.exports import exporter
from synth_dagster.records import CONTENT, RecordKind


def export_release(given: Path | None, dataset: str | None, release: str, *, format_: str, to: Path) -> None:
    """Write a release. Raises UnknownName for another release or format, SynthError for a taken folder."""
    project = open_project(given)
    lake, name = project.lake, project.dataset(dataset)
    known = {found.release: found for found in lake.meta.releases(name) if found.state == "accepted"}
    if not known:
        raise SynthError(f"'{name}' has no release yet. 'synth run' makes one.")
    chosen = list(known)[-1] if release == "latest" else release
    if chosen not in known:
        raise UnknownName(f"release of {name}", chosen, known, "'synth status' lists them.")
    found = known[chosen]
    version = lake.accepted(name, found.manifest["table"], chosen)
    if version is None:
        raise SynthError(f"Release '{chosen}' of '{name}' is no longer in the lake.")
    manifest = exporter(format_).export(
        lake.stream(name, version.stage, batches=[chosen]),
        _kind(lake.snapshot(name, version.stage)[1].schema),
        to=to,
        dataset=name,
        release=chosen,
        demo=found.demo,
        facts={"manifest": found.manifest, "data_version": found.data_version},
    )
    console = Terminal()
    console.print(f"Wrote {manifest.records} records to {to} as {format_}.")
    if found.demo:
        console.print("[yellow]Demo: the embedded teacher made it. It is not for training.[/yellow]")


def _kind(schema: pa.Schema) -> RecordKind:
    return next(kind for kind, columns in CONTENT.items() if all(name in schema.names for name, _, _ in columns))
