"""`synth backlog`: the rare cells of a release, and a file that a recipe can fill them from."""

import json
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import SynthError
from synth_dagster.storage.folder import write_whole


def show_backlog(
    given: Path | None,
    dataset: str | None,
    name: str,
    *,
    to: Path | None,
    seeds: int,
    most_translated: float,
    as_json: bool,
) -> None:
    """Tell what lacks, and write it. Raises SynthError where the recipe does not measure its long tail."""
    from synth_dagster.governance.backlog import backlog_of, lines
    from synth_dagster.governance.handover import the_release
    from synth_dagster.governance.report import stored_recipe

    project = open_project(given)
    lake = project.lake
    if to is not None and to.suffix != ".jsonl":
        raise SynthError(f"--to {to} is read as lines of JSON later. Give it the suffix .jsonl.")
    release = the_release(lake, project.dataset(dataset), name)
    recipe = stored_recipe(lake, release, project.root)
    found = backlog_of(lake, release, recipe, project.root, seeds=seeds, most_translated=most_translated)
    if to is not None:
        said = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines(lake, release, found)).encode()
        to.absolute().parent.mkdir(parents=True, exist_ok=True)
        write_whole(to.absolute(), lambda file: file.write(said), needed=len(said))
    if as_json:
        print_json({"dataset": release.dataset, "release": release.release, "cells": [one.as_json() for one in found]})
        return
    console = Terminal()
    table = Table(*("cell", "records", "missing", "translations left", "seeds"), box=None)
    for one in found:
        counts = (one.records, one.missing, one.translations_left, len(one.seeds))
        table.add_row(escape(one.cell), *(f"{count:,}" for count in counts))
    if found:
        console.print(table)
    else:
        console.print(f"No cell of {release.release} lacks a record.", highlight=False)
    if to is not None:
        console.print(f"Wrote {escape(str(to))}.", highlight=False)
