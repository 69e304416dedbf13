"""Why runs failed, in a few lines however many there are."""

import dagster as dg

from synth_dagster.runner.causes import causes_of, grouped


def test_what_many_batches_fail_of_is_said_once_with_a_count():
    down = "seed_corpus: the endpoint answered nothing for {} s"
    causes = [f"batch notes:{number}: {down.format(number)}" for number in range(1_000)]
    (line,) = grouped(causes)
    assert line.startswith("batch notes:0: seed_corpus: the endpoint answered nothing for 0 s (the same in 999 more:")
    assert line.endswith("notes:1, notes:2, notes:3, ...)")


def test_other_causes_and_words_of_advice_stand_alone():
    causes = ["batch a:1: key refused", "batch a:2: disk full", "Repair them", "batch a:3: disk full"]
    assert grouped(causes) == [
        "batch a:1: key refused",
        "batch a:2: disk full (the same in 1 more: a:3)",
        "Repair them",
    ]


def test_missing_batches_of_a_release_are_counted_as_well():
    causes = [f"no release: batch a:{n}: 'pairs' is not accepted" for n in range(3)]
    assert grouped(causes) == ["no release: batch a:0: 'pairs' is not accepted (the same in 2 more: a:1, a:2)"]


def test_a_check_that_does_not_hold_hides_no_other_steps_failure():
    @dg.asset(check_specs=[dg.AssetCheckSpec("not_empty", asset="pairs", blocking=True)])
    def pairs():
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, metadata={"records": 0})])

    @dg.asset
    def signals():
        raise dg.Failure("budget: the cap of 5 USD is reached")

    result = dg.materialize([pairs, signals], raise_on_error=False)
    assert causes_of(result.all_events) == [
        "check pairs/not_empty failed: records 0",
        "budget: the cap of 5 USD is reached",
    ]
