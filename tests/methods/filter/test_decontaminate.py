"""Decontamination: the hand cases of the overlap measure, and 300 benchmark items planted in 10,000 records."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.decontaminate import Decontaminate
from synth_dagster.parts.similarity.overlaps import index_of, overlaps
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.records import Document, Instruction, Message, Preference
from synth_dagster.scale.signals import compute_signals, judge
from synth_dagster.services import NoAncestors
from tests.methods.filter import retold_items
from tests.methods.filter.retold_problems import pairs

LETTERS = [f"w{letter}" for letter in "abcdefghijklmnopqrst"]  # 20 different words
ITEM = " ".join(LETTERS)
OTHER = " ".join(f"x{number}" for number in range(30))


def overlap(item, text, n, **settings):
    found = overlaps(index_of([item], n, **settings), words(normalise(pa.array([text]))))
    return int(found.matched[0]), float(found.share[0])


@pytest.fixture
def against(references):
    return lambda *items, behind=None: {
        "references": references({"benchmarks": list(items)}),
        "ancestors": behind or NoAncestors(),
    }


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


@pytest.mark.parametrize(
    ("grams", "found"),
    [
        pytest.param(("overlap", "answer"), "CDEF DEFG EFGH FGHI GHIJ", id="as datatrove"),
        pytest.param(("query",), "ABCD BCDE", id="questions"),
        pytest.param(("answer",), "FGHI GHIJ", id="answers"),
        pytest.param(("query", "overlap", "answer"), "ABCD BCDE CDEF DEFG EFGH FGHI GHIJ", id="all"),
    ],
)
def test_which_grams_of_a_question_and_its_answer_are_compared(grams, found, references, verdicts_of):
    # query ABCDE, answer FGHIJ, by fours: a document that holds one of the seven grams and nothing else
    pairs = {"benchmarks": ["a b c d e"], "benchmarks:answers": ["F, g h i j!"]}
    given = {"references": references(pairs), "ancestors": NoAncestors()}
    every = ["ABCD", "BCDE", "CDEF", "DEFG", "EFGH", "FGHI", "GHIJ"]
    texts = [Document(body=" ".join(["x", *gram.lower(), "y"])) for gram in every]
    reasons = verdicts_of(method(mode="hash", n=4, grams=grams), texts, given)
    assert [gram for gram, reason in zip(every, reasons, strict=True) if reason] == found.split()


def test_an_answer_in_a_conversation_is_found_where_answers_are_compared(verdict_of, references):
    given = {
        "references": references({"benchmarks": ["What is it?"], "benchmarks:answers": [ITEM]}),
        "ancestors": NoAncestors(),
    }
    record = Instruction.single("Why?", ITEM)
    assert verdict_of(method(mode="hash", grams=("overlap", "answer")), record, given) == "contaminated"
    assert verdict_of(method(mode="hash"), record, given) is None


def test_benchmarks_without_answers_and_other_modes_are_refused(verdict_of, against):
    with pytest.raises(SynthError, match=r"has an answer.*add query"):
        verdict_of(method(mode="hash", grams=("answer",)), Document(body=ITEM), against(ITEM))
    with pytest.raises(ValidationError, match="'mode: hash'"):
        method(grams=("answer",))


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
    flat = pa.table({"record_id": [b"1"], "text": [ITEM], "title": [None], "url": [None]})
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
    flat = pa.table({"record_id": [b"1", b"2"], "text": pa.array([None, ""]), "title": ["", ""], "url": ["", ""]})
    chosen = method(mode=mode)
    verdicts = judge(chosen, compute_signals(chosen, flat, services=against(ITEM)))
    assert verdicts["reason"].to_pylist() == ["contaminated:no_value", None]


def test_records_beside_it_do_not_change_a_verdict(against, monkeypatch):
    rng = random.Random(3)
    texts = [" ".join(rng.choices(LETTERS + OTHER.split(), k=30)) for _ in range(40)] + [ITEM]
    flat = pa.table({"record_id": [b"%d" % n for n in range(41)], "text": texts, "title": texts, "url": texts})
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
    flat = pa.table({"record_id": ids, "text": texts, "title": texts, "url": texts})
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


NAMES = ["Natalia", "Betty", "Julie", "Ahmed", "Wei", "Ingrid", "Kofi", "Priya", "Lars", "Noor"]
SCENES = [
    "A train leaves the station at {n} miles per hour while another waits. How far has it gone after three hours?",
    "{a} bakes bread with {n} grams of flour a loaf. How much flour is in a dozen loaves?",
    "A tank holds {n} litres and loses four litres an hour. When is it empty?",
    "{a} runs {n} laps of a track of 400 metres. How many kilometres does {a} run?",
    "There are {n} chairs in each row of the hall, and thirty rows. How many people can sit down?",
    "A shirt of {n} euros is reduced by a fifth. What does {a} pay for three shirts?",
    "The farm of {a} has {n} hens, each of which lays five eggs a week. How many boxes of ten are filled?",
    "A lamp uses {n} watts. What does a kilowatt hour cost if {a} pays nine euros for a month of evenings?",
]


def test_problems_told_in_other_words_are_found_by_their_meaning_and_not_by_their_words(against):
    """12 items, each retold; of 400 other problems at most 0.5 %, which is 2, may be dropped."""
    items, retold = zip(*pairs(), strict=True)
    others = [scene.format(a=name, n=n) for scene in SCENES for name in NAMES for n in (31, 47, 59, 83, 97)]
    texts = [*retold, *others]
    flat = pa.table({"record_id": [b"%d" % n for n in range(412)], "text": texts, "title": texts, "url": texts})

    def dropped(chosen):
        reasons = judge(chosen, compute_signals(chosen, flat, services=against(*items)))["reason"].to_pylist()
        return np.array([reason is not None for reason in reasons])

    by_words, by_meaning = dropped(method()), dropped(method(mode="semantic"))
    assert by_words[:12].mean() < 0.2
    assert by_meaning[:12].mean() >= 0.8
    assert by_meaning[12:].sum() <= 2


@pytest.mark.prove
def test_a_hundred_retold_and_a_hundred_copied_items_in_ten_thousand_records(against):
    """Verbatim at least 99 %, retold under 20 % by words and 90 % by meaning; of others at most 0.5 %, and none."""
    items, retold = zip(*retold_items.items(), strict=True)
    texts = [*items, *retold, *retold_items.others(9_800)]
    ids = [number.to_bytes(4, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": ids, "text": texts, "title": texts, "url": texts})
    assert len(texts) == 10_000 and len(set(texts)) == 10_000

    def shares(chosen):
        reasons = judge(chosen, compute_signals(chosen, flat, services=against(*items)))["reason"].to_pylist()
        dropped = np.array([reason is not None for reason in reasons])
        return dropped[:100].mean(), dropped[100:200].mean(), dropped[200:].mean()

    for chosen in (method(), method(n=5), method(mode="hash")):
        verbatim, by_words, others = shares(chosen)
        assert verbatim >= 0.99 and by_words < 0.2 and others <= 0.005
    verbatim, by_meaning, others = shares(method(mode="semantic"))
    assert verbatim >= 0.99 and by_meaning >= 0.9 and others == 0


def test_likeness_depends_on_no_record_beside_it(against):
    items, retold = zip(*pairs(), strict=True)

    def likeness(texts):
        flat = pa.table(
            {"record_id": [b"%d" % n for n in range(len(texts))], "text": texts, "title": texts, "url": texts}
        )
        return compute_signals(method(mode="semantic"), flat, services=against(*items))["likeness"].to_pylist()

    assert likeness(retold) == pytest.approx([one for text in retold for one in likeness([text])], abs=1e-5)
    assert likeness(items) == pytest.approx([1.0] * 12, abs=1e-5) and likeness(["", "?"]) == [0.0, 0.0]


@dataclass
class Behind:
    """Ancestors from memory: text and the records that descend from it."""

    texts: dict

    def generations(self):
        heirs = pa.array(list(self.texts.values()), pa.list_(pa.binary()))
        ids = pa.array([text.encode() for text in self.texts], pa.binary())
        yield pa.table({"record_id": ids, "text": list(self.texts), "heirs": heirs})


@pytest.mark.parametrize("mode", ["coverage", "hash", "semantic"])
def test_what_was_made_from_a_contaminated_record_is_tainted(mode, against):
    flat = pa.table(
        {
            "record_id": [b"1", b"2", b"3"],
            "text": ["an answer", "another", ITEM],
            "title": ["", "", ""],
            "url": ["", "", ""],
        }
    )
    behind = Behind({f"{OTHER} {ITEM} {OTHER}": [b"1", b"3"], OTHER: [b"1", b"2"]})

    def reasons(**settings):
        chosen = method(mode=mode, **settings)
        return judge(chosen, compute_signals(chosen, flat, services=against(ITEM, behind=behind)))["reason"].to_pylist()

    assert reasons() == ["tainted", None, "contaminated"]
    assert reasons(tainted="keep") == [None, None, "contaminated"]


def test_the_record_by_which_a_leak_came_in_is_named_the_nearest_of_equals(against):
    flat = pa.table({"record_id": [b"1", b"2"], "text": [OTHER, OTHER], "title": ["", ""], "url": ["", ""]})
    half = " ".join(LETTERS[:15])
    behind = Behind({half: [b"1"], f"{ITEM} {OTHER}": [b"1"], f"{OTHER} {ITEM}": [b"1"], OTHER: [b"1", b"2"]})
    signals = compute_signals(method(), flat, services=against(ITEM, behind=behind))
    # the second holds the whole item, the third, which comes later, no more of it, and behind the other record is none
    assert signals["ancestor"].to_pylist() == [f"{ITEM} {OTHER}".encode().hex(), None]


def test_a_record_names_the_file_of_the_benchmark(against):
    flat = pa.table({"record_id": [b"1", b"2"], "text": [ITEM, OTHER], "title": ["", ""], "url": ["", ""]})
    signals = compute_signals(method(), flat, services=against(ITEM))
    assert signals["benchmark"].to_pylist() == ["items.jsonl", None]


def test_real_benchmarks_are_found_and_other_problems_are_not(against):
    data = Path(__file__).parents[4] / "shared" / "data"
    if not data.exists():
        pytest.skip("needs ../shared/data")
    benchmark = [turn for row in rows_of(data / "benchmarks" / "mt_bench.jsonl") for turn in row["turns"]]
    problems = [row["question"] for row in rows_of(data / "gsm8k" / "train.jsonl")]
    texts = problems + benchmark
    ids = [number.to_bytes(4, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": ids, "text": texts, "title": texts, "url": texts})
    reasons = judge(method(), compute_signals(method(), flat, services=against(*benchmark)))["reason"].to_pylist()
    assert reasons == [None] * len(problems) + ["contaminated"] * len(benchmark)


def rows_of(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
