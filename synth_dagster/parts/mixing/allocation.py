"""Shares a budget out by appetite, where nobody may take more than a limit: what temperature mixing and UniMax rest on.

What one domain cannot take goes to the others, in proportion to their appetites. With equal appetites this is UniMax.
"""

from collections.abc import Mapping

from synth_dagster.errors import SynthError


def allocate(budget: float, appetite: Mapping[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    """How much each gets, so that all get `budget` together. The one whose limit binds first is served first."""
    shares = dict.fromkeys(appetite, 0.0)
    remaining, hunger = budget, sum(appetite.values())
    hungry = [name for name, want in appetite.items() if want > 0]
    for name in sorted(hungry, key=lambda name: (limits[name] / appetite[name], name)):
        shares[name] = min(remaining * appetite[name] / hunger, limits[name])
        remaining -= shares[name]
        hunger -= appetite[name]
    return shares


def limits_of(sizes: Mapping[str, int], epochs: float, budget: float) -> dict[str, float]:
    """The most that each domain may give. Raises SynthError when all together cannot fill the budget."""
    limits = {name: epochs * size for name, size in sizes.items()}
    if budget <= 0 or sum(limits.values()) < budget:
        raise SynthError(
            f"A mix of {budget:,.0f} tokens cannot be made of {sum(sizes.values()):,} tokens, each used at most "
            f"{epochs:g} times. Lower the budget, raise max_epochs, or add data."
        )
    return limits
