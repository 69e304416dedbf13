"""UniMax: every domain gives the same number of tokens, unless it would be seen more than a number of epochs.

Paper: arXiv:2407.06380, which compares it with other rules. The smallest domain is served first, and what it cannot
give is shared by the larger ones. Equal shares say nothing of quality.
"""

from collections.abc import Mapping

from pydantic import Field

from synth_dagster.method import Mixer, Mixture, Proof
from synth_dagster.parts.mixing.allocation import allocate, limits_of


class Unimax(Mixer):
    """Equal shares with a cap on repetition."""

    paper = "arXiv:2407.06380"
    proof = Proof("equation by hand", "Sizes 10 40 200 1000, budget 400, 2 epochs give 20 80 150 150.")

    budget: int | None = Field(None, ge=1, description="Tokens of the mix; unless given, as many as there are.")
    max_epochs: float = Field(4.0, gt=0, le=100, description="How often a record may be seen at most.")

    def mix(self, sizes: Mapping[str, int], /) -> Mixture:
        budget = self.budget or sum(sizes.values())
        limits = limits_of(sizes, self.max_epochs, budget)
        tokens = allocate(budget, {name: float(size > 0) for name, size in sizes.items()}, limits)
        capped = sorted(name for name, given in tokens.items() if sizes[name] and given >= limits[name])
        how = f"equal shares, at most {self.max_epochs:g} epochs" + (f"; at the limit: {capped}" if capped else "")
        return Mixture({name: given / budget for name, given in tokens.items()}, tokens, how)
