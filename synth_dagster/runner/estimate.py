"""From a forecast to numbers for a stage and for the whole: counted where all is known, else corrected, with an error.

Where another model than the embedded teacher would answer, the stand-in's numbers are multiplied by a ratio. It is
taken over seeds whose answers are all kept (asked once, in a sample or an earlier run): what they really took in a
stage, to what they take where the stand-in answers them too. A seed that gives much with one gives much with the
other, so the ratio is surer than a mean, and seeds that are unlike the others mislead it less. Its error is that of a
ratio estimator (Cochran, Sampling Techniques, 3rd ed., 6.4). Errors of stages add up, as if all were in one direction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance
from typing import Literal, TypeAlias

from synth_dagster.runner.forecast import Forecast, StageOfBatch, Unit
from synth_dagster.runner.forecast_states import State

Basis: TypeAlias = Literal["exact", "sample", "stand-in"]
LEAST_KNOWN = 10  # seeds, so that their ratio says something
WIDE = 1.96  # standard errors to either side: 95 % of a normal distribution

# What is estimated of a unit's new calls, by which number over all its answers the ratio is taken.
RATIOS: Mapping[str, Callable[[Unit], float]] = {
    "calls": lambda unit: unit.asked.answers,
    "tokens_in": lambda unit: unit.asked.read,
    "tokens_out": lambda unit: unit.asked.written,
    "usd": lambda unit: float(unit.asked.worth or 0),
}
NEW: Mapping[str, Callable[[Unit], float]] = {
    "calls": lambda unit: unit.asked.calls,
    "tokens_in": lambda unit: unit.asked.tokens_in,
    "tokens_out": lambda unit: unit.asked.tokens_out,
    "usd": lambda unit: float(unit.asked.usd or 0),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and its standard error."""

    value: float = 0.0
    error: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.value + other.value, self.error + other.error)

    def times(self, ratio: "Amount") -> "Amount":
        """The product; small relative errors add up in squares."""
        value = self.value * ratio.value
        parts = [one.error / one.value if one.value else 0.0 for one in (self, ratio)]
        return Amount(value, abs(value) * (parts[0] ** 2 + parts[1] ** 2) ** 0.5)

    @property
    def interval(self) -> tuple[float, float]:
        return max(0.0, self.value - WIDE * self.error), self.value + WIDE * self.error


ONE = Amount(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would do in one stage, or in all. `seconds` is None where nobody knows how long a call takes."""

    stage: str
    batches: Mapping[State, int] = field(default_factory=dict)
    inputs: float = 0
    certain: int = 0  # calls that no guess lies before
    cached: int = 0  # answers that are there already
    amounts: Mapping[str, Amount] = field(default_factory=dict)  # calls, tokens_in, tokens_out, usd
    knows_price: bool = True
    seconds: float | None = 0.0
    least_seconds: float = 0.0  # at the rates that the recipe states
    basis: Basis = "exact"

    @property
    def calls(self) -> int:
        return round(self.amounts["calls"].value)

    @property
    def usd(self) -> Amount | None:
        return self.amounts["usd"] if self.knows_price else None


def estimates(forecast: Forecast) -> list[Estimate]:
    """One for each stage, in their order."""
    stages = list(dict.fromkeys(part.stage for part in forecast.parts))
    known = _known_seeds(forecast)
    return [
        _estimate(
            stage, _of(forecast.parts, stage), _ratios(_of(forecast.parts, stage), _of(forecast.blind, stage), known)
        )
        for stage in stages
    ]


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one change makes stale in one stage: so many records of so many batches, made again by so much work."""

    stage: str
    why: str
    batches: int
    records: int
    work: Estimate


def consequences(forecast: Forecast) -> list[Consequence]:
    """One for each stage and reason to make what is there anew, in the order of the stages."""
    known = _known_seeds(forecast)
    stale = [part for part in forecast.parts if part.state == "stale"]
    return [
        _consequence(stage, why, _of(forecast.parts, stage), _of(forecast.blind, stage), known)
        for stage, why in sorted({(part.stage, part.why): None for part in stale}, key=_stages_of(forecast))
    ]


def _stages_of(forecast: Forecast) -> Callable[[tuple[str, str]], tuple[int, str]]:
    order = list(dict.fromkeys(part.stage for part in forecast.parts))
    return lambda found: (order.index(found[0]), found[1])


def _consequence(
    stage: str, why: str, parts: Sequence[StageOfBatch], blind: Sequence[StageOfBatch], known: set[bytes]
) -> Consequence:
    of_it = [part for part in parts if part.why == why and part.state == "stale"]
    ratios = _ratios(parts, blind, known)
    if any(part.is_rehearsed for part in of_it):
        work = _estimate(stage, of_it, ratios)
    else:  # of a very large delivery none of these was rehearsed: as the others, by the items
        others = [part for part in parts if part.state != "current"]
        share = sum(part.items for part in of_it) / max(1, sum(part.items for part in others))
        work = _scaled(_estimate(stage, others, ratios), share)
    return Consequence(stage, why, len(of_it), sum(part.records for part in of_it), work)


def _scaled(whole: Estimate, share: float) -> Estimate:
    amounts = {name: one.times(Amount(share)) for name, one in whole.amounts.items()}
    return replace(whole, amounts=amounts, basis="stand-in", seconds=None, least_seconds=whole.least_seconds * share)


def _of(parts: Sequence[StageOfBatch], stage: str) -> list[StageOfBatch]:
    return [part for part in parts if part.stage == stage]


def total(found: Sequence[Estimate]) -> Estimate:
    """The whole run. It is as sure as its least sure stage."""
    seconds = [one.seconds for one in found]
    bases = {one.basis for one in found}
    return Estimate(
        stage="total",
        batches=_added(one.batches for one in found),
        certain=sum(one.certain for one in found),
        cached=sum(one.cached for one in found),
        amounts={name: sum((one.amounts[name] for one in found), Amount()) for name in RATIOS},
        knows_price=all(one.knows_price for one in found),
        seconds=None if None in seconds else sum(one for one in seconds if one is not None),
        least_seconds=sum(one.least_seconds for one in found),
        basis="stand-in" if "stand-in" in bases else "sample" if "sample" in bases else "exact",
    )


def _estimate(stage: str, parts: Sequence[StageOfBatch], ratios: Mapping[str, Amount] | None) -> Estimate:
    there = [part for part in parts if part.is_rehearsed and part.state != "current"]
    whole = _share(parts)
    guesses = [unit for part in there for unit in part.units if unit.asked.guessed]
    amounts: dict[str, Amount] = {}
    for name, number in NEW.items():
        guessed = sum(map(number, guesses))
        counted = sum(number(Unit(b"", part.asked)) for part in there) - guessed
        ratio = ratios[name] if ratios else ONE
        amounts[name] = (Amount(counted) + Amount(guessed).times(ratio)).times(whole)
    basis: Basis = "exact" if whole is ONE else "sample"
    if any(part.asked.guessed for part in there):
        basis = "sample" if ratios else "stand-in"
    return Estimate(
        stage=stage,
        batches=_added({part.state: 1} for part in parts),
        inputs=sum(part.inputs for part in there) * whole.value,
        certain=sum(part.asked.certain for part in there),
        cached=round(sum(part.asked.cached for part in there) * whole.value),
        amounts=amounts,
        knows_price=all(part.asked.usd is not None for part in there),
        seconds=_seconds(there, amounts["calls"].value, whole.value, is_guess=bool(guesses)),
        least_seconds=_least_seconds(there, amounts["calls"].value),
        basis=basis,
    )


def _known_seeds(forecast: Forecast) -> set[bytes]:
    """The seeds for which nobody had to stand in, in any stage."""
    units = [unit for part in forecast.parts for unit in part.units]
    return {unit.seed for unit in units} - {unit.seed for unit in units if unit.asked.guessed}


def _ratios(
    parts: Sequence[StageOfBatch], blind: Sequence[StageOfBatch], known: set[bytes]
) -> Mapping[str, Amount] | None:
    """How many times the stand-in's number the real number of a stage is; nothing where too little is known."""
    ratios = {name: ratio_of(_pairs(parts, blind, known, number)) for name, number in RATIOS.items()}
    return {name: one for name, one in ratios.items() if one} if all(ratios.values()) else None


def _pairs(
    parts: Sequence[StageOfBatch], blind: Sequence[StageOfBatch], known: set[bytes], number: Callable[[Unit], float]
) -> list[tuple[float, float]]:
    """For each known seed that either asked for: the real number and the stand-in's."""
    real, stood_in = (_by_seed(one, known, number) for one in (parts, blind))
    return [(real.get(seed, 0.0), stood_in.get(seed, 0.0)) for seed in sorted(real.keys() | stood_in.keys())]


def _by_seed(parts: Sequence[StageOfBatch], known: set[bytes], number: Callable[[Unit], float]) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for unit in (unit for part in parts for unit in part.units):
        if unit.seed in known:
            found[unit.seed] = found.get(unit.seed, 0.0) + number(unit)
    return found


def ratio_of(pairs: Sequence[tuple[float, float]]) -> Amount | None:
    """The ratio of the sums of real and stand-in numbers, with its standard error; None for fewer than ten pairs."""
    if len(pairs) < LEAST_KNOWN:
        return None
    real, stood_in = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    if not stood_in:
        return ONE if not real else None
    ratio = real / stood_in
    left = sum((one - ratio * other) ** 2 for one, other in pairs)
    return Amount(ratio, (len(pairs) * left / (len(pairs) - 1)) ** 0.5 / stood_in)


def _share(parts: Sequence[StageOfBatch]) -> Amount:
    """How many times what was rehearsed there is to do, with the error that batches differ by."""
    there = [part for part in parts if part.is_rehearsed and part.state != "current"]
    items, all_items = sum(part.items for part in there), sum(part.items for part in parts if part.state != "current")
    if not items or items == all_items:
        return ONE
    rates = [part.asked.calls / part.items for part in there if part.items]
    mean = fmean(rates)
    spread = (variance(rates) / len(rates)) ** 0.5 / mean if len(rates) > 1 and mean else 0.0
    ratio = all_items / items
    return Amount(ratio, (ratio - 1) * spread)


def _seconds(parts: Sequence[StageOfBatch], calls: float, whole: float, *, is_guess: bool) -> float | None:
    """As earlier versions of the stage took for a call; without them, what the embedded teacher took just now."""
    took = sum(part.seconds for part in parts) * whole
    paces = [part.pace for part in parts if part.pace is not None]
    if paces:
        return max(took + calls * fmean(paces), _least_seconds(parts, calls))
    return None if is_guess else took


def _least_seconds(parts: Sequence[StageOfBatch], calls: float) -> float:
    """What the stated rates allow for so many calls, as for those that were rehearsed."""
    rehearsed = sum(part.asked.calls for part in parts)
    return sum(part.least_s for part in parts) * calls / rehearsed if rehearsed else 0.0


def _added(counts: Iterable[Mapping[State, int]]) -> dict[State, int]:
    found: dict[State, int] = {}
    for count in counts:
        for state, number in count.items():
            found[state] = found.get(state, 0) + number
    return found
