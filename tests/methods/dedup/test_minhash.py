"""MinHash: the collision curve of the paper, planted near-duplicates, and clusters that do not depend on order."""

import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.parts import processes
from synth_dagster.parts.similarity import clusters as clustering
from synth_dagster.parts.similarity.clusters import first_of_bucket, jaccard
from synth_dagster.parts.similarity.minhash import band_keys, banding_probability, best_banding
from synth_dagster.parts.spilled import SpilledRows
from synth_dagster.parts.text.hashed_words import Hashed, offsets_of
from tests.methods.dedup.pools import duplicates_in, pool_of

VOCABULARY = [f"word{number:04d}x".translate(str.maketrans("0123456789", "abcdefghij")) for number in range(2_000)]


def clusters(texts, priorities=None, **settings):
    """For each text the number of the text that it is a duplicate of; its own where it is kept."""
    found = Minhash(**settings).cluster(pool_of(texts, priorities))
    kept = duplicates_in(found)
    assert found["keep"].to_pylist() == [own == cluster for own, cluster in enumerate(kept)]
    return kept


def prose(rng, count=60):
    return rng.choices(VOCABULARY, k=count)


def test_the_curve_of_14_bands_of_8():
    found = [round(banding_probability(s), 4) for s in (0.70, 0.75, 0.80, 0.85)]
    assert found == [0.5645, 0.7716, 0.9235, 0.9884]
    # steepest around s = (1 / 14) ** (1 / 8) = .719, where a band agrees once in 14: 1 - (13 / 14) ** 14
    assert round(banding_probability(0.719), 2) == 0.65


def test_the_banding_calculator_gives_the_published_bands_and_rows():
    assert best_banding(0.8, 256) == (17, 15)  # RedStone
    assert best_banding(0.5, 128) == (25, 5)  # datasketch: MinHashLSH(threshold=0.5, num_perm=128)
    assert best_banding(0.8, 256, false_positives=0.1, false_negatives=0.9) != (17, 15)
    many, few = best_banding(0.3, 112), best_banding(0.95, 112)
    assert many[1] < few[1], "a low threshold needs short bands"


@pytest.mark.parametrize(("shared", "union"), [(70, 100), (75, 100), (80, 100), (85, 100)])
def test_sets_meet_as_often_as_the_curve_says(shared, union):
    pairs = 2_000
    rng = np.random.default_rng(shared)
    elements = rng.integers(0, 2**63, (pairs, union), dtype=np.uint64)
    only = (union - shared) // 2  # in the first set alone; the rest is in the second alone
    first, second = elements[:, : shared + only], np.delete(elements, np.s_[shared : shared + only], axis=1)
    sizes = np.repeat([first.shape[1], second.shape[1]], pairs)
    sets = Hashed(np.concatenate([first.ravel(), second.ravel()]), offsets_of(sizes))
    assert jaccard(sets, np.arange(pairs), np.arange(pairs, 2 * pairs)).tolist() == [shared / union] * pairs
    keys = band_keys(sets, bands=14, rows=8, seed=1)
    rate = (keys[:, :pairs] == keys[:, pairs:]).any(axis=0).mean()
    assert rate == pytest.approx(banding_probability(shared / union), abs=0.02)


def test_planted_near_duplicates_are_found_and_unrelated_texts_stay():
    rng = random.Random(5)
    originals = [prose(rng, 120) for _ in range(800)]
    copies = [edited(text, rng) for text in originals[:200]]  # 20 % of 1,000
    found = clusters([" ".join(text) for text in (*originals, *copies)])
    recalled = sum(found[800 + number] == number for number in range(200)) / 200
    assert recalled > 0.95
    assert all(cluster == own for own, cluster in enumerate(found[:800]))
    assert all(cluster in (own, own - 800) for own, cluster in enumerate(found) if own >= 800)


def test_words_changed_here_and_there_are_found_as_often_as_the_curve_says():
    # a gram of 5 words survives with probability .97^5 = .859, so that s = .859 / (2 - .859) = .753 on average
    rng = random.Random(6)
    originals = [prose(rng, 400) for _ in range(500)]
    copies = [[word if rng.random() >= 0.03 else rng.choice(VOCABULARY) for word in text] for text in originals]
    texts = [" ".join(text) for text in (*originals, *copies)]
    similar = jaccard(Minhash()._grams(pa.array(texts)), np.arange(500), np.arange(500, 1_000))
    assert similar.mean() == pytest.approx(0.753, abs=0.01)
    found = clusters(texts)
    recalled = sum(found[500 + number] == number for number in range(500)) / 500
    assert recalled == pytest.approx(banding_probability(similar).mean(), abs=0.05)  # the deviation is .018


def edited(text, rng):
    """3 % of the words are others, together in one place, as in an edited sentence."""
    at = rng.randrange(len(text) - 4)
    return [*text[:at], *prose(rng, max(1, round(0.03 * len(text)))), *text[at + 4 :]]


def test_case_digits_and_punctuation_do_not_hide_a_duplicate():
    text = " ".join(prose(random.Random(1))) + " in 2019"
    assert clusters([text, text.upper().replace(" ", " - ") + "!", text.replace("2019", "2024")]) == [0, 0, 0]
    assert clusters([text, text.replace("2019", "2024")], digits_to_zero=False, bands=1, rows=64) == [0, 1]


def test_the_lowest_priority_is_kept_then_the_lowest_id():
    text = " ".join(prose(random.Random(2)))
    assert clusters([text] * 3) == [0, 0, 0]
    assert clusters([text] * 3, [2, 1, 1]) == [1, 1, 1]


def test_what_meets_over_a_third_text_is_one_cluster():
    words = prose(random.Random(4), 200)
    texts = [" ".join(words[start : start + 160]) for start in (0, 10, 20)]
    assert clusters(texts, rows=1, bands=64) == [0, 0, 0]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["What is 12 + 13?", "What is 12 + 14?"], [0, 1], id="other number"),
        pytest.param(["What is 12 + 13?", "What is 12 - 13?"], [0, 1], id="other sign"),
        pytest.param(["x = a + b", "x = a * b", "x  =  A + b"], [0, 1, 0], id="code"),
        pytest.param(["Yes.", "yes. ", "No."], [0, 0, 2], id="same but for case and blanks"),
        pytest.param(["", None, "a"], [0, 0, 2], id="empty and missing"),
        pytest.param(
            [
                # 73 of 82 different grams of 5 characters: they meet with probability .996
                "What is the name of the capital city of the country that is called France, please?",
                "What is the name of the capital city of the country that is called France please?",
            ],
            [0, 0],
            id="a comma more",
        ),
        pytest.param(["What is the capital of France?", "Who is the king of Spain?"], [0, 1], id="other question"),
    ],
)
def test_short_texts_are_compared_by_characters(texts, expected):
    assert clusters(texts) == expected


def test_a_short_and_a_long_text_do_not_meet():
    words = prose(random.Random(6), 20)
    assert clusters([" ".join(words), " ".join(words[:19])]) == [0, 1]


def test_pairs_can_be_verified():
    words = prose(random.Random(9), 100)
    half = " ".join(words[:70] + prose(random.Random(10), 30))
    loose = {"bands": 64, "rows": 1}  # meets at almost any similarity
    assert clusters([" ".join(words), half], **loose) == [0, 0]
    assert clusters([" ".join(words), half], verify=0.8, **loose) == [0, 1]
    assert clusters([" ".join(words)] * 2, verify=1.0) == [0, 0]


def test_many_equal_texts_are_one_cluster_of_few_pairs():
    texts = ["The same sentence stands here over and over again without any change " * 2] * 50_000
    found = Minhash().cluster(pool_of(texts))
    assert found["keep"].to_pylist() == [True] + [False] * 49_999
    assert found["size"].to_pylist() == [50_000] * 50_000
    assert [len(left) for left, _ in map(first_of_bucket, Minhash().signatures(pa.array(texts)))] == [49_999] * 14


def test_an_empty_pool_has_the_columns_of_a_full_one():
    assert Minhash().cluster(pool_of([])).schema == Minhash().cluster(pool_of(["a"])).schema


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(12)))
def test_clusters_do_not_depend_on_the_order_of_the_pool(order):
    rng = random.Random(8)
    base = [prose(rng) for _ in range(4)]
    table = pool_of(
        [" ".join(base[number % 4][: 60 - number // 4]) for number in range(12)], [n % 3 for n in range(12)]
    )
    straight = {row["record_id"]: row for row in Minhash().cluster(table).to_pylist()}
    found = Minhash().cluster(table.take(list(order))).to_pylist()
    assert [int.from_bytes(row["record_id"], "big") for row in found] == list(order)
    assert {row["record_id"]: row for row in found} == straight


def test_the_form_of_the_bytes_says_nothing():
    texts = ["", "a", None, "Größe " * 30, "日本語の文章です。" * 20, "x" * 100]
    straight = Minhash().signatures(pa.array(texts))
    assert (Minhash().signatures(pa.array(texts, pa.large_string())) == straight).all()
    assert (Minhash().signatures(pa.chunked_array([texts[:2], [], texts[2:]], pa.string())) == straight).all()
    assert (Minhash().signatures(pa.array(["before", *texts]).slice(1)) == straight).all()


def test_a_column_that_is_no_text_is_refused():
    table = pool_of(["a"]).set_column(1, "text", pa.array([1]))
    with pytest.raises(MethodError, match="'text' is of type int64"):
        Minhash().cluster(table)


def test_what_is_on_disk_is_what_would_be_in_memory(monkeypatch):
    monkeypatch.setattr(clustering, "BYTES_AT_ONCE", 1_000)
    rng = random.Random(11)
    base = [prose(rng) for _ in range(40)]
    table = pool_of([" ".join(base[number % 40]) for number in range(60)])
    spilled = SpilledRows(14, 2_000).extend(
        [Minhash().signatures(table["text"].slice(at, 6)) for at in range(0, 60, 6)]
    )
    assert spilled._file is not None and spilled._held
    assert (np.stack(list(spilled)) == Minhash().signatures(table["text"])).all()
    assert Minhash(memory_mib=5).fingerprint() == Minhash().fingerprint() != Minhash(bands=3).fingerprint()


def test_other_processes_sign_as_this_one_does(monkeypatch):
    rng = random.Random(5)
    texts = [" ".join(prose(rng, rng.choice([3, 8, 60]))) for _ in range(300)]
    texts += [texts[7], None, "", texts[40] + " more", "x"]
    alike = clusters(texts)
    signed = Minhash().signatures(pa.array(texts))
    monkeypatch.setattr(processes, "MUCH", 1)
    monkeypatch.setattr(processes, "usable", lambda: 2)
    monkeypatch.setattr(processes, "_WORKERS", workers := processes._Workers())
    monkeypatch.setattr(clustering, "BYTES_AT_ONCE", 1 << 10)
    try:
        Minhash().signatures(pa.array(texts[:2]))
        ends = time.monotonic() + 60
        while not workers._idle[0].is_ready() and time.monotonic() < ends:
            time.sleep(0.01)
        assert (Minhash().signatures(pa.array(texts)) == signed).all()
        assert workers._idle[0].is_tried, "a worker signed some of them"
        assert clusters(texts) == alike
    finally:
        workers.end()
