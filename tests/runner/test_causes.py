"""Why runs failed, in a few lines however many there are."""

from synth_dagster.runner.causes import grouped


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
