"""Decontamination: the hand cases of the overlap measure, and 300 benchmark items planted in 10,000 records."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.methods.filter.decontaminate import Decontaminate, index_of, overlaps
from synth_dagster.parts.hashed_words import normalise, words
from synth_dagster.records import Document, Instruction, Message, Preference
from synth_dagster.scale.signals import compute_signals, judge

LETTERS = [f"w{letter}" for letter in "abcdefghijklmnopqrst"]  # 20 different words
ITEM = " ".join(LETTERS)
OTHER = " ".join(f"x{number}" for number in range(30))


def overlap(item, text, n, **settings):
    found = overlaps(index_of([item], n, **settings), words(normalise(pa.array([text]))))
    return int(found.matched[0]), float(found.share[0])


@pytest.fixture
def against(references):
    return lambda *items: {"references": references({"benchmarks": list(items)})}


def method(**settings):
    return Decontaminate(against="benchmarks", **settings)


@pytest.mark.parametrize(
    ("copied", "matched", "share"),
    [
        pytest.param(LETTERS[5:15], 10, 0.5, id="10 words in one piece"),
        pytest.param(LETTERS[5:16], 11, 0.55, id="11 words in one piece"),
        pytest.param([*LETTERS[:7], "between", *LETTERS[10:17]], 0, 0.0, id="two pieces of 7 words"),
        pytest.param([*LETTERS[:8], "between", *LETTERS[12:20]], 16, 0.8, id="two pieces of 8 words"),
        pytest.param(LETTERS, 20, 1.0, id="all of it"),
        pytest.param(LETTERS[::-1], 0, 0.0, id="backwards"),
    ],
)
def test_coverage_of_an_item_of_20_words_by_eights(copied, matched, share):
    assert overlap(ITEM, f"{OTHER} {' '.join(copied)} {OTHER}", 8) == (matched, share)


@pytest.mark.parametrize(("words_copied", "verdict"), [(10, None), (11, "contaminated")])
def test_half_of_an_item_is_not_more_than_half(words_copied, verdict, verdict_of, against):
    text = " ".join([*LETTERS[:words_copied], OTHER])
    assert verdict_of(method(), Document(body=text), against(ITEM)) == verdict


def test_the_threshold_moves_the_verdict_and_not_the_signals():
    assert method(threshold=0.2).signals_fingerprint() == method().signals_fingerprint()
    assert method(n=5).signals_fingerprint() != method().signals_fingerprint()
    assert method(mode="hash").signals_fingerprint() != method().signals_fingerprint()


@pytest.mark.parametrize(
    ("copied", "verdict"),
    [pytest.param(12, "contaminated", id="12 words"), pytest.param(11, None, id="11 words")],
)
def test_one_shared_gram_of_12_words_is_enough_in_hash_mode(copied, verdict, verdict_of, against):
    item = " ".join(f"v{number}" for number in range(100))  # 12 of 100 words: coverage would keep it
    text = " ".join([OTHER, *item.split()[:copied]])
    assert verdict_of(method(mode="hash"), Document(body=text), against(item)) == verdict


def test_the_grams_of_a_question_of_five_words():
    # ABCDE by fours: ABCD and BCDE
    index = index_of(["a b c d e"], 4)
    assert len(index.grams) == 2 and sorted(index.places.tolist()) == [0, 1]


def test_an_item_shorter_than_a_gram_must_occur_whole():
    item = "which planet is red"
    assert overlap(item, f"{OTHER} which planet is red {OTHER}", 8) == (4, 1.0)
    assert overlap(item, f"{OTHER} which planet is so red {OTHER}", 8) == (0, 0.0)


def test_items_of_a_few_words_are_no_evidence(verdict_of, against):
    assert verdict_of(method(), Document(body=f"hello there {OTHER}"), against("Hello there", ITEM)) is None
    assert verdict_of(method(min_item_words=2), Document(body="hello there"), against("Hello there")) == "contaminated"


def test_a_set_phrase_of_many_items_is_left_out(verdict_of, against):
    phrase = "which one of the following statements is true about"
    items = [f"{phrase} topic{number}" for number in range(6)]
    text = Document(body=f"{phrase} cooking")
    assert verdict_of(method(common=6), text, against(*items)) == "contaminated"
    assert verdict_of(method(common=5), text, against(*items)) is None


def test_a_phrase_said_twice_in_one_item_counts_as_one_item():
    twice = "a b c d e f g h a b c d e f g h"
    assert overlap(twice, "a b c d e f g h", 8, common=1) == (16, 1.0)


def test_the_best_covered_item_is_named_and_of_equals_the_first(against):
    flat = pa.table({"record_id": [b"1"], "text": [ITEM], "title": [None]})
    longer = ITEM + " and more words that are not there at all"

    def item_of(*items):
        return compute_signals(method(), flat, services=against(*items))["item"].to_pylist()

    assert item_of(longer, ITEM) == item_of(ITEM) != item_of(longer)
    assert item_of(ITEM, ITEM.upper()) == item_of(ITEM)


def test_spelling_does_not_hide_a_copy(verdict_of, against):
    text = Document(body=ITEM.upper().replace(" ", ",\n- "))
    assert verdict_of(method(), text, against(ITEM)) == "contaminated"


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        pytest.param(Instruction.single(ITEM, "No."), "contaminated", id="question"),
        pytest.param(Instruction.single("Why?", ITEM), None, id="answer"),
        pytest.param(
            Preference(
                prompt=(Message("user", ITEM),),
                chosen=(Message("assistant", "a"),),
                rejected=(Message("assistant", "b"),),
            ),
            "contaminated",
            id="prompt of a pair",
        ),
        pytest.param(Document(body=ITEM), "contaminated", id="document"),
    ],
)
def test_user_turns_are_read(record, verdict, verdict_of, against):
    assert verdict_of(method(), record, against(ITEM)) == verdict


@pytest.mark.parametrize("mode", ["coverage", "hash"])
def test_a_text_that_is_not_there_is_dropped_without_a_value(mode, against):
    flat = pa.table({"record_id": [b"1", b"2"], "text": pa.array([None, ""]), "title": ["", ""]})
    chosen = method(mode=mode)
    verdicts = judge(chosen, compute_signals(chosen, flat, services=against(ITEM)))
    assert verdicts["reason"].to_pylist() == ["contaminated:no_value", None]


def test_records_beside_it_do_not_change_a_verdict(against, monkeypatch):
    rng = random.Random(3)
    texts = [" ".join(rng.choices(LETTERS + OTHER.split(), k=30)) for _ in range(40)] + [ITEM]
    flat = pa.table({"record_id": [b"%d" % n for n in range(41)], "text": texts, "title": texts})
    together = compute_signals(method(n=2), flat, services=against(ITEM, OTHER))
    monkeypatch.setattr("synth_dagster.methods.filter.decontaminate._RECORDS_AT_ONCE", 7)
    assert compute_signals(method(n=2), flat, services=against(ITEM, OTHER)).equals(together)


def naive(item, text, n):
    """The share of the item's words inside an n-gram that the text holds too, word by word."""
    n = min(n, len(item))
    there = {tuple(text[at : at + n]) for at in range(len(text) - n + 1)}
    covered = {at + step for at in range(len(item) - n + 1) if tuple(item[at : at + n]) in there for step in range(n)}
    return len(covered) / len(item)


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4), st.integers(2, 6))
def test_coverage_agrees_with_counting_word_by_word(items, texts, n):
    index = index_of([" ".join(item) for item in items], n)
    found = overlaps(index, words(normalise(pa.array([" ".join(text) for text in texts]))))
    for number, text in enumerate(texts):
        shares = [naive(item, text, n) for item in items]
        assert found.share[number] == pytest.approx(max(shares))
        assert found.item[number] == (shares.index(max(shares)) if max(shares) else -1)


# ----------------------------------------------------------------------------------------------------- planted items

VOCABULARY = [f"term{number}" for number in range(3_000)]


@pytest.fixture(scope="module")
def planted():
    """300 items of 40 words; 10,000 records, of which the first 300 hold them: verbatim, edited, paraphrased."""
    rng = random.Random(11)
    items = [rng.choices(VOCABULARY, k=40) for _ in range(300)]
    edited = [
        item if n < 100 else with_edits(item, rng) if n < 200 else paraphrase(item) for n, item in enumerate(items)
    ]
    records = [*edited, *(rng.choices(VOCABULARY, k=40) for _ in range(9_700))]
    return [" ".join(item) for item in items], [" ".join(["intro", *record, "outro"]) for record in records]


def with_edits(item, rng):
    """10 % of the words are others."""
    replaced = set(rng.sample(range(len(item)), len(item) // 10))
    return [rng.choice(VOCABULARY) if place in replaced else word for place, word in enumerate(item)]


def paraphrase(item):
    """Every other word is another one: the meaning may stay, no run of words does."""
    return [f"other{place}" if place % 2 else word for place, word in enumerate(item)]


@pytest.mark.parametrize(
    ("n", "mode", "edited_at_least"),
    [
        pytest.param(5, "coverage", 0.9, id="coverage by fives"),
        pytest.param(8, "coverage", 0.0, id="coverage by eights"),
        pytest.param(12, "hash", 0.0, id="hashed twelves"),
    ],
)
def test_planted_items_are_found(n, mode, edited_at_least, planted, against):
    items, texts = planted
    ids = [number.to_bytes(4, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": ids, "text": texts, "title": texts})
    chosen = method(n=n, mode=mode)
    reasons = judge(chosen, compute_signals(chosen, flat, services=against(*items)))["reason"].to_pylist()
    dropped = np.array([reason is not None for reason in reasons])
    verbatim, edited, paraphrased, others = (
        dropped[a:b].mean() for a, b in ((0, 100), (100, 200), (200, 300), (300, None))
    )
    assert verbatim >= 0.99
    assert edited >= edited_at_least
    assert paraphrased < 0.2
    assert others <= 0.005


def test_real_benchmarks_are_found_and_other_problems_are_not(against):
    data = Path(__file__).parents[4] / "shared" / "data"
    if not data.exists():
        pytest.skip("needs ../shared/data")
    benchmark = [turn for row in rows_of(data / "benchmarks" / "mt_bench.jsonl") for turn in row["turns"]]
    problems = [row["question"] for row in rows_of(data / "gsm8k" / "train.jsonl")]
    texts = problems + benchmark
    ids = [number.to_bytes(4, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": ids, "text": texts, "title": texts})
    reasons = judge(method(), compute_signals(method(), flat, services=against(*benchmark)))["reason"].to_pylist()
    assert reasons == [None] * len(problems) + ["contaminated"] * len(benchmark)


def rows_of(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
