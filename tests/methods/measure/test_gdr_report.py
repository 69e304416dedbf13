"""GDR's report: variety of refined texts beside raw and free ones, and the facts that are left in them."""

import random
from collections import Counter
from itertools import combinations

import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.measure.gdr_report import GdrReport
from synth_dagster.parts.similarity.pairwise import mean_rouge
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.runner.vectors import NoVectors

NAMES = ["Ada Brandt", "Jonas Weil", "Clara Lund", "Tom Okafor", "Mira Sand", "Paul Ness"]
OTHERS = ["Eva Stone", "Karl Wood", "Lena Moor", "Ben Asare", "Nina Reed", "Otto Lake"]
WORDS = [
    f"{a}{b}" for a in ("bar", "col", "den", "fir", "gam", "hol", "jen", "kip") for b in ("ran", "sot", "tul", "vex")
]


def letters(number, names):
    rng = random.Random(4)
    return [
        f"{names[place % 6]} wrote of {' '.join(rng.choices(WORDS, k=30))} in the year of the Great Storm."
        for place in range(number)
    ]


RAW, REFINED = letters(60, NAMES), letters(60, OTHERS)
FREE = [
    f"The {WORDS[place % 5]} is a very good {WORDS[place % 3]} and everybody likes it very much." for place in range(60)
]
FACTS = [
    *({"fact": name, "private": True} for name in NAMES),
    {"fact": "the Great  Storm", "private": False},
    {"fact": "Ferry of Corran", "private": False},
]


def measured(references, texts, files, **settings):
    flat = pa.table({"text": pa.array(texts, pa.string())})
    return GdrReport(**settings).measure(flat, references=references(files), vectors=NoVectors()).numbers


def by_hand(texts, n=2):
    def grams(text):
        said = text.split()
        return Counter(zip(*(said[at:] for at in range(n)), strict=False))

    found = []
    for one, other in combinations(map(grams, texts), 2):
        total = one.total() + other.total()
        found.append(2 * (one & other).total() / total if total else 0)
    return sum(found) / len(found)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["a b c d", "a b x c d"], id="ab and cd of three and four"),
        pytest.param(["a b a b a b", "a b a b", "b a"], id="as often as both have it"),
        pytest.param(["a", "a", "a b"], id="no pair of words"),
        pytest.param([" ".join(letter.split()).lower().replace(".", "") for letter in RAW[:12]], id="letters"),
    ],
)
def test_rouge_2_is_that_of_all_pairs_counted_one_by_one(texts):
    assert mean_rouge(words(normalise(pa.array(texts)))) == pytest.approx(by_hand(texts))


def test_of_fewer_than_two_texts_there_is_no_pair():
    assert mean_rouge(words(normalise(pa.array(["a b"])))) is None
    assert mean_rouge(words(normalise(pa.array([], pa.string())))) is None


def test_exchanged_names_leave_the_texts_as_varied_and_free_ones_are_clearly_less(references):
    files = {"raw/": RAW, "free/": FREE}
    found = measured(references, REFINED, files, raw="raw/", generated="free/")
    assert found["records"] == found["raw_texts"] == found["generated_texts"] == 60
    assert 0.9 <= found["mean_distance_of_raw"] <= 1.1 and 0.9 <= found["rouge_2_of_raw"] <= 1.1
    assert found["mean_distance_of_generated"] > 1.1 and found["rouge_2_of_generated"] < 0.5


def test_private_facts_that_are_left_and_public_ones_that_are_lost_are_counted(references):
    files = {"raw/": RAW, "facts.jsonl": FACTS}
    refined = [*REFINED[:-1], REFINED[-1] + " Signed, ADA BRANDT's cousin; not Clara Lundgren."]
    found = measured(references, refined, files, facts="facts.jsonl")
    # of six names one is left, whatever its case; Lundgren is no Lund
    assert (found["private"], found["private_left"]) == (6, 1)
    assert (found["public"], found["public_left"]) == (2, 1)
    assert measured(references, RAW, files, facts="facts.jsonl")["private_left"] == 6


def test_of_many_texts_some_are_compared_evenly(references):
    found = measured(references, [text for text in REFINED for _ in range(10)], {"raw/": RAW}, raw="raw/", size=30)
    assert (found["records"], found["texts"], found["raw_texts"]) == (600, 30, 30)


def test_of_nothing_there_are_no_numbers_but_counts(references):
    assert measured(references, [], {"raw/": RAW}) == {"records": 0, "texts": 0}
    found = measured(references, [], {"raw/": RAW}, raw="raw/")
    assert "mean_distance" not in found and "mean_distance_of_raw" not in found and found["raw_texts"] == 60


@pytest.mark.parametrize(
    "row", [{"fact": "a"}, {"fact": "", "private": True}, {"fact": 3, "private": True}, {"fact": "a", "private": "yes"}]
)
def test_a_line_that_is_no_fact_is_told(references, row):
    with pytest.raises(SynthError, match=r"Each line of 'facts.jsonl' needs 'fact'"):
        measured(references, RAW, {"facts.jsonl": [row]}, facts="facts.jsonl")
