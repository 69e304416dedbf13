"""ZIP: the greedy search is the one of the card, and it leaves copies behind."""

import random
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from synth_dagster.methods.select.zip_entropy import Prefix, ZipEntropy, ratio


def pool(texts):
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    columns = {"record_id": pa.array(ids, pa.binary()), "text": pa.array(texts, pa.string())}
    return pa.table({**columns, "source": ["s"] * len(texts), "tokens": [1] * len(texts)})


def chosen(method, texts):
    """The selected texts' numbers, best first."""
    rows = method.select(pool(texts)).to_pylist()
    picked = sorted((row["rank"], int.from_bytes(row["record_id"], "big")) for row in rows if row["selected"])
    return [number for _, number in picked]


def naive(texts, budget, k1, k2, k3, faithful):
    """The card's algorithm, step by step, with the ratio of the whole list each time."""
    state = [ratio([text]) for text in texts]
    picked, used = [], set()
    while len(picked) < budget and len(used) < len(texts):
        unused = sorted((i for i in range(len(texts)) if i not in used), key=lambda i: (state[i], i))
        stage_1 = unused[:k1]
        for i in stage_1:
            state[i] = ratio([texts[j] for j in [*picked, i]])
        stage_2 = sorted(stage_1, key=lambda i: (state[i], i))[:k2]
        local = []
        while len(local) < min(k3, len(stage_2)):
            left = [i for i in stage_2 if i not in local]
            local.append(min(left, key=lambda i: (ratio([texts[j] for j in [*local, i]]), i)))
        picked += local
        used |= set(stage_2 if faithful else local)
    return picked[:budget]


TEXTS = st.lists(
    st.one_of(st.sampled_from(["", "a b c", "a b c d", "the same again"]), st.text(max_size=60)),
    min_size=1,
    max_size=24,
)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 12), st.tuples(*[st.integers(1, 12)] * 3), st.sampled_from(["fixed", "faithful"]))
def test_it_chooses_what_the_naive_form_chooses(texts, budget, sizes, mode):
    k3, k2, k1 = sorted(sizes)
    if len(texts) > budget:
        found = chosen(ZipEntropy(budget=budget, k1=k1, k2=k2, k3=k3, mode=mode), texts)
        assert found == naive(texts, budget, k1, k2, k3, mode == "faithful")


def _prefix_of(texts: list[str]) -> Prefix:
    prefix = Prefix()
    for text in texts:
        prefix.add(text)
    return prefix


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=400), max_size=6), st.text(max_size=400))
def test_the_copied_compressor_gives_the_ratio_of_the_whole_list(texts, last):
    assert _prefix_of(texts).ratio_with(last) == ratio([*texts, last])


def test_the_copied_compressor_agrees_beyond_the_window_of_32_kilobytes():
    rng = random.Random(1)
    texts = ["".join(rng.choices("abcdefgh ", k=9_000)) for _ in range(9)]
    assert _prefix_of(texts[:-1]).ratio_with(texts[-1]) == ratio(texts)


def test_the_ratio_is_bytes_to_compressed_bytes():
    # ["aaa"] is 7 bytes; zlib writes 1,000 equal letters and 4 signs in 20 bytes
    assert ratio(["a" * 1_000]) == 1_004 / len(zlib.compress(b'["' + b"a" * 1_000 + b'"]', 9))
    assert ratio(["a" * 1_000]) > 40
    rng = random.Random(2)
    assert ratio(["".join(chr(rng.randrange(33, 0x4E00)) for _ in range(400))]) < 1.5


@pytest.fixture(scope="module")
def planted():
    """600 texts of their own and 400 near-copies of ten templates, shuffled."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(4_000)]
    own = [" ".join(rng.choices(words, k=40)) for _ in range(600)]
    templates = [rng.choices(words, k=40) for _ in range(10)]
    copies = []
    for number in range(400):
        text = list(templates[number % 10])
        text[rng.randrange(40)] = rng.choice(words)
        copies.append(" ".join(text))
    texts = own + copies
    rng.shuffle(texts)
    return texts, set(copies), rng


def test_copies_stay_behind_and_the_selection_repeats_itself_less_than_chance(planted):
    texts, copies, rng = planted
    found = [texts[number] for number in chosen(ZipEntropy(budget=100, k1=200, k2=40, k3=10), texts)]
    assert len(found) == 100
    assert sum(text in copies for text in found) <= 20  # 40 % of the pool are copies
    assert ratio(found) < min(ratio(rng.sample(texts, 100)) for _ in range(5))


def test_every_record_has_a_row_a_rank_and_a_reason_unless_selected():
    texts = [f"text number {number} of many" for number in range(30)]
    rows = ZipEntropy(budget=10, k1=20, k2=8, k3=4).select(pool(texts)).to_pylist()
    assert sorted(row["rank"] for row in rows) == list(range(30))
    assert all((row["reason"] is None) == row["selected"] for row in rows)
    assert all(row["selected"] == (row["rank"] < 10) for row in rows)
    assert {row["reason"] for row in rows if not row["selected"]} == {"over_budget"}


def test_the_released_code_loses_those_that_were_passed_over_once():
    texts = [f"text number {number} of many" for number in range(30)]
    sizes = {"budget": 29, "k1": 30, "k2": 10, "k3": 4}
    # three rounds of 10 rivals use the pool up and pick 4 each
    rows = ZipEntropy(mode="faithful", **sizes).select(pool(texts)).to_pylist()
    assert sum(row["selected"] for row in rows) == 12
    assert {row["reason"] for row in rows} == {None, "passed_over"}
    assert len(chosen(ZipEntropy(**sizes), texts)) == 29


@pytest.mark.parametrize("budget", [3, 4])
def test_a_budget_of_the_pool_or_more_keeps_everything(budget):
    rows = ZipEntropy(budget=budget, mode="faithful", k2=100, k3=1).select(pool(["b", "a", "c"])).to_pylist()
    assert all(row["selected"] and row["reason"] is None for row in rows)


def test_equal_texts_are_taken_by_id_whatever_the_order_of_the_pool():
    table = pool(["same words here"] * 6)
    method = ZipEntropy(budget=2, k1=3, k2=2, k3=1)
    straight = {row["record_id"]: row for row in method.select(table).to_pylist()}
    backwards = {row["record_id"]: row for row in method.select(table.take([5, 3, 4, 1, 2, 0])).to_pylist()}
    assert straight == backwards
    assert chosen(method, ["same words here"] * 6) == [0, 1]


def test_an_empty_pool_has_the_columns_of_a_full_one():
    assert ZipEntropy().select(pool([])).schema == ZipEntropy().select(pool(["a"])).schema


def test_missing_text_is_empty_text():
    assert len(chosen(ZipEntropy(budget=2, k1=3, k2=2, k3=1), [None, "a", ""])) == 2


def test_the_stages_must_narrow_down():
    with pytest.raises(ValidationError, match="k1 >= k2 >= k3"):
        ZipEntropy(k1=10, k2=20)
