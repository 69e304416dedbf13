"""Drafts get better or stay as they were, and every judgment on the way is kept."""

import asyncio

import pytest

from synth_dagster.parts.asking.revising import Judgment, revised
from synth_dagster.services import Unusable


def run(scores, *, rounds=4, enough=9.0, may_fall=False, fails=()):
    """Draft number n scores scores[n]; what is in `fails` cannot be had: ("judge", n) or ("rewrite", n)."""
    asked = []

    async def judge(draft, number):
        asked.append(("judge", number))
        if ("judge", number) in fails:
            raise Unusable("refused", "")
        return Judgment(scores[draft], f"of {draft}")

    async def rewrite(draft, judgment, number):
        asked.append(("rewrite", number))
        assert judgment.critique == f"of {draft}"
        if ("rewrite", number) in fails:
            raise Unusable("cut", "")
        return number

    return asyncio.run(revised(0, judge, rewrite, rounds=rounds, enough=enough, may_fall=may_fall)), asked


def test_a_revision_that_scores_lower_is_not_taken():
    found, _ = run([3, 5, 2, 6, 4])
    assert (found.draft, found.judgment.score, found.scores) == (3, 6, [3, 5, 2, 6, 4])


def test_it_ends_when_a_score_is_enough():
    found, asked = run([3, 9, 1])
    assert found.draft == 1 and asked == [("judge", 0), ("rewrite", 1), ("judge", 1)]
    assert run([9])[1] == [("judge", 0)]


def test_where_scores_may_fall_the_last_draft_stands():
    found, _ = run([3, 5, 2, 6, 4], may_fall=True)
    assert found.draft == 4


@pytest.mark.parametrize(
    ("fails", "draft"), [([("rewrite", 1)], 2), ([("judge", 2)], 1), ([("rewrite", 1), ("judge", 2)], 0)]
)
def test_a_revision_that_cannot_be_had_or_judged_leaves_the_one_before(fails, draft):
    found, _ = run([3, 4, 5], rounds=2, fails=fails)
    assert found.draft == draft and found.problem is None


def test_a_draft_that_cannot_be_judged_has_a_problem():
    found, _ = run([3], fails=[("judge", 0)])
    assert found.judgment is None and found.problem.reason == "refused" and found.trace == ()
