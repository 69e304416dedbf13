"""Temperature mixing: a domain's share grows with its size to the power alpha, up to a number of epochs.

Paper: arXiv:2407.06380, section on sampling. alpha 1 keeps the domains as large as they are, 0 makes them equal.
"""

from collections.abc import Mapping

from pydantic import Field

from synth_dagster.method import Mixer, Mixture, Proof
from synth_dagster.parts.mixing.allocation import allocate, limits_of


class Temperature(Mixer):
    """Shares in proportion to size ** alpha; what a domain may not give goes to the others in proportion."""

    paper = "arXiv:2407.06380"
    proof = Proof("equation by hand", "Sizes 10 40 200 1000 at alpha .5 give .0572 .1145 .2560 .5723.")

    alpha: float = Field(0.5, ge=0, le=2, description="Power of the size; .3 to .7 in the paper.")
    budget: int | None = Field(None, ge=1, description="Tokens of the mix; unless given, as many as there are.")
    max_epochs: float = Field(4.0, gt=0, le=100, description="How often a record may be seen at most.")

    def mix(self, sizes: Mapping[str, int], /) -> Mixture:
        budget = self.budget or sum(sizes.values())
        limits = limits_of(sizes, self.max_epochs, budget)
        tokens = allocate(budget, {name: size**self.alpha if size else 0.0 for name, size in sizes.items()}, limits)
        capped = sorted(name for name, given in tokens.items() if sizes[name] and given >= limits[name])
        how = f"size ** {self.alpha:g}, at most {self.max_epochs:g} epochs" + (
            f"; at the limit: {capped}" if capped else ""
        )
        return Mixture({name: given / budget for name, given in tokens.items()}, tokens, how)
