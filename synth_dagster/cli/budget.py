"""How much of each cap is used: a part of `synth status`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synth_dagster.cli.project import Project
from synth_dagster.spending import PERIODS, Account, Cap

if TYPE_CHECKING:
    from synth_dagster.lake.lake import Lake


def caps_over(project: Project, dataset: str) -> list[Cap]:
    """The caps that hold for a dataset: those of its recipe as it stands now, where it can be read, and of the lake."""
    from synth_dagster.recipe import load_recipes
    from synth_dagster.teacher.budget import caps_of, shared_caps

    recipes, _ = load_recipes(project.root / "recipes", root=project.root)
    found = [recipe.budget.model_dump() for recipe in recipes if recipe.dataset == dataset]
    return [cap for budget in found for cap in caps_of(budget)] + shared_caps(project.environment.env)


def standing(lake: "Lake", dataset: str, session: str, caps: Sequence[Cap]) -> list[dict[str, Any]]:
    """Each cap with what is used of it; `session` is the last run's."""
    from synth_dagster.teacher.budget import accounts_of

    if not caps:
        return []
    names = accounts_of(session, dataset, lake.spending.month().name)
    accounts = lake.spending.read(list(names.values()))
    return [_standing(cap, accounts[names[cap.period]]) for cap in caps]


def _standing(cap: Cap, account: Account) -> dict[str, Any]:
    used = {"spent": account.spent, "unconfirmed": account.unconfirmed, "reserved": account.held}
    numbers = {name: _number(cost.of(cap.unit)) for name, cost in used.items()}
    left = max(cap.limit - account.counted.of(cap.unit), 0)
    if cap.unit == "usd" and account.unpriced:
        numbers, left = dict.fromkeys(numbers, None), None  # an unknown price is in it
    period = PERIODS[cap.period]
    about = {"cap": cap.name, "unit": cap.unit, "over": period}
    return {**about, "limit": _number(cap.limit), **numbers, "left": left and _number(left)}


def _number(value: Decimal | int) -> float | int:
    return float(value) if isinstance(value, Decimal) else value


def budget_line(caps: Sequence[Mapping[str, Any]]) -> str:
    """The caps in one line for a person; nothing where there are none."""
    return "budget: " + "; ".join(_words(cap) for cap in caps) if caps else ""


def _words(cap: Mapping[str, Any]) -> str:
    limit = _figure(cap["limit"])
    if cap["spent"] is None:
        return f"{cap['cap']} unknown of {limit}"
    lost = cap["unconfirmed"]
    unsure = f", {_figure(lost)} of it for calls whose answer never came" if lost else ""
    return f"{cap['cap']} {_figure(cap['spent'] + lost)} of {limit}{unsure}"


def _figure(value: float) -> str:
    return f"${value:,.4f}" if isinstance(value, float) else f"{value:,}"
