"""The matrix of topics and the draws by it are those that the paper's numbers give."""

from collections import Counter
from math import log10, sqrt
from random import Random

import numpy as np
import pytest

from synth_dagster.parts.cards.topic_matrix import Topic, TopicMatrix, merged


def topic(name, count):
    return Topic(name, tuple(f"{name} {number}" for number in range(count)))


# counts AA 1, AB 2, AC 1, BB 1, BC 0, CC 0
MATRIX = TopicMatrix.of(
    [[topic("A", 6), topic("B", 2)], [topic("A", 3), topic("C", 1)], [topic("A", 2), topic("B", 7)]]
)


def test_pairs_are_counted_and_topics_of_many_points_go_with_themselves():
    one, two = log10(2), log10(3)  # 0.3010, 0.4771
    assert MATRIX.names == ("A", "B", "C")
    assert np.allclose(MATRIX.weights, [[one, two, one], [two, one, 0], [one, 0, 0]])


def test_the_weights_of_the_draws():
    assert np.allclose(MATRIX.first, [1.0792, 0.7782, 0.3010], atol=5e-5)
    assert np.allclose(MATRIX.second(2), [0.3010, 0, 0], atol=5e-5)
    assert np.allclose(MATRIX.third(0, 1), [0.1436, 0.1436, 0], atol=5e-5)


def test_topics_are_drawn_as_often_as_their_weights_say():
    rng, times = Random(3), 4_000
    drawn = Counter(MATRIX.drawn(2, rng) for _ in range(times))
    sums = {"A": 1.0792, "B": 0.7782, "C": 0.3010}
    for (one, other), count in drawn.items():
        row = MATRIX.weights[MATRIX.names.index(one)]
        share = sums[one] / sum(sums.values()) * row[MATRIX.names.index(other)] / row.sum()
        assert abs(count / times - share) < 4 * sqrt(share * (1 - share) / times)
    assert ("B", "C") not in drawn and ("C", "C") not in drawn


def test_where_no_third_topic_goes_with_two_others_are_drawn_or_two_must_do():
    # C goes with A alone, and A with C; nothing goes with both unless A goes with itself
    pairs = TopicMatrix.of([[topic("A", 1), topic("C", 1)]])
    assert set(pairs.drawn(3, Random(1))) == {"A", "C"} and len(pairs.drawn(3, Random(1))) == 2
    assert all(len(MATRIX.drawn(3, Random(seed))) == 3 for seed in range(50))


def test_a_topic_that_goes_with_none_stands_alone():
    lonely = TopicMatrix.of([[topic("A", 2)], [topic("B", 2)]])
    assert {lonely.drawn(2, Random(seed)) for seed in range(20)} == {("A",), ("B",)}
    assert len(set(lonely.at_random(3, Random(0)))) == 2


def test_topics_of_the_same_points_become_one_and_keep_all_of_them():
    documents = [[Topic("Sums", ("a",)), Topic("Shapes", ("b",))], [Topic("Adding", ("a",)), Topic("Sums", ("c",))]]
    points = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.8, 0, 0.6]])
    # Sums is the mean of (1, 0, 0) and (.8, 0, .6), of length |(1.8, 0, .6)|: its cosine with Adding is .949
    assert merged(documents, points, 0.9)[1] == [Topic("Sums", ("a", "c"))]
    assert [one.name for one in merged(documents, points, 0.96)[1]] == ["Adding", "Sums"]
    assert merged(documents, points, 0.9)[0] == [Topic("Sums", ("a",)), Topic("Shapes", ("b",))]


@pytest.mark.parametrize("name", ["sums", " SUMS. "])
def test_a_name_in_another_form_is_the_same_name(name):
    documents = [[Topic("Sums", ("a",))], [Topic(name, ("b",))]]
    assert merged(documents, np.eye(2), 1.0) == [[Topic("Sums", ("a",))], [Topic("Sums", ("b",))]]
