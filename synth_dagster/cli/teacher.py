"""`synth teacher check` and `synth teacher serve`."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode
from synth_dagster.recipe import Recipe


def check_teachers(given: Path | None, name: str | None, *, sample: int | None, as_json: bool) -> int:
    """Reach every role and say what it can do. Returns the exit code: failed when a role cannot be used.

    With `sample`, so many passages are put through the recipe, which is paid for, and say what all of it would cost.
    """
    from synth_dagster.teacher.check import check

    project = open_project(given)
    recipe = project.recipe(name)
    with project.environment.gateway(os.environ) as gateway, _quiet():
        findings = asyncio.run(check(gateway.served(recipe)))
    console = Terminal()
    if not as_json:
        for finding in findings:
            console.print(escape(finding.line()), highlight=False)
    reached = all(finding.reached for finding in findings if finding.role in recipe.roles())
    priced = _sampled(project, recipe, sample, silent=as_json) if sample and reached else None
    if as_json:
        roles = [asdict(finding) for finding in findings]
        print_json(roles if sample is None else {"roles": roles, "sample": priced and priced[1]})
    elif priced is not None:
        console.print(priced[0], highlight=False)
    return int(ExitCode.DONE if all(finding.reached for finding in findings) else ExitCode.FAILED)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings about endpoints: what goes wrong stands in the findings."""
    log = logging.getLogger("synth_dagster.teacher")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _sampled(project: Project, recipe: Recipe, passages: int, *, silent: bool) -> tuple[str, dict[str, Any]]:
    """What a run would cost, as a sentence and as data, after so many passages were really asked about."""
    from synth_dagster.cli.plan import cost_in_words, plan_json, plan_of
    from synth_dagster.cli.progress import spent_in_all
    from synth_dagster.cli.tryout import tried_out
    from synth_dagster.runner.estimate import estimates, total

    _, usage = tried_out(Console(quiet=True) if silent else Terminal(), project, recipe, passages)
    planned = plan_of(project, recipe)
    whole = total(estimates(planned))
    said = f"{recipe.dataset}, from a sample of {passages} passages ({spent_in_all(usage)}): {cost_in_words(whole)}"
    paid = {"calls": usage.calls, "tokens": usage.tokens_in + usage.tokens_out, "usd": usage.usd}
    return said, {"passages": passages, "paid": paid, "run": plan_json(recipe, planned)["total"]}


def serve_teacher(port: int) -> None:
    """Serve until stopped with Ctrl-C."""
    from synth_dagster.teacher.embedded.server import run

    console = Terminal()
    run(port=port, announce=lambda url: console.print(f"The embedded teacher answers at {url} until Ctrl-C."))
