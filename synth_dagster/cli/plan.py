"""`synth plan`: what a run would do and cost, before any call."""

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.budget import standing
from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.estimate import Consequence, Estimate, consequences, estimates, total
from synth_dagster.runner.forecast import Forecast, StageOfBatch, forecast
from synth_dagster.runner.licences import misfits
from synth_dagster.runner.yields import BY_RULES, commonest

NEXT_RUN = ""  # a session of which nobody has spent anything
MOST_LINES = 40  # batches and stages that a terminal shows one by one

BASES = {
    "exact": "exact: every answer is known, because it is kept or the embedded teacher gives it",
    "sample": "estimated from the answers that are kept, with a 95 % interval",
    "stand-in": "a guess: the embedded teacher stood in for a model of which too few answers are kept. "
    "'synth teacher check --sample' asks for some and gives an interval",
}


def show_plan(given: Path | None, name: str | None, *, batches: Sequence[str], by_batch: bool, as_json: bool) -> None:
    """Print what a run of the recipe would do. Nothing is sent, made or written."""
    project = open_project(given)
    recipe = project.recipe(name)
    planned = plan_of(project, recipe, batches)
    refused, fallbacks = refusal(project, recipe), fallbacks_of(project, recipe)
    left_out = left_out_of(project, recipe)
    if as_json:
        found = plan_json(recipe, planned, room_of(project, recipe))
        about = {"refused": refused and str(refused), "fallbacks": fallbacks, "left_out": left_out}
        print_json(found | about | {"closed_gates": closed_gates(recipe, planned)})
    else:
        console = Terminal()
        print_plan(console, recipe, planned, room_of(project, recipe), by_batch=by_batch, is_refused=bool(refused))
        for role, fallback in fallbacks.items():
            console.print(f"{role} may hand over to {fallback}, whose calls are not in the numbers", highlight=False)
        for sentence in [*left_out, *closed_gates(recipe, planned)]:
            console.print(f"[yellow]{escape(sentence)}[/yellow]", highlight=False)
    if refused:
        raise refused


def refusal(project: Project, recipe: Recipe) -> SynthError | None:
    """Why a run of the recipe would not begin: a cap on money where a price is unknown."""
    with project.environment.gateway(os.environ) as gateway:
        try:
            gateway.admit(recipe)
        except SynthError as error:
            return error
    return None


def fallbacks_of(project: Project, recipe: Recipe) -> dict[str, str]:
    """Role that a run asks -> the role that answers while it cannot."""
    with project.environment.gateway(os.environ) as gateway:
        return {role: one.fallback for role, one in gateway.asked(recipe).items() if one.fallback}


def left_out_of(project: Project, recipe: Recipe) -> list[str]:
    """What a run would pay for and no release would hold, for its licence."""
    with project.environment.gateway(os.environ) as gateway:
        return misfits(recipe, gateway.identities(recipe))


def closed_gates(recipe: Recipe, planned: Forecast) -> list[str]:
    """Where a run would stop for want of usable records, as far as that is known: the first such stage of a batch."""
    least, most, told = recipe.expect.min_keep_rate, recipe.expect.max_reject_rate, {}
    for part in planned.parts:
        came = part.came
        if came is None or not came.tried or part.batch in told:
            continue
        if came.kept and came.rate >= least and came.unusable_rate <= most:
            continue
        why = "".join(f", {reason} {count}" for reason, count in commonest(came.reasons).items())
        limits = f"at least {least:.0%} are wanted, and at most {most:.0%} unusable"
        kept = f"{came.kept} of {came.tried} kept, {came.unusable} unusable, where {limits}{why}"
        who = f". It is answered by {BY_RULES}" if part.by_rules else ""
        told[part.batch] = f"{part.stage} of {part.batch} would not pass its gate: {kept}{who}"
    return [*told.values()]


def plan_of(project: Project, recipe: Recipe, batches: Sequence[str] = ()) -> Forecast:
    """The plan of a recipe under the environment's teachers and what is kept of their answers."""
    with project.environment.gateway(os.environ) as gateway, gateway.rehearsing(recipe) as rehearsal:
        context = RunContext(
            recipe=recipe, lake=project.lake, teachers=gateway, places=project.environment.places, run_id="plan"
        )
        found = forecast(context, rehearsal, batches)
    known = {part.batch for part in found.parts}
    for batch in batches:
        if batch not in known:
            raise UnknownName(f"batch of {recipe.dataset}", batch, known, "'synth plan' lists them.")
    return found


# -------------------------------------------------------------------------------------------------------- for programs


def plan_json(recipe: Recipe, planned: Forecast, room: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The plan as data; the shape is part of the product."""
    found = estimates(planned)
    return {
        "dataset": recipe.dataset,
        "total": _estimate_json(total(found)),
        "stages": {one.stage: _estimate_json(one) for one in found},
        "batches": [_part_json(part) for part in planned.parts],
        "stale": [_consequence_json(one) for one in consequences(planned)],
        "retired": list(planned.retired),
        "caps": caps_reached(room, total(found)),
        "provider_batches": {role: _batch_json(share) for role, share in planned.batch_shares.items()},
    }


def _batch_json(share: Decimal | None) -> dict[str, float | None]:
    return {"share_of_live_price": None if share is None else float(share)}


def _estimate_json(one: Estimate) -> dict[str, Any]:
    return {
        "basis": one.basis,
        "batches": dict(one.batches),
        "calls": one.calls,
        "calls_interval": _interval(one, "calls"),
        "certain_calls": one.certain,
        "cached": one.cached,
        "tokens_in": round(one.amounts["tokens_in"].value),
        "tokens_out": round(one.amounts["tokens_out"].value),
        "usd": one.usd.value if one.usd else None,
        "usd_interval": _interval(one, "usd") if one.usd else None,
        "seconds": one.seconds,
        "least_seconds": one.least_seconds,
    }


def _consequence_json(one: Consequence) -> dict[str, Any]:
    about = {"stage": one.stage, "why": one.why, "batches": one.batches, "records": one.records}
    return _estimate_json(one.work) | about


def _interval(one: Estimate, name: str) -> list[float] | None:
    """Lowest and highest; nothing where nobody knows."""
    return None if one.basis == "stand-in" else list(one.amounts[name].interval)


def _part_json(part: StageOfBatch) -> dict[str, Any]:
    rehearsed = {
        "inputs": part.inputs,
        "calls": part.asked.calls,
        "cached": part.asked.cached,
        "tokens": part.asked.tokens_in + part.asked.tokens_out,
        "usd": None if part.asked.usd is None else float(part.asked.usd),
        "by_role": dict(part.by_role),
    }
    about = {"batch": part.batch, "stage": part.stage, "state": part.state, "why": part.why}
    return about | (rehearsed if part.is_rehearsed else {})


def room_of(project: Project, recipe: Recipe) -> list[dict[str, Any]]:
    """The caps over the next run of a recipe, with what is left of each."""
    from synth_dagster.teacher.budget import caps_of, shared_caps

    caps = [*caps_of(recipe.budget.model_dump()), *shared_caps(project.environment.env)]
    return standing(project.lake, recipe.dataset, NEXT_RUN, caps)


def caps_reached(room: Sequence[Mapping[str, Any]], whole: Estimate) -> list[str]:
    """The caps that have less left than the plan needs."""
    tokens = whole.amounts["tokens_in"].value + whole.amounts["tokens_out"].value
    needed = {"usd": whole.usd.value if whole.usd else 0.0, "tokens": tokens, "calls": whole.calls}
    return [cap["cap"] for cap in room if cap["left"] is not None and needed[cap["unit"]] > cap["left"]]


# ---------------------------------------------------------------------------------------------------------- for people


def print_plan(
    console: Console,
    recipe: Recipe,
    planned: Forecast,
    room: Sequence[Mapping[str, Any]],
    *,
    by_batch: bool,
    is_refused: bool = False,
) -> None:
    found = estimates(planned)
    whole = total(found)
    console.print(f"\n[bold]{recipe.dataset}[/bold], {batches_in_words(planned)}", highlight=False)
    console.print(_table([*found, whole]))
    for one in consequences(planned)[:MOST_LINES]:
        console.print(escape(in_words(one)), highlight=False)
    if by_batch:
        _print_parts(console, planned)
    if planned.retired:
        console.print(f"no longer delivered, and left out: {escape(', '.join(planned.retired))}", highlight=False)
    console.print(f"{BASES[whole.basis]}.", highlight=False)
    for role, share in planned.batch_shares.items():
        console.print(_batch_words(role, share), highlight=False)
    for cap in caps_reached(room, whole):
        console.print(f"[yellow]the run would stop at the cap {cap}[/yellow]: raise it first", highlight=False)
    if not is_refused:
        console.print(_next(recipe, whole), highlight=False)


def batches_in_words(planned: Forecast) -> str:
    """How many batches there are, and in how many something is to do."""
    work = {part.batch for part in planned.parts if part.state != "current"}
    every = {part.batch for part in planned.parts}
    return f"{len(every)} {'batch' if len(every) == 1 else 'batches'}, {len(work)} with work"


def in_words(one: Consequence) -> str:
    """What a change costs in one stage, as one line."""
    made = f"{_counted(one.records, 'record')} of {_counted(one.batches, 'batch', 'batches')}"
    asked = f"{_count(one.work, 'calls')} calls, {_cost(one.work)}"
    return f"{one.stage}: {one.why}: {made} to make anew, {asked}"


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def cost_in_words(whole: Estimate) -> str:
    """The plan of a run as one line."""
    tokens = whole.amounts["tokens_in"].value + whole.amounts["tokens_out"].value
    numbers = f"{_count(whole, 'calls')} calls, {round(tokens):,} tokens, {_cost(whole)}, {_time(whole)}"
    return f"a run would take {numbers}; {BASES[whole.basis]}"


def _batch_words(role: str, share: Decimal | None) -> str:
    """What a role that is asked in provider batches pays, of the live price."""
    where = f"{role} is asked in provider batches, which take up to a day each:"
    if share is None:
        return f"{where} at a price that is unknown."
    if share == 1:
        return f"{where} at the full price, for the price file names none for batches."
    return f"{where} the cost is {share:.0%} of the live price."


def _next(recipe: Recipe, whole: Estimate) -> str:
    if set(whole.batches) <= {"current"}:
        return "Every batch is current: a run would ask nobody."
    return f"Nothing was sent or written. Next: synth run {recipe.dataset}"


def _table(found: Sequence[Estimate]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    table.add_column("batches")
    for column in ("calls", "cached", "tokens", "cost", "time"):
        table.add_column(column, justify="right")
    for one in found:
        is_total = one.stage == "total"
        table.add_row(
            f"[bold]{one.stage}[/bold]" if is_total else one.stage,
            "" if is_total else ", ".join(f"{count} {state}" for state, count in one.batches.items()),
            _count(one, "calls"),
            f"{one.cached:,}",
            f"{round(one.amounts['tokens_in'].value + one.amounts['tokens_out'].value):,}",
            _cost(one),
            _time(one),
        )
    return table


def _count(one: Estimate, name: str) -> str:
    low, high = one.amounts[name].interval
    exact = f"{round(one.amounts[name].value):,}"
    if one.basis == "stand-in":
        return f"~{exact}" if one.certain != one.calls else exact
    return exact if round(low) == round(high) else f"{exact} ({round(low):,} to {round(high):,})"


def _cost(one: Estimate) -> str:
    if one.usd is None:
        return "cost unknown"
    low, high = one.usd.interval
    said = f"${one.usd.value:.4f}"
    if one.basis == "stand-in":
        return f"~{said}" if one.usd.value else said
    return said if f"{low:.4f}" == f"{high:.4f}" else f"{said} (${low:.4f} to ${high:.4f})"


def _time(one: Estimate) -> str:
    """How long it takes; where nobody knows, how long at least, at the rates that the recipe states."""
    if one.seconds is not None:
        return _duration(one.seconds)
    return f"over {_duration(one.least_seconds)}" if one.least_seconds else "time unknown"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _print_parts(console: Console, planned: Forecast) -> None:
    shown = [part for part in planned.parts if part.state != "current"]
    for part in shown[:MOST_LINES]:
        asked = part.asked
        numbers = f"{asked.calls:,} calls, {asked.cached:,} cached" if part.is_rehearsed else "estimated"
        why = f" ({part.why})" if part.why else ""
        console.print(f"  {escape(part.batch)} {part.stage}: {part.state}{escape(why)}; {numbers}", highlight=False)
    if len(shown) > MOST_LINES:
        console.print(f"  and {len(shown) - MOST_LINES} more; --json lists them all", highlight=False)
