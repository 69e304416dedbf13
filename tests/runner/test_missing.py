"""What is missing when a cap is met is told from what was done so far."""

import pytest

from synth_dagster.runner.missing import Sums, missing
from synth_dagster.teacher.usage import RoleUsage


@pytest.mark.parametrize(
    ("done", "total", "answers", "so_far", "said"),
    [
        # 3 answers for each of 10 inputs, 12 of 30 are there: 18 calls are left, of 100 tokens and a cent each
        pytest.param(
            4, 10, 12, Sums(12, 12, 1_200, 0.12), "about 18 more calls, 1,800 tokens and $0.1800.", id="fresh"
        ),
        # 2 answers of 4 inputs that are not done are kept as well; half of the 14 were paid before
        pytest.param(4, 10, 12, Sums(7, 14, 700, 0.07), "about 16 more calls, 1,600 tokens and $0.1600.", id="resumed"),
        pytest.param(
            1, 2, 1, Sums(1, 1, 15, None), "about 1 more calls, 15 tokens and money at an unknown", id="unknown"
        ),
        pytest.param(0, 2, 0, Sums(3, 3, 45, 0.1), "what the rest costs cannot be told", id="nothing was finished"),
        pytest.param(2, 4, 2, Sums(0, 2, 0, 0.0), "what the rest costs cannot be told", id="nothing was paid"),
    ],
)
def test_the_rest_costs_what_the_inputs_so_far_did(done, total, answers, so_far, said):
    told = missing("pairs/ultrafeedback", done, total, answers=answers, so_far=so_far)
    assert told.startswith(f"{done} of {total} inputs of pairs/ultrafeedback are done; ") and said in told


def test_a_role_that_was_never_paid_makes_no_price_unknown():
    used = {"writer": RoleUsage(2, 1, 0, 20, 10), "judge": RoleUsage(0, 3, money=None)}
    assert Sums.of(used) == Sums(2, 6, 30, 0.0)
