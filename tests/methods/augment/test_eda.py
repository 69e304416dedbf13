"""EDA gives what the released functions give, keeps what must not change, and helps where examples are few."""

import asyncio
import json
import random
import re
from collections import Counter
from math import log, sqrt
from pathlib import Path

import pytest

from synth_dagster.methods.augment.eda import Eda
from synth_dagster.parts.text.synonyms import english
from synth_dagster.parts.text.word_edits import (
    STOP_WORDS,
    cleaned,
    deleted,
    inserted,
    pieces,
    replaced,
    swapped,
    table_from,
    text_of_cleaned,
    text_of_pieces,
    words_of_cleaned,
)
from synth_dagster.records import Instruction, Message, digest
from synth_dagster.services import Drop

# What the released functions gave for sentences of ours, with a table of synonyms in place of WordNet and a set that
# keeps its order in place of one that does not.
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures/eda_released.json").read_text(encoding="utf-8"))
EDITS = {
    "sr": lambda words, n, rng: replaced(words, n, RELEASED["synonyms"], rng),
    "ri": lambda words, n, rng: inserted(words, n, RELEASED["synonyms"], rng),
    "rs": swapped,
    "rd": deleted,
}
TEN_WORDS = "the hotel was beautiful and our room was very clean"


def asked(text, answer="good", **more):
    return Instruction.single(text, answer, record_id=digest("record", text), **more)


def augmented(method, record, references=None):
    return asyncio.run(method.augment(record, references=references))


def texts(method, text, **more):
    return [one.instruction for one in augmented(method, asked(text, **more))]


# ---------------------------------------------------------------------------------------------- the released functions


@pytest.mark.parametrize(("edit", "seed", "sentence", "n", "outcome"), RELEASED["edits"])
def test_an_edit_gives_what_the_released_function_gives(edit, seed, sentence, n, outcome):
    made = EDITS[edit](words_of_cleaned(cleaned(sentence)), n, random.Random(seed))
    assert text_of_cleaned(made) == outcome


@pytest.mark.parametrize(("seed", "sentence", "num_aug", "outcome"), RELEASED["whole"])
def test_all_edits_together_give_what_the_released_function_gives(seed, sentence, num_aug, outcome):
    *variants, original = outcome
    sentence = cleaned(sentence)
    made = Eda(num_aug=num_aug).edited(words_of_cleaned(sentence), RELEASED["synonyms"], random.Random(seed))
    assert [text_of_cleaned(words) for _, words in made] == variants and sentence == original


@pytest.mark.parametrize(("text", "outcome"), RELEASED["cleaned"])
def test_a_text_is_cleaned_as_the_released_code_cleans_it(text, outcome):
    assert cleaned(text) == outcome


# ------------------------------------------------------------------------------------------------- the paper's numbers


def test_of_ten_words_one_is_touched_and_nine_variants_come():
    # alpha .1 of 10 words is 1; int(9 / 4) + 1 = 3 of each edit, 12 together, of which 9 stay
    made = augmented(Eda(form="released"), asked(TEN_WORDS))
    assert len(made) == 9 and max(Counter(one.attributes["edit"] for one in made).values()) <= 3
    words = TEN_WORDS.split()
    for one in made:
        now, edit = one.instruction.split(), one.attributes["edit"]
        differ = sum(a != b for a, b in zip(words, now, strict=False))
        assert {"sr": len(now) == 10 and differ == 1, "ri": len(now) in (10, 11), "rs": differ in (0, 2), "rd": True}[
            edit
        ]


def test_of_ten_words_that_all_have_synonyms_exactly_one_is_replaced_inserted_or_swapped():
    sentence = [f"word{letter}" for letter in "abcdefghij"]
    table = {word: [f"other{word[-1]}"] for word in sentence}
    words = words_of_cleaned(" ".join(sentence))
    for seed in range(50):
        for edit, said in Eda().edited(words, table, random.Random(seed)):
            now = text_of_cleaned(said).split()
            new = [word for word in now if word.startswith("other")]
            differ = sum(a != b for a, b in zip(sentence, now, strict=False))
            if edit == "sr":
                assert (len(now), len(new), differ) == (10, 1, 1)
            if edit == "ri":
                assert (len(now), len(new)) == (11, 1) and [word for word in now if word not in new] == sentence
            if edit == "rs":  # two places are exchanged; it gives up where it has drawn one place four times
                assert differ == 2 and sorted(now) == sentence


def test_deletion_keeps_as_many_words_as_said():
    words = words_of_cleaned("word " * 100)
    kept = sum(len(deleted(words, 0.1, random.Random(seed))) for seed in range(100))
    # 10,000 words; two standard errors of a share of .9 are 2 * sqrt(.9 * .1 / 10,000) = .006
    assert abs(kept / 10_000 - 0.9) < 2 * sqrt(0.09 / 10_000)


def test_fewer_than_one_variant_is_a_chance():
    numbers = [len(augmented(Eda(num_aug=0.5), asked(f"{TEN_WORDS} number {word}"))) for word in english()]
    # four are made, one of each edit, and each stays with .5 / 4; 3 standard deviations of the mean
    assert abs(sum(numbers) / len(numbers) - 0.5) < 3 * sqrt(4 * 0.125 * 0.875 / len(numbers))


# ---------------------------------------------------------------------------------------------------- labels, learning

GOOD, BAD = (
    ["lovely", "pleasant", "excellent", "wonderful", "superb", "amusing"],
    ["boring", "awful", "terrible", "annoying", "filthy", "rude"],
)


def polarity(text):
    """An oracle: more good words than bad ones."""
    found = re.findall(r"[a-z]+", text.lower())
    near = {word: side for side, words in ((1, GOOD), (-1, BAD)) for one in words for word in (one, *english()[one])}
    return sum(near.get(word, 0) for word in found) > 0


def reviews(number, rng, vocabulary):
    """Texts of ten words, two of which say what is thought; labels are known."""
    plain = [
        "the",
        "hotel",
        "room",
        "street",
        "meal",
        "film",
        "journey",
        "teacher",
        "shop",
        "was",
        "and",
        "with",
        "our",
        "that",
        "when",
        "evening",
    ]
    for _ in range(number):
        good = rng.random() < 0.5
        words = [rng.choice(plain) for _ in range(8)] + rng.choices(vocabulary[good], k=2)
        rng.shuffle(words)
        yield " ".join(words), good


def test_a_label_is_kept_by_nearly_all_variants():
    rng, changed, made = random.Random(1), 0, 0
    for text, good in reviews(60, rng, {True: GOOD, False: BAD}):
        for variant in texts(Eda(form="released"), text):
            made += 1
            changed += polarity(variant) != good
    assert made == 540 and changed / made < 0.05


@pytest.mark.parametrize("examples", [50, pytest.param(500, marks=pytest.mark.prove)])
def test_a_classifier_of_few_examples_gains_by_the_variants(examples):
    synonyms = {
        side: [other for one in words for other in english()[one]] for side, words in ((True, GOOD), (False, BAD))
    }
    plainly, more = [], []
    for seed in range(10):
        rng = random.Random(seed)
        known = list(reviews(examples, rng, {True: GOOD, False: BAD}))
        asked_of = list(
            reviews(100, rng, {side: words + synonyms[side] for side, words in ((True, GOOD), (False, BAD))})
        )
        method = Eda(form="released", num_aug=4, seed=seed)
        varied = known + [(variant, label) for text, label in known for variant in texts(method, text)]
        plainly.append(accuracy(known, asked_of))
        more.append(accuracy(varied, asked_of))
    assert sum(more) / 10 >= sum(plainly) / 10  # words that stand in no example are met in variants of them
    assert sum(more) - sum(plainly) > 0.3


def accuracy(known, asked_of):
    """Of naive Bayes with add-one smoothing."""
    counts = {
        label: Counter(word for text, one in known if one == label for word in text.split()) for label in (True, False)
    }
    sums = {label: sum(found.values()) + 100 for label, found in counts.items()}

    def score(text, label):
        return sum(log((counts[label][word] + 1) / sums[label]) for word in text.split())

    return sum((score(text, True) > score(text, False)) == label for text, label in asked_of) / len(asked_of)


# ------------------------------------------------------------------------------------------------------- what is kept

REVIEW = (
    'Is this review positive or negative?\n\nThe hotel in Lisbon was beautiful (and cheap), but room 3 said "no entry"'
    ", and we would not travel to {city} again. Was the meal, however, excellent? Run `pip install x` and see a_b.py."
)


@pytest.mark.parametrize("edit", ["sr", "ri", "rs", "rd"])
def test_names_numbers_quotations_code_places_and_negations_stay_in_every_variant(edit):
    made = augmented(Eda(num_aug=80, alpha_sr=0.5, alpha_ri=0.5, alpha_rs=0.5, p_rd=0.5), asked(REVIEW, "negative"))
    of_edit = [one.instruction for one in made if one.attributes["edit"] == edit]
    assert len(set(of_edit)) >= 4
    kept = ["Lisbon", " 3", '"no entry"', " not", "{city}", "`pip install x`", "a_b.py"]
    for text in of_edit:
        assert text.startswith("Is this review positive or negative?\n\n")  # the task of what follows
        assert [text.index(one) for one in kept] == sorted(text.index(one) for one in kept)
        assert text.partition("\n\n")[2][0].isupper() and "  " not in text and " ," not in text and "()" not in text


def test_label_words_stay_where_they_are():
    text = "this text is about sports and politics and films"
    made = texts(Eda(num_aug=40, p_rd=0.9, protect=("politics",), alpha_rs=1), text, answer="Sports")
    assert all(" sports" in f" {one}" and " politics" in f" {one}" for one in made)
    labelled = asked(text, "That is the first of them all.", attributes={"label": "films"})
    assert all("films" in one.instruction for one in augmented(Eda(num_aug=40, p_rd=0.9), labelled))


def test_the_pieces_of_a_text_are_the_text():
    for text in (REVIEW, "a", " b ", '"open', "x\n\n- y, (z)", "``` a", "[[a]] $5 <b", "\u00c9mile's caf\u00e9"):
        words = pieces(text, frozenset(), STOP_WORDS.__contains__)
        assert "".join(word.before + word.text for word in words) == text
        assert text_of_pieces(words, as_in=text) == text.strip(" ")


def test_the_answer_the_other_turns_and_the_attributes_stay():
    turns = (Message("system", "Be brief."), Message("user", "What was nice?"), Message("assistant", "The meal."))
    record = Instruction(
        messages=(*turns, Message("user", "Describe the beautiful hotel."), Message("assistant", "It was big.")),
        record_id=b"r" * 16,
        attributes={"final_answer": "big"},
    )
    for one in augmented(Eda(), record):
        assert one.messages[:3] == turns and one.response == "It was big."
        assert one.attributes["final_answer"] == "big" and one.parents == (record,) and one.model_id is None


def test_a_repeat_is_eliminated_and_counted():
    made = augmented(Eda(), asked("good meal"))
    current = [one.instruction for one in made if one.status == "current"]
    assert len(made) == 9 and len(set(current)) == len(current) < 9 and "good meal" not in current
    assert {one.reason for one in made if one.status == "eliminated"} == {"repeated"}


def test_a_record_is_varied_the_same_way_whatever_stands_beside_it():
    assert texts(Eda(), TEN_WORDS) == texts(Eda(), TEN_WORDS) != texts(Eda(seed=1), TEN_WORDS)


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "form", "reason"),
    [
        ("", "kept", "blank_instruction"),
        ("\u00a0?! ", "released", "blank_instruction"),
        ("12 + 30 = ?", "kept", "no_words"),
        ("\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439", "released", "no_words"),
        ("\u4f60\u597d\u5417", "kept", "no_words"),
        ("word " * 400, "kept", "too_long"),
    ],
)
def test_what_has_no_words_to_edit_is_dropped_with_its_reason(text, form, reason):
    dropped = augmented(Eda(form=form), asked(text))
    assert isinstance(dropped, Drop) and dropped.reason == reason


class Rows:
    """A table of the project, and how often it was read."""

    def __init__(self):
        self.read = 0

    def rows(self, path):
        self.read += 1
        return [{"word": "Hotel", "synonyms": ["Bed-and-breakfast", "hotel", ""]}, {"nothing": 1}, {"word": "x"}]


def test_a_table_of_the_project_is_injected_and_read_once_for_all_records():
    given, method = Rows(), Eda(synonyms="a.jsonl", num_aug=4)
    made = [one.instruction for text in ("a hotel", "the hotel") for one in augmented(method, asked(text), given)]
    assert any("bed and breakfast" in text for text in made) and given.read == 1
    table = table_from(given.rows(""))
    assert table == {"hotel": ["bed and breakfast"]}
    assert (
        text_of_cleaned(replaced(words_of_cleaned("the hotel"), 1, table, random.Random(0))) == "the bed and breakfast"
    )


def test_our_table_goes_both_ways_and_has_neither_stop_words_nor_negations():
    table = english()
    assert len(table) > 700
    assert all(word in table[other] for word, others in table.items() for other in others)
    assert not table.keys() & (STOP_WORDS | {"not", "no", "never", "without"})
    assert all(re.fullmatch("[a-z]+", word) for word in table)
