"""What is missing from a set of cells: hand values, and a classifier's errors undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.pages.long_tail import (
    Confusion,
    Gap,
    backlog,
    chao1,
    effective_number,
    missing_mass,
    tail_recall,
)


def test_two_of_five_records_are_of_cells_seen_once():
    # a three times, b and c once: Good-Turing gives 2/5
    assert missing_mass([3, 1, 1]) == pytest.approx(2 / 5)
    assert missing_mass([]) is None and missing_mass([0]) is None


def test_cells_that_were_not_seen_are_guessed_from_those_seen_once_and_twice():
    # 4 seen, two of them once, one twice: 4 + 2^2 / 2 = 6; without a pair 3 + 3 * 2 / 2 = 6
    assert chao1([5, 2, 1, 1]) == 6
    assert chao1([1, 1, 1]) == 6
    assert chao1([]) == 0


def test_the_effective_number_of_equal_cells_is_their_number():
    assert effective_number([7, 7, 7, 7]) == pytest.approx(4)
    assert effective_number([9]) == pytest.approx(1)
    assert effective_number([]) is None


def test_the_tail_is_the_rarest_tenth_and_at_least_one_cell():
    reference = {f"c{number:02}": number + 1 for number in range(20)}
    # of 20 cells the tail is c00 and c01; one of them occurs
    assert tail_recall({"c01": 3, "c19": 9}, reference, 0.1, 1) == 0.5
    assert tail_recall({"c01": 3}, reference, 0.1, 4) == 0
    assert tail_recall({"a": 1}, {"a": 1.0}, 0.1, 1) == 1


def test_the_backlog_lists_what_lacks_most_first_and_cells_that_were_never_seen():
    assert backlog({"a": 10, "b": 4, "c": 9}, 10, ["d", "a"]) == [Gap("d", 0, 10), Gap("b", 4, 6), Gap("c", 9, 1)]


def test_a_rare_language_is_counted_right_though_another_is_often_taken_for_it():
    rng = np.random.default_rng(3)
    # 250 of 50,000 texts are rare; half a percent of the common ones are called so too: 250 more
    truth = np.array(["common"] * 49_750 + ["rare"] * 250)
    known = np.array(["common"] * 20_000 + ["rare"] * 20_000)
    confusion = Confusion.of(known.tolist(), called(known, rng).tolist())
    counts = dict(zip(*np.unique(called(truth, rng), return_counts=True), strict=True))
    assert counts["rare"] > 400
    # the count of those called so is known to sqrt(490) = 22, the error of .5 % to .05 points: .07 points together
    assert confusion.corrected(counts)["rare"] / 50_000 == pytest.approx(0.005, abs=0.001)
    # of what is called rare, .005 * .95 / (.005 * .95 + .995 * .005) = 49 % is
    exact = Confusion(("common", "rare"), np.array([[0.995, 0.005, 0], [0.05, 0.95, 0]]))
    assert exact.precisions({"common": 49_750, "rare": 250})["rare"] == pytest.approx(0.488, abs=0.001)


def test_of_what_is_called_a_very_rare_language_nine_tenths_are_wrong():
    # one text in 10,000 is rare; 95 % of these are called so, and one in 1,000 of all others:
    # 1e-4 * .95 / (1e-4 * .95 + .9999 * 1e-3) = .0868
    rare = Confusion(("common", "rare"), np.array([[0.999, 0.001, 0], [0.05, 0.95, 0]]))
    assert rare.precisions({"common": 9_999, "rare": 1})["rare"] == pytest.approx(0.0868, abs=5e-5)


def called(truth, rng):
    """What a classifier says that is wrong on half a percent of the common and on 5 % of the rare."""
    wrong = rng.random(len(truth)) < np.where(truth == "common", 0.005, 0.05)
    return np.where(wrong, np.where(truth == "common", "rare", "common"), truth)


def test_labels_that_cannot_be_told_apart_are_shared_out_and_nothing_is_below_zero():
    same = Confusion(("a", "b"), np.array([[0.5, 0.5, 0], [0.5, 0.5, 0]]))
    assert same.corrected({"a": 60, "b": 40}) == pytest.approx({"a": 50, "b": 50})


@given(st.lists(st.integers(0, 1_000), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_corrected_counts_add_up_and_are_none_below_zero(counts, seed):
    rows = np.random.default_rng(seed).dirichlet(np.ones(4), 3)
    found = Confusion(("a", "b", "c"), rows).corrected(dict(zip("abc", counts, strict=True)))
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(sum(counts))


def test_a_classifier_without_errors_changes_nothing():
    sure = Confusion.of(["a", "b"], ["a", "b"])
    assert sure.corrected({"a": 3, "b": 1}) == pytest.approx({"a": 3, "b": 1})
    assert sure.precisions({"a": 3, "b": 1}) == {"a": 1, "b": 1}
