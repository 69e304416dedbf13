"""Fixed ratio: each domain gives the share of tokens that the recipe says, such as real and synthetic text one to one.

The common practice. WRAP (arXiv:2401.16380) trains on real and rephrased text 1:1, BeyondWeb (arXiv:2508.10975) on
60:40. Without a budget the mix is as large as the scarcest domain allows.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from synth_dagster.errors import SynthError, no_such
from synth_dagster.method import Mixer, Mixture, Proof


class FixedRatio(Mixer):
    """Shares as they are said, and none of them stretched by repetition unless that is allowed."""

    paper = "arXiv:2401.16380"
    proof = Proof("equation by hand", "Sizes 100 and 300 at 1:1 give 100 and 100, at 3:2 give 100 and 66.7.")

    shares: Mapping[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Parts per domain, such as {real: 3, synthetic: 2}; a domain without gives nothing. "
        "If none are named, all domains give the same.",
    )
    budget: int | None = Field(None, ge=1, description="Tokens of the mix; unless given, as many as the shares allow.")
    max_epochs: float = Field(1.0, gt=0, le=100, description="How often a record may be seen at most.")

    def mix(self, sizes: Mapping[str, int], /) -> Mixture:
        weights = self._weights(sizes)
        most = min((self.max_epochs * sizes[name] / weight for name, weight in weights.items() if weight), default=0.0)
        budget = most if self.budget is None else float(self.budget)
        if not 0 < budget <= most * (1 + 1e-9):
            raise SynthError(
                f"A mix of {budget:,.0f} tokens in these shares cannot be made: {most:,.0f} are there. "
                "Lower the budget, raise max_epochs, or add data."
            )
        parts = ", ".join(f"{name} {weight:.3f}" for name, weight in sorted(weights.items()))
        tokens = {name: weight * budget for name, weight in weights.items()}
        return Mixture(weights, tokens, f"fixed shares: {parts}, at most {self.max_epochs:g} epochs")

    def _weights(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Each domain's share of the whole. Raises SynthError for a share of what is not there."""
        wanted = {name: float(part) for name, part in self.shares.items() if part}
        if not self.shares:
            wanted = {name: 1.0 for name, size in sizes.items() if size}
        for name in wanted:
            if not sizes.get(name):
                raise SynthError(no_such("domain with text", name, [known for known, size in sizes.items() if size]))
        total = sum(wanted.values())
        if not total:
            raise SynthError("A mix of nothing was asked for. Give at least one domain a share, or add data.")
        return {name: wanted.get(name, 0.0) / total for name in sizes}
