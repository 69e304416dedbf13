"""`synth batches`: what waits at providers, what it may cost, and how to give it up."""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import Pending, SynthError
from synth_dagster.runner.batch_list import Listed, ledger_of, listed, meant

if TYPE_CHECKING:
    from synth_dagster.recipe import Recipe
    from synth_dagster.teacher.prices import Prices


def show_batches(given: Path | None, dataset: str | None, *, ended: bool, as_json: bool) -> None:
    """Print the provider batches as they were last looked at. The provider is not asked."""
    project = open_project(given)
    found = listed(project.lake, dataset, ended=ended)
    with project.environment.gateway(os.environ) as gateway:
        prices = gateway.prices
    if as_json:
        print_json([_as_json(one, prices) for one in found])
        return
    console = Terminal()
    if not found:
        console.print("No provider batch is open." if not ended else "There was no provider batch yet.")
        return
    console.print(_table(found, prices))
    if any(one.is_open for one in found):
        console.print(
            "As last looked at. What is ready is collected by: synth run. To give one up: synth batches --cancel ID"
        )


def cancel_batch(given: Path | None, name: str) -> None:
    """Have the provider end a batch; print what came of it. Raises Pending where that cannot be known yet."""
    project = open_project(given)
    one = _open(project, name)
    recipe, ledger = _recipe_of(project, one), ledger_of(project.lake, one.batch)
    with project.environment.gateway(os.environ) as gateway:
        found = asyncio.run(gateway.give_up(recipe, ledger, one.batch))
    (after,) = ledger.named([one.batch.key])
    if after.state == "intended":
        raise Pending(f"Whether the provider has made {one.name} is not known yet. Run the same command in a minute.")
    ledger.wait_no_more(one.batch.key)
    again = f"synth run {recipe.dataset}"
    said = {
        "giving_up": f"The provider is ending {one.name}. What it has answered by then is collected by: {again}. "
        "That asks again for the rest.",
        "collected": f"{one.name} has ended. Its answers: {found.answers:,}, kept; requests without one: "
        f"{found.failed:,}. They are asked again by: {again}",
        "dropped": f"The provider never had {one.name}. Its requests are asked by: {again}",
    }
    Terminal().print(escape(said[after.state]), highlight=False)


def forget_batch(given: Path | None, name: str) -> None:
    """Wait no more for a batch whose provider cannot be asked."""
    project = open_project(given)
    one = _open(project, name)
    ledger = ledger_of(project.lake, one.batch)
    ledger.forget(one.batch)
    ledger.wait_no_more(one.batch.key)
    Terminal().print(
        escape(
            f"{one.name} is not waited for any more. The provider was not told and may still answer and charge for it: "
            f"what it may cost at most counts as spent. Its requests are asked again by: synth run {one.batch.dataset}"
        ),
        highlight=False,
    )


def _open(project: Project, name: str) -> Listed:
    one = meant(project.lake, name)
    if not one.is_open:
        raise SynthError(f"{one.name} is over ({_state(one)}): there is nothing to give up.")
    return one


def _recipe_of(project: Project, one: Listed) -> "Recipe":
    from synth_dagster.recipe import load_recipes

    recipes, _ = load_recipes(project.root / "recipes", root=project.root)
    for recipe in recipes:
        if recipe.dataset == one.batch.dataset:
            return recipe
    raise SynthError(
        f"No recipe of the dataset '{one.batch.dataset}' can be read, so nobody knows the key of the provider of "
        f"{one.name}. Put it back, or drop the batch with 'synth batches --forget {one.name}'."
    )


# ------------------------------------------------------------------------------------------------------------- in words


def _as_json(one: Listed, prices: "Prices") -> dict[str, Any]:
    batch, usd = one.batch, _usd(one, prices)
    about = {"id": batch.provider_id, "key": batch.key, "dataset": batch.dataset, "stage": batch.stage}
    about |= {"batch": batch.batch, "role": batch.role, "model": batch.model, "requests": batch.requests}
    told = {"state": batch.state, "status": batch.status, "done": batch.done, "failed": batch.failed}
    if not one.is_open:
        return about | told | {"since": _iso(batch.created_at), "answered": one.answered}
    most = {"tokens_at_most": one.tokens, "usd_at_most": None if usd is None else float(usd)}
    return about | told | {"since": _iso(batch.created_at), "expires": _iso(one.expires_at)} | most


def _table(found: Sequence[Listed], prices: "Prices") -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("id", "dataset", "stage", "role"):
        table.add_column(column)
    table.add_column("requests", justify="right")
    table.add_column("state")
    for column in ("age", "expires in", "costs at most"):
        table.add_column(column, justify="right")
    now = time.time()
    for one in found:
        batch = one.batch
        table.add_row(
            escape(one.name),
            batch.dataset,
            escape(f"{batch.stage} [{batch.batch}]"),
            batch.role,
            f"{batch.requests:,}",
            _state(one),
            span(now - batch.created_at),
            span(one.expires_at - now) if one.is_open else "",
            _money(one, prices) if one.is_open else "",
        )
    return table


def _state(one: Listed) -> str:
    batch = one.batch
    if batch.state == "collected":
        return f"collected, {one.answered:,} answered"
    if batch.state == "dropped":
        return "dropped"
    done = f", {batch.done + batch.failed:,} done" if batch.done or batch.failed else ""
    status = batch.status or "not confirmed"
    return f"{'giving up, ' if batch.state == 'giving_up' else ''}{status}{done}"


def _money(one: Listed, prices: "Prices") -> str:
    usd = _usd(one, prices)
    return "unknown" if usd is None else f"${usd:,.4f}"


def _usd(one: Listed, prices: "Prices") -> Decimal | None:
    """What it holds of the caps, at the batch price; nothing where the price is unknown."""
    return one.usd if prices.of(one.batch.model) is not None else None


def span(seconds: float) -> str:
    """A length of time in its largest unit: 40 s, 12 min, 5 h, 3 d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
