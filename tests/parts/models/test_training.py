"""What a student is shown, what it learns from it, and that the same course gives the same student."""

import numpy as np
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import (
    Batch,
    Course,
    LowRank,
    blocks_of,
    packed_batches,
    right_or_wrong,
    rows_of,
    train,
    verdicts,
    with_verdict,
)

SHAPE = Shape(symbols=9, context=16, width=16, layers=2, heads=2)


def copying(rng: np.random.Generator) -> Batch:
    """Rows of five drawn symbols that are said twice: the second half can be looked up, the first cannot."""
    said = rng.integers(1, SHAPE.symbols, (32, 5))
    return rows_of([(one, one) for one in said.tolist()])


def test_texts_are_packed_with_an_end_before_each():
    # 0 1 2 3 0 4 5: six symbols to foretell, in blocks of 4; the last is filled from the front
    assert blocks_of([[1, 2, 3], [4, 5]], 4).tolist() == [[0, 1, 2, 3, 0], [0, 4, 5, 0, 1]]
    assert blocks_of([[1]], 4).tolist() == [[0, 1, 0, 1, 0]]
    with pytest.raises(MethodError, match="no text"):
        blocks_of([], 4)


def test_each_block_is_seen_once_before_any_comes_again_and_replay_has_its_share():
    blocks, replay = np.arange(1, 13)[:, None].repeat(3, axis=1), np.zeros((2, 3), int)
    draw, rng = packed_batches(blocks, 5), np.random.default_rng(0)
    seen = np.concatenate([draw(rng).symbols[:, 0] for _ in range(12)])  # 60 blocks: 12 of them five times
    assert sorted(seen[:12]) == list(range(1, 13))
    assert np.bincount(seen)[1:].tolist() == [5] * 12
    mixed = packed_batches(blocks, 10, replay=replay, share=0.1)
    again = np.concatenate([mixed(rng).symbols[:, 0] == 0 for _ in range(1000)]).mean()
    assert abs(again - 0.1) <= 0.01  # as the card of entigraph has it for 10,000 draws; sigma is 0.003


def test_only_answers_count_and_the_end_after_them():
    batch = rows_of([([1, 2], [3]), ([4], [5, 6])])
    assert batch.symbols.tolist() == [[0, 1, 2, 3, 0], [0, 4, 5, 6, 0]]
    assert batch.weights.tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]


def test_a_student_learns_to_say_again_what_it_has_just_read():
    student = Student.new(SHAPE, seed=0)
    losses = train(student, copying, Course(steps=400, rate=1e-2))
    assert losses[0] == pytest.approx(np.log(SHAPE.symbols), rel=0.05)  # nothing is known
    said = np.random.default_rng(9).integers(1, SHAPE.symbols, (50, 5)).tolist()
    right = [answer == asked for answer, asked in zip(student.generated(said, 6), said, strict=True)]
    assert np.mean(right) >= 0.9


def test_the_same_course_gives_the_same_student_and_another_seed_another():
    def made(seed: int) -> bytes:
        student = Student.new(SHAPE, seed=seed)
        train(student, copying, Course(steps=5, seed=seed))
        return student.packed()

    assert made(0) == made(0)
    assert made(0) != made(1)


def test_low_rank_tuning_learns_and_leaves_all_other_weights():
    student = Student.new(SHAPE, seed=0)
    before = student.copy()
    low = LowRank(student, 4)
    losses = train(student, copying, Course(steps=60, rate=1e-2), low_rank=low)
    assert np.mean(losses[-10:]) < losses[0]
    for name, array in student.weights.items():
        moved = array - before.weights[name]
        assert np.linalg.matrix_rank(moved, tol=1e-4) <= 4 if "asked" in name or "told" in name else not moved.any()
    assert sum(array.size for array in low.weights.values()) < student.size / 2


def test_a_head_learns_which_rows_are_right():
    def mixed(rng: np.random.Generator) -> Batch:
        said = rng.integers(1, SHAPE.symbols, (32, 4))
        right = rng.integers(0, 2, 32)
        rows = [[*row[:3], 8 if good else 7] for row, good in zip(said.tolist(), right, strict=True)]
        return rows_of([([1, 2], row) for row in rows], right.tolist())

    judge = with_verdict(Student.new(SHAPE, seed=0))
    train(judge, mixed, Course(steps=200, rate=1e-2), objective=right_or_wrong)
    good, bad = verdicts(judge, [[1, 2, 3, 4, 5, 8], [1, 2, 3, 4, 5, 7]])
    assert good > 0.9 > 0.1 > bad


def test_what_cannot_be_learnt_is_refused():
    student = Student.new(SHAPE)
    with pytest.raises(MethodError, match="nothing to learn"):
        train(student, lambda _: Batch(np.ones((1, 3), int), np.zeros((1, 2))), Course(1))
    with pytest.raises(MethodError, match="no labels"):
        right_or_wrong(with_verdict(student), rows_of([([1], [2])]))
    student.weights["norm"][:] = np.inf
    with pytest.raises(MethodError, match="Lower the rate"), np.errstate(all="ignore"):
        train(student, copying, Course(1))
