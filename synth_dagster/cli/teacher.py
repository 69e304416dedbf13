"""`synth teacher check` and `synth teacher serve`."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode


def check_teachers(given: Path | None, name: str | None, *, as_json: bool) -> int:
    """Reach every role and say what it can do. Returns the exit code: failed when a role cannot be used."""
    from synth_dagster.teacher.check import check

    project = open_project(given)
    recipe = project.recipe(name)
    with project.environment.gateway(os.environ) as gateway:
        findings = asyncio.run(check(gateway.served(recipe)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        console = Terminal()
        for finding in findings:
            console.print(escape(finding.line()), highlight=False)
    return int(ExitCode.DONE if all(finding.reached for finding in findings) else ExitCode.FAILED)


def serve_teacher(port: int) -> None:
    """Serve until stopped with Ctrl-C."""
    from synth_dagster.teacher.embedded.server import run

    console = Terminal()
    run(port=port, announce=lambda url: console.print(f"The embedded teacher answers at {url} until Ctrl-C."))
