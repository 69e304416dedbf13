"""Semantic duplicates: planted paraphrases at a calibrated threshold, and the rule compared pair by pair."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.methods.dedup.semantic_dedup import SemanticDedup
from synth_dagster.parts.similarity.kmeans import kmeans, products, whole
from synth_dagster.parts.similarity.meanings import calibrated, keepers_of, numbers_of, vectors_of
from synth_dagster.runner.vectors import NoVectors
from tests.methods.dedup.pools import duplicates_in, pool_of
from tests.methods.filter import retold_items, retold_problems

# sentences and problems of which no two say the same, each with its other telling by us
PAIRS = [*retold_items.OPENINGS, *retold_items.MIDDLES, *retold_items.QUESTIONS, *retold_problems.pairs()]
SAID, RETOLD = (list(each) for each in zip(*PAIRS, strict=True))
OTHERS = [*retold_items.OTHER_OPENINGS, *retold_items.OTHER_MIDDLES, *retold_items.OTHER_QUESTIONS]


def duplicates(texts, priorities=None, **settings):
    """For each text the number of the text that it duplicates; its own where it is kept."""
    found = SemanticDedup(**settings).cluster(pool_of(texts, priorities), vectors=NoVectors())
    return duplicates_in(found)


@pytest.mark.parametrize("half", [0, 1])
def test_a_threshold_calibrated_on_some_retold_sentences_finds_others(half):
    found = calibrated(SAID[half::2], RETOLD[half::2], OTHERS[half::2])
    assert found.recall >= 0.8 and found.false_share <= 0.005
    said, retold = SAID[1 - half :: 2], RETOLD[1 - half :: 2]
    kept = duplicates([*said, *retold, *OTHERS[1 - half :: 2]], threshold=found.threshold)
    assert sum(kept[21 + number] == number for number in range(21)) / 21 >= 0.75
    wrong = [own for own, keeper in enumerate(kept) if keeper not in (own, own - 21)]
    # none of 57 taken wrongly is no more than one in twenty by the rule of three, 3 / 57
    assert len(wrong) / len(kept) <= 0.053


def test_the_calibration_tells_what_each_threshold_finds_and_takes():
    found = calibrated(SAID, RETOLD, OTHERS, most_false=0.0)
    assert [row[0] for row in found.table] == [number / 100 for number in range(101)]
    assert found.table[0][1:] == (1.0, 1.0), "with a threshold of 0 all is taken"
    recalls, shares = [row[1] for row in found.table], [row[2] for row in found.table]
    assert recalls == sorted(recalls, reverse=True) and shares == sorted(shares, reverse=True)
    assert found.false_share == 0.0 and (found.threshold, found.recall, 0.0) in found.table
    # two of three texts are the same, and are said to say different things: no threshold is good enough
    assert calibrated(["a b c"], ["something else"], ["a b c"]).threshold == 1.0


BRIDGE = "The old bridge over the river was closed in spring because its pillars had cracked"
SAME = "In spring the old river bridge was closed, because the pillars of it had cracked"


@pytest.mark.parametrize(
    ("texts", "priorities", "expected"),
    [
        pytest.param([BRIDGE, SAME, SAID[0]], None, [0, 0, 2], id="other words"),
        pytest.param([BRIDGE, SAME, SAID[0]], [1, 0, 0], [1, 1, 2], id="the policy says who stays"),
        pytest.param([BRIDGE, f"{SAME} in 12 places"], None, [0, 1], id="a number more"),
        pytest.param([BRIDGE, BRIDGE.upper(), BRIDGE], None, [0, 0, 0], id="the same"),
        pytest.param(["", None, "!!!", "One."], None, [0, 1, 2, 3], id="what has no words says nothing"),
        pytest.param([], None, [], id="nothing"),
    ],
)
def test_who_says_the_same(texts, priorities, expected):
    assert duplicates(texts, priorities, threshold=0.55) == expected


def test_numbers_can_be_left_out_of_it():
    assert duplicates([BRIDGE, f"{BRIDGE} in 12 places"], same_numbers=False) == [0, 0]


def test_equal_texts_are_in_one_cluster_however_many_there_are():
    texts = [*OTHERS, *SAID, *OTHERS, *SAID]
    assert len(set(texts)) == 72 and duplicates(texts, per_cluster=4, threshold=1.0) == [*range(72)] * 2


def test_many_near_ones_are_compared_with_who_stays():
    """5,000 tellings of one text: each is compared with the one that stays, and 13 million pairs are not."""
    texts = [f"{BRIDGE} {'and so '[: number % 7]}" for number in range(5_000)]
    assert set(duplicates(texts)) == {0}


vectors = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), max_size=14)


@settings(max_examples=60, deadline=None)
@given(vectors, st.randoms(use_true_random=False), st.sampled_from([0.3, 0.8, 1.0]))
def test_the_rule_is_that_of_all_pairs(drawn, rng, threshold):
    rows = whole(np.array(drawn, float).reshape(-1, 3))
    precedence, cluster = rng.sample(range(len(rows)), len(rows)), [rng.randrange(2) for _ in rows]
    numbers = [rng.randrange(2) for _ in rows]
    expected = list(range(len(rows)))
    for row in sorted(range(len(rows)), key=precedence.__getitem__):
        best = -1.0
        for other in sorted(range(len(rows)), key=precedence.__getitem__):
            if precedence[other] >= precedence[row] or expected[other] != other:
                continue
            if (cluster[other], numbers[other]) != (cluster[row], numbers[row]):
                continue
            one, two = rows[row].astype(int).tolist(), rows[other].astype(int).tolist()
            lengths = sum(x * x for x in one) ** 0.5 * sum(x * x for x in two) ** 0.5
            cosine = round(sum(x * y for x, y in zip(one, two, strict=True)) / lengths, 6) if lengths else 0.0
            if cosine >= threshold and cosine > best:
                best, expected[row] = cosine, other
    found = keepers_of(rows, np.array(cluster, int), np.array(precedence, int), np.array(numbers, int), threshold)
    assert found.tolist() == expected


def test_products_are_exact_in_whatever_order_they_are_summed():
    rng = np.random.default_rng(1)
    rows = whole(rng.normal(size=(40, 512)))
    exact = rows.astype(np.int64) @ rows.astype(np.int64).T
    mixed_up = rng.permutation(512)
    assert (products(rows, rows) == exact).all() and (products(rows[:, mixed_up], rows[:, mixed_up]) == exact).all()
    assert np.abs(exact).max() < 2**24


def test_clusters_are_those_that_were_planted():
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(8, 64))
    owners = rng.integers(0, 8, 4_500)
    found = kmeans(whole(centres[owners] + rng.normal(scale=0.2, size=(4_500, 64))), 24)
    for cluster in np.unique(found):
        assert len(np.unique(owners[found == cluster])) == 1, "more centres than there are: none has two owners"
    assert kmeans(whole(centres), 100).tolist() == list(range(8)) or len(set(kmeans(whole(centres), 100))) == 8


def test_a_text_alone_and_among_others_has_numbers_of_its_own():
    assert numbers_of(pa.array(["two of 5", "5 of 2", "5", None, "none"])).tolist() == [0, 0, 1, 2, 2]
    assert vectors_of(pa.array([], pa.string())).shape == (0, 512)


def test_another_type_is_refused():
    with pytest.raises(MethodError, match="column of text"):
        SemanticDedup().cluster(pool_of([]).set_column(1, "text", pa.array([], pa.int64())), vectors=NoVectors())
