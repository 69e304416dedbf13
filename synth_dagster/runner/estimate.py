"""From a forecast to numbers for a stage and for the whole: counted where all is known, else a mean with its error.

Where another model than the embedded teacher would answer, the stand-in's numbers are multiplied by the ratio of two
means: of the inputs whose answers are all kept (asked once, in a sample or an earlier run) and of those that the
stand-in answered. A ratio of one step carries on to the steps and stages below it, which get so many more inputs. The
standard error of a ratio is that of the known mean, which is the smaller sample; errors of stages add up, as if they
were all in one direction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance
from typing import Literal, TypeAlias

from synth_dagster.runner.forecast import Forecast, StageOfBatch, State, Unit

Basis: TypeAlias = Literal["exact", "sample", "stand-in"]
LEAST_KNOWN = 10  # inputs, so that their mean says something
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
    inflow = ONE
    found: list[Estimate] = []
    for stage in stages:
        parts = [part for part in forecast.parts if part.stage == stage]
        made, inflow = _estimate(stage, parts, inflow)
        found.append(made)
    return found


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
        basis="stand-in" if "stand-in" in bases else "sample" if "sample" in bases else "exact",
    )


def _estimate(stage: str, parts: Sequence[StageOfBatch], inflow: Amount) -> tuple[Estimate, Amount]:
    """The stage's estimate, and how many times more records it hands on than the stand-in would."""
    there = [part for part in parts if part.is_rehearsed and part.state != "current"]
    whole = _share(parts)
    units = [unit for part in there for unit in part.units]
    known = {name: _known(name, there, units) for name in NEW}
    amounts = {name: Amount(known[name]) for name in NEW}
    is_sampled, records, before = True, Amount(), inflow
    for step in dict.fromkeys(unit.step for unit in units):
        sure = [unit for unit in units if unit.step == step and not unit.asked.guessed]
        guesses = [unit for unit in units if unit.step == step and unit.asked.guessed]
        if not guesses:
            records += Amount(sum(unit.records for unit in sure))
            continue
        is_sampled = is_sampled and len(sure) >= LEAST_KNOWN
        for name in NEW:
            guessed = Amount(sum(map(NEW[name], guesses)))
            amounts[name] += guessed.times(before).times(_ratio(RATIOS[name], sure, guesses))
        gives = _ratio(lambda unit: unit.records, sure, guesses)
        before = before.times(gives)
        records += Amount(sum(unit.records for unit in guesses)).times(before)
        records += Amount(sum(unit.records for unit in sure))
    raw = sum(unit.records for unit in units)
    is_guess = any(part.asked.guessed for part in there)
    basis: Basis = "exact" if whole is ONE else "sample"
    if is_guess:
        basis = "sample" if is_sampled else "stand-in"
    made = Estimate(
        stage=stage,
        batches=_added({part.state: 1} for part in parts),
        inputs=sum(part.inputs for part in there) * whole.value,
        certain=sum(part.asked.certain for part in there),
        cached=round(sum(part.asked.answers - part.asked.calls for part in there) * whole.value),
        amounts={name: amount.times(whole) for name, amount in amounts.items()},
        knows_price=all(part.asked.usd is not None for part in there),
        seconds=_seconds(there, amounts["calls"].times(whole).value, whole.value, is_guess=is_guess),
        basis=basis,
    )
    return made, Amount(records.value / raw, records.error / raw) if raw else inflow


def _known(name: str, parts: Sequence[StageOfBatch], units: Sequence[Unit]) -> float:
    """What is new in a stage and no guess of a unit."""
    guessed = sum(NEW[name](unit) for unit in units if unit.asked.guessed)
    return sum(NEW[name](Unit("", part.asked, 0)) for part in parts) - guessed


def _ratio(number: Callable[[Unit], float], known: Sequence[Unit], guessed: Sequence[Unit]) -> Amount:
    """How many times the stand-in's mean the real mean is, with its error; 1 where too little is known."""
    if len(known) < LEAST_KNOWN:
        return ONE
    real, stood_in = fmean(map(number, known)), fmean(map(number, guessed))
    if not stood_in:
        return ONE
    error = (variance(map(number, known)) / len(known)) ** 0.5
    return Amount(real / stood_in, error / stood_in)


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
        return took + calls * fmean(paces)
    return None if is_guess else took


def _added(counts: Iterable[Mapping[State, int]]) -> dict[State, int]:
    found: dict[State, int] = {}
    for count in counts:
        for state, number in count.items():
            found[state] = found.get(state, 0) + number
    return found
