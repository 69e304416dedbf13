"""From what was rehearsed to what a run will take, with the error of the estimate; the sums are done by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from synth_dagster.runner.estimate import consequences, estimates, ratio_of, total
from synth_dagster.runner.forecast import Forecast, StageOfBatch, Unit
from synth_dagster.runner.forecast_states import State
from synth_dagster.teacher.rehearsal import Sum


def asked(calls: int, *, guessed: bool, kept: bool = False) -> Sum:
    """So many calls of 10 tokens in, 5 out and a cent each; kept ones are answers that are there already."""
    new = 0 if kept else calls
    cents = Decimal(calls) / 100
    return Sum(
        calls=new,
        certain=0 if guessed else new,
        answers=calls,
        tokens_in=10 * new,
        tokens_out=5 * new,
        usd=Decimal(0) if kept else cents,
        worth=cents,
        read=10 * calls,
        written=5 * calls,
        guessed=guessed,
    )


def part(units: list[Unit], *, items: int = 10, rehearsed: bool = True, batch: str = "a") -> StageOfBatch:
    whole = sum((unit.asked for unit in units), Sum())
    return StageOfBatch(
        batch=batch, stage="s", state="new", items=items, asked=whole, units=units, is_rehearsed=rehearsed
    )


def seed(number: int) -> bytes:
    return bytes([number])


def sampled(known: int) -> Forecast:
    """20 seeds of 2 calls each by the stand-in; of the known ones, each really took 3."""
    units = [Unit(seed(n), asked(3, guessed=False, kept=True)) for n in range(known)]
    units += [Unit(seed(n), asked(2, guessed=True)) for n in range(known, 20)]
    blind = [Unit(seed(n), asked(2, guessed=True)) for n in range(20)]
    return Forecast([part(units)], [], stands_in=True, blind=[part(blind)])


def test_a_ratio_and_its_error_are_those_of_the_formula():
    # sums 5 * 3 + 5 * 5 = 40 to 10 * 2 = 20: ratio 2. Each is off by 3 - 4 = -1 or 5 - 4 = 1, squares sum to 10.
    # error = sqrt(n * 10 / (n - 1)) / 20 = sqrt(10 * 10 / 9) / 20 = 0.166667
    ratio = ratio_of([(3, 2)] * 5 + [(5, 2)] * 5)
    assert ratio is not None and (ratio.value, ratio.error) == pytest.approx((2.0, 1 / 6))
    assert ratio_of([(3, 2)] * 9) is None


def test_what_is_unknown_is_corrected_by_what_is_known():
    # 8 seeds are left, of which the stand-in takes 16 calls; the known ones took 3 / 2 of it: 24 calls, always so
    (stage,) = estimates(sampled(known=12))
    assert (stage.basis, stage.calls, stage.cached) == ("sample", 24, 36)
    assert stage.usd is not None and stage.usd.value == pytest.approx(0.24) and stage.usd.error == pytest.approx(0)
    assert stage.amounts["tokens_in"].value == pytest.approx(240)


def test_too_few_known_seeds_leave_it_a_guess():
    (stage,) = estimates(sampled(known=9))
    assert (stage.basis, stage.calls) == ("stand-in", 22)  # 11 seeds of 2 calls, as the stand-in takes them


def test_where_nobody_stands_in_it_is_counted():
    (stage,) = estimates(Forecast([part([Unit(seed(1), asked(4, guessed=False))])], [], stands_in=False))
    assert (stage.basis, stage.calls, stage.certain) == ("exact", 4, 4) and stage.amounts["calls"].error == 0


def test_batches_that_were_not_rehearsed_count_by_their_items():
    # 2 batches of 10 items took 4 and 6 calls, 0.4 and 0.6 an item; 3 more of 10 items are to come: 10 * 50 / 20 = 25
    # rates 0.4 and 0.6: variance 0.02, error of the mean sqrt(0.02 / 2) = 0.1, a fifth of 0.5; of the 15 unseen, 3
    parts = [part([Unit(seed(n), asked(n, guessed=False))], batch=f"b{n}") for n in (4, 6)]
    parts += [part([], rehearsed=False, batch=f"c{n}") for n in range(3)]
    (stage,) = estimates(Forecast(parts, [], stands_in=False))
    calls = stage.amounts["calls"]
    assert stage.basis == "sample" and (calls.value, calls.error) == pytest.approx((25, 3))


def test_the_whole_is_as_sure_as_its_least_sure_stage():
    sure = Forecast([part([Unit(seed(1), asked(4, guessed=False))])], [], stands_in=False)
    both = total([*estimates(sure), *estimates(sampled(known=9))])
    assert (both.basis, both.calls, both.cached) == ("stand-in", 26, 27)


def test_one_unknown_price_makes_the_whole_unknown():
    unknown = asked(4, guessed=False)
    unknown.usd = None
    (stage,) = estimates(Forecast([part([Unit(seed(1), unknown)])], [], stands_in=False))
    assert stage.usd is None and total([stage]).usd is None and stage.calls == 4


def stale(batch: str, why: str, calls: int, *, stage: str = "s", rehearsed: bool = True, state: State = "stale"):
    done = asked(calls if rehearsed else 0, guessed=False)
    facts = {"batch": batch, "stage": stage, "state": state, "why": why, "records": 7, "items": 10}
    return StageOfBatch(**facts, asked=done, units=[Unit(seed(calls), done)], is_rehearsed=rehearsed)


def test_each_change_is_counted_with_what_it_makes_stale_and_what_that_takes():
    parts = [stale("a", "x changed", 3), stale("b", "x changed", 4), stale("c", "y changed", 5)]
    parts += [stale("d", "", 9, state="new"), stale("a", "s is made anew", 2, stage="below")]
    found = consequences(Forecast(parts, [], stands_in=False))
    told = [(one.stage, one.why, one.batches, one.records, one.work.calls) for one in found]
    assert told == [
        ("s", "x changed", 2, 14, 7),
        ("s", "y changed", 1, 7, 5),
        ("below", "s is made anew", 1, 7, 2),
    ]


def test_a_change_of_batches_that_were_not_rehearsed_is_guessed_by_their_items():
    # 20 items took 3 + 4 calls; 10 more were not rehearsed: the stage takes 10.5, and a third of it is theirs
    parts = [stale("a", "x changed", 3), stale("b", "x changed", 4), stale("c", "y changed", 0, rehearsed=False)]
    (seen, guessed) = consequences(Forecast(parts, [], stands_in=False))
    assert (seen.work.calls, seen.work.basis) == (7, "exact")
    assert guessed.work.amounts["calls"].value == pytest.approx(3.5) and guessed.work.basis == "stand-in"


def test_a_run_takes_at_least_what_the_stated_rates_allow_and_nobody_knows_how_much_more():
    kept = StageOfBatch(
        batch="a", stage="s", state="new", items=10, asked=asked(4, guessed=True), least_s=120.0, pace=0.5
    )
    (paced,) = estimates(Forecast([kept], [], stands_in=True))
    assert paced.seconds == 120  # 4 calls of half a second would be 2
    guess = part([Unit(seed(1), asked(4, guessed=True))])
    (unknown,) = estimates(Forecast([replace(guess, least_s=120.0)], [], stands_in=True))
    assert (unknown.seconds, unknown.least_seconds) == (None, 120)
    assert total([paced, unknown]).least_seconds == 240
