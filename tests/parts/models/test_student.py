"""The gradient by hand is the gradient; what it says of texts adds up; what it writes can be had again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, next_symbol, right_or_wrong, with_verdict

SMALL = Shape(symbols=7, context=8, width=8, layers=2, heads=2)


def double(seed: int = 0, shape: Shape = SMALL) -> Student:
    """In float64, and with weights large enough that every part matters."""
    student = Student.new(shape, seed=seed, dtype=np.float64)
    rng = np.random.default_rng(seed)
    for array in student.weights.values():
        array[...] += rng.standard_normal(array.shape) * (0.3 if array.ndim == 2 else 0.1)
        assert array.dtype == np.float64
    return student


def drawn(seed: int, rows: int = 3, length: int = 6) -> Batch:
    rng = np.random.default_rng(seed)
    weights = np.maximum(rng.random((rows, length)) - 0.3, 0)  # some places do not count
    return Batch(rng.integers(0, SMALL.symbols, (rows, length + 1)), weights, rng.integers(0, 2, rows).astype(float))


@pytest.mark.parametrize("objective", [next_symbol, right_or_wrong])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_of_every_weight_is_what_small_steps_say(objective, seed):
    student, batch = with_verdict(double(seed)), drawn(seed)
    rng = np.random.default_rng(seed)
    student.weights["verdict"] += rng.standard_normal(SMALL.width)
    _, gradient = objective(student, batch)
    step = 1e-6  # central differences in float64 err by about step² + 1e-16 / step = 1e-10
    for name, slopes in gradient.items():
        weight = student.weights[name]
        for place in rng.choice(weight.size, size=min(weight.size, 12), replace=False):
            before = weight.flat[place]
            weight.flat[place] = before + step
            above = objective(student, batch)[0]
            weight.flat[place] = before - step
            below = objective(student, batch)[0]
            weight.flat[place] = before
            assert slopes.flat[place] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8), name
    assert gradient.keys() >= student.weights.keys() - {"verdict", "verdict.bias", "written"}


def test_a_symbol_does_not_see_those_after_it():
    student = double()
    text = np.array([[1, 2, 3, 4, 5, 6]])
    other = np.array([[1, 2, 3, 6, 1, 1]])
    seen, changed = (student.hidden(one)[0] for one in (text, other))
    assert np.allclose(seen[:3], changed[:3])
    assert not np.allclose(seen[3:], changed[3:])


def test_probabilities_of_all_texts_of_two_symbols_add_up_to_one():
    student = double()
    texts = [[a, b] for a in range(SMALL.symbols) for b in range(SMALL.symbols)]
    assert np.exp([logs.sum() for logs in student.log_probabilities(texts)]).sum() == pytest.approx(1)


@given(lengths=st.lists(st.integers(0, 40), max_size=6), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_texts_read_together_say_what_each_says_alone(lengths, seed):
    student, rng = double(), np.random.default_rng(seed)
    texts = [rng.integers(1, SMALL.symbols, length).tolist() for length in lengths]
    together = student.log_probabilities(texts)
    for text, logs in zip(texts, together, strict=True):
        assert logs == pytest.approx(student.log_probabilities([text])[0])
        all_symbols = student.distributions(text)
        assert logs == pytest.approx(all_symbols[np.arange(len(text)), text], abs=1e-5)  # kept as float32


def test_each_place_of_a_long_text_has_half_a_context_before_it():
    student = double()
    text = np.random.default_rng(1).integers(1, SMALL.symbols, 21).tolist()
    logs = student.log_probabilities([text])[0]
    # windows of 8 symbols: 0 to 8, then 4 to 12, of which 8 to 12 are asked
    assert logs[:8] == pytest.approx(student.log_probabilities([text[:8]])[0])
    read = np.array([text[3:11]])
    scores = student.hidden(read)[0] @ student.weights["written"].T
    told = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert logs[8:12] == pytest.approx(told[np.arange(4, 8), text[8:12]])


def test_what_it_writes_is_the_likeliest_symbol_each_time():
    student = double(3)
    prompts = [[1, 2], [3], [4, 5], []]
    for prompt, answer in zip(prompts, student.generated(prompts, 5), strict=True):
        text = list(prompt)
        for symbol in answer:
            assert student.distributions([*text, 1])[len(text)].argmax() == symbol
            text.append(symbol)
        assert len(answer) == 5 or student.distributions([*text, 1])[len(text)].argmax() == 0


def test_what_it_draws_has_the_chances_that_it_says():
    student = double(2)
    draws = [answer[0] if answer else 0 for answer in student.generated([[1, 2]] * 4000, 1, temperature=0.7)]
    logs = student.distributions([1, 2, 1])[2] / 0.7
    chances = np.exp(logs) / np.exp(logs).sum()
    counts = np.bincount(draws, minlength=SMALL.symbols)
    assert np.all(np.abs(counts - 4000 * chances) <= 4 * np.sqrt(4000 * chances * (1 - chances)) + 1)


def test_a_draw_comes_again_from_the_same_seed():
    student = double()
    first, again, other = (student.generated([[1], [2, 3]], 6, temperature=1, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_student_is_kept_and_read_again():
    student = Student.new(SMALL, seed=4)
    again, about = Student.unpacked(student.packed(words="[]"))
    assert again.shape == SMALL
    assert about == {"words": "[]"}
    assert all(np.array_equal(student.weights[name], again.weights[name]) for name in student.weights)
    assert again.packed(words="[]") == student.packed(words="[]")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(Student.new(SMALL).packed()[:-4], id="cut"),
        pytest.param(Student(Shape(9, 8, 8, 2, 2), Student.new(SMALL).weights).packed(), id="another shape"),
    ],
)
def test_bytes_that_are_no_student_are_refused(data):
    with pytest.raises(MethodError, match="Train it again"):
        Student.unpacked(data)


def test_shapes_and_texts_that_do_not_fit_are_refused():
    with pytest.raises(MethodError, match="twice the heads"):
        Shape(symbols=5, width=12, heads=4)
    with pytest.raises(MethodError, match="context 8"):
        double().hidden(np.ones((1, 9), int))
