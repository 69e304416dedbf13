"""Each task has one answer and fits its context, positions are as flat as said, and the released builder agrees."""

import asyncio
import hashlib
import json
import random
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from synth_dagster.methods.synthesize.kv_retrieval import LONGEST, SHAPES, Builder, KvRetrieval, tokens_of
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop


def lot(name="training"):
    return Document(body=name, record_id=digest("lot", name))


def written(method, of=None):
    return asyncio.run(method.synthesize(of or lot()))


def built(task, *, has_shared=0.0, each_shared=0.0, gold_entries=3, seed=0):
    builder = Builder(SHAPES[task], (3, 4), has_shared, each_shared, random.Random(seed), gold_entries=gold_entries)
    return builder, *builder.dictionaries(SHAPES[task].dictionaries)


# ------------------------------------------------------------------------------------------------- the released code


def hashed(gold, others):
    """What the released builder gave, as it was hashed: every entry of every dictionary, in order."""
    entries = [[[list(key), value] for key, value in one.items()] for one in (gold, *others)]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def test_seed_0_gives_the_dictionaries_of_the_released_builder():
    # build_dicts2(85, 3, (3, 4), 1, (1, 1), 0, 0, 0, False, -1, (3, 4), (3, 4)) after random.seed(0)
    builder, gold, others = built("simple")
    assert (builder.gold_key, builder.gold_value) == ((365,), 7634)
    assert gold == {(4578,): 388, (365,): 7634, (9725,): 417}
    assert list(others[0].items()) == [((8735,), 462), ((665,), 8253), ((195,), 1018)]
    assert hashed(gold, others) == "6bc9f996a6c319f771d91c9a56cd93722b5cc90a04dfdcf913af92764b189695"


def test_seed_0_gives_the_tuples_of_the_released_builder():
    # build_dicts2(49, 3, (3, 4), 3, (3, 4), 2, 0.5, 0.8, False, -1, (3, 3), (4, 4)): the paper's figure, too
    builder, gold, others = built("multi_subkey", has_shared=0.5, each_shared=0.8)
    assert (builder.gold_key, builder.gold_value) == ((141, 623, 616), 5617)
    assert gold == {(645, 417, 847): 6409, (141, 623, 616): 5617, (544, 725, 665, 553): 2020}
    assert hashed(gold, others) == "2e1e023b2e75ea9ca91ba1e391b71d7e718b36ecf00b8e7bce7e46271dfc3fe8"


def test_what_the_released_code_leaves_ambiguous_has_one_answer():
    # its seeds 7, 40, 53 and 56 put all that is asked for into a second key, as 241 of its first 3,000 do
    for seed in range(60):
        builder, gold, others = built("multi_subkey", has_shared=0.5, each_shared=0.8, seed=seed)
        holding = [key for one in (gold, *others) for key in one if set(builder.gold_key) <= set(key)]
        assert holding == [builder.gold_key]


def test_the_gold_dictionary_is_not_told_by_its_size():
    sizes = Counter(len(built("simple", gold_entries=None, seed=seed)[1]) for seed in range(200))
    # 3 or 4 with 1/2 each: 100, with a deviation of 7.1
    assert sizes.keys() == {3, 4} and abs(sizes[3] - 100) <= 3 * 7.1


# -------------------------------------------------------------------------------------------------- what every task is

_LINE = re.compile(r"^Dictionary \[(\d+)\] \{(.*)\}$", re.MULTILINE)
_ENTRY = re.compile(r"(\([\d, ]+\)|\d+): (\d+)")


def read(question):
    """The entries of a question as a reader finds them: place, numbers of the key, value."""
    return [
        (int(place), tuple(map(int, re.findall(r"\d+", key))), int(value))
        for place, inside in _LINE.findall(question)
        for key, value in _ENTRY.findall(inside)
    ]


def checked(record, dictionaries):
    """That the question has one answer, that this is it, and that all is within its bounds."""
    facts, entries = record.attributes, read(record.instruction)
    asked = record.instruction.splitlines()[-3]
    wanted = set(map(int, re.findall(r"\d+", asked)))
    found = [entry for entry in entries if wanted <= set(entry[1])]
    assert found == [(facts["gold_dictionary"], tuple(facts["gold_key"]), facts["gold_value"])]
    assert [entry[2] for entry in entries].count(facts["gold_value"]) == 1
    assert all(100 <= number <= 9_999 for _, key, value in entries for number in (*key, value))
    assert {place for place, _, _ in entries} == set(range(1, dictionaries + 1))
    said = set(map(int, re.findall(r"\d+", record.response)))
    assert said == {facts["gold_dictionary"], *facts["gold_key"], facts["gold_value"]}
    assert facts["n_tokens"] == tokens_of(record.instruction)


@pytest.mark.parametrize(("task", "dictionaries"), [("simple", 85), ("multi_subkey", 49)])
def test_a_task_of_the_papers_size_has_one_answer_and_fits_the_context(task, dictionaries):
    for record in written(KvRetrieval(task=task, samples=60)):
        checked(record, dictionaries)
        assert record.attributes["n_tokens"] < 4_096 - 100


def test_half_of_the_other_tuples_resemble_the_gold_one_and_hold_each_of_two_numbers_with_four_fifths():
    held = Counter()
    for record in written(KvRetrieval(task="multi_subkey", samples=20)):
        gold = set(record.attributes["gold_key"])
        held.update(len(gold & set(key)) for _, key, _ in read(record.instruction) if set(key) != gold)
    # both numbers: .5 * .8 * .8 = .32; one: .5 * 2 * .8 * .2 = .16; of some 3,400 keys with a deviation of .008
    assert held.total() > 3_000
    assert abs(held[2] / held.total() - 0.32) <= 0.024 and abs(held[1] / held.total() - 0.16) <= 0.024


@pytest.mark.prove
@pytest.mark.parametrize(("task", "samples"), [("simple", 6_000), ("multi_subkey", 4_000)])
def test_of_ten_thousand_tasks_each_has_one_answer(task, samples):
    made = written(KvRetrieval(task=task, samples=samples, dictionaries=12, max_tokens=1_124))
    for record in made:
        checked(record, 12)
        assert record.attributes["n_tokens"] < 1_024
    assert len({record.instruction for record in made}) == samples


def test_tokens_are_counted_with_each_digit_for_itself():
    # { 3 6 5 : 7 6 3 4 , 9 : 1 } are 14
    assert tokens_of("{365: 7634, 9: 1}") == 14


# ------------------------------------------------------------------------------------------------------------ positions


def test_positions_are_as_flat_as_stated():
    number, size = 35_000, 85
    places = Counter(KvRetrieval(samples=number)._places(random.Random(1)))
    # 5 % at 0; 3 % within int(0.05 * 85) = 4 places; the rest, 32,200, over all 85: 378.8 a place
    rest = (number - 1_750 - 1_050) / size
    expected = {place: rest + (1_050 / 4 if place < 4 else 0) + (1_750 if place == 0 else 0) for place in range(size)}
    chi = sum((places[place] - many) ** 2 / many for place, many in expected.items())
    assert chi < 129.0  # 84 degrees of freedom, p = .001
    assert all(abs(places[place] - many) < 4 * many**0.5 for place, many in expected.items())
    # the first, the next three, and the rest: within three deviations of what is left to chance
    drawn = number - 1_750 - 1_050
    for first, last, early in ((0, 1, 1_750 + 1_050 / 4), (1, 4, 1_050 * 3 / 4), (4, size, 0)):
        share = (last - first) / size
        deviation = (drawn * share * (1 - share) + (1_050 * 3 / 16 if first < 4 else 0)) ** 0.5
        found = sum(places[place] for place in range(first, last))
        assert abs(found - early - drawn * share) <= 3 * deviation


def test_the_shares_at_the_start_are_exact_in_every_lot():
    made = written(KvRetrieval(samples=200, dictionaries=20, at_start=0.5, near_start=0.5, max_tokens=1_000))
    assert {one.attributes["gold_dictionary"] for one in made} == {1}  # a twentieth of 20 is the first one
    made = written(KvRetrieval(samples=100, dictionaries=40, at_start=0, near_start=1.0, max_tokens=2_000))
    assert {one.attributes["gold_dictionary"] for one in made} == {1, 2}


# ------------------------------------------------------------------------------------------------------------ the forms


def test_the_form_of_the_answer_may_be_shown_or_not():
    shown = written(KvRetrieval(samples=3, dictionaries=5))
    assert all(one.instruction.splitlines()[-2] == "Answer in this form:" for one in shown)
    hidden = written(KvRetrieval(samples=3, dictionaries=5, template=False))
    assert not any("form" in one.instruction for one in hidden)
    assert [one.response for one in hidden] == [one.response for one in shown]


def test_wordings_of_the_answer_are_drawn_from_as_many_as_asked_for():
    made = written(KvRetrieval(samples=80, dictionaries=5, wordings=4))
    # each wording with 1/4; one is missed in 80 with 4 * 0.75^80 < 1e-9
    forms = {re.sub(r"\d+", "#", one.response) for one in made}
    assert len(forms) == 4
    assert all(re.sub(r"<[^>]+>|\d+", "#", one.instruction.splitlines()[-1]) in forms for one in made)


# -------------------------------------------------------------------------------------------------- lots and bad input


def test_a_lot_is_the_same_whatever_stands_beside_it_and_two_lots_share_no_task():
    method = KvRetrieval(samples=20, dictionaries=6)
    first, again, other = written(method), written(method), written(method, lot("held out"))
    assert [one.content() for one in first] == [one.content() for one in again]
    assert not {one.instruction for one in first} & {one.instruction for one in other}
    assert {one.parents[0].record_id for one in other} == {lot("held out").record_id}
    assert {one.instruction for one in written(method.model_copy(update={"seed": 1}))} != {
        one.instruction for one in first
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [(" \n ", "blank_lot"), ("a" * (LONGEST + 1), "no_lot"), ("two\nlines", "no_lot")],
)
def test_what_names_no_lot_is_dropped(body, reason):
    made = written(KvRetrieval(), Document(body=body, record_id=b"d"))
    assert isinstance(made, Drop) and made.reason == reason


def test_tasks_that_never_fit_are_dropped_with_what_to_do():
    made = written(KvRetrieval(dictionaries=12, max_tokens=300))
    assert isinstance(made, Drop) and made.reason == "too_long" and "lower dictionaries" in made.detail


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fewest_entries": 5}, "must not exceed most_entries"),
        ({"at_start": 0.6, "near_start": 0.5}, "must not exceed 1 together"),
        ({"task": "triple"}, "multi_subkey"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, says):
    with pytest.raises(ValidationError, match=says):
        KvRetrieval(**settings)


def test_the_number_of_dictionaries_depends_on_the_task():
    assert KvRetrieval().as_applied()["dictionaries"] == 85
    assert KvRetrieval(task="multi_subkey").as_applied()["dictionaries"] == 49


# ------------------------------------------------------------------------------------------------- a reader that learns


class AttentionReader:
    """One head of attention over the entries of a task, with a bias for each place.

    Digits of the asked key meet digits of the other keys. It begins as chance and learns from tasks alone, by Adam.
    """

    def __init__(self, entries, *, seed):
        rng = np.random.default_rng(seed)
        self.match, self.bias = rng.normal(0, 0.01, (44, 44)), rng.normal(0, 0.01, entries)

    def chances(self, asked, keys, there):
        scores = (keys @ (asked @ self.match)[:, :, None])[:, :, 0] + self.bias
        raised = np.where(there, np.exp(scores - scores.max(axis=1, keepdims=True)), 0)
        return raised / raised.sum(axis=1, keepdims=True)

    def learn(self, asked, keys, there, gold, *, steps=200):
        match, bias = Adam(self.match), Adam(self.bias)
        for _ in range(steps):
            error = self.chances(asked, keys, there)
            error[np.arange(len(gold)), gold] -= 1
            match.step(asked.T @ (error[:, None, :] @ keys)[:, 0] / len(gold))
            bias.step(error.mean(axis=0))


class Adam:
    """Kingma and Ba (arXiv:1412.6980), algorithm 1, in place."""

    def __init__(self, weights, *, rate=0.05):
        self.weights, self.rate, self.steps = weights, rate, 0
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)

    def step(self, slope):
        self.steps += 1
        self.mean += 0.1 * (slope - self.mean)
        self.square += 0.001 * (slope**2 - self.square)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.weights -= self.rate * mean / (np.sqrt(square) + 1e-8)


@cache
def digits(number):
    """Four places of ten digits or none: 44 numbers, one of each eleven is 1."""
    found = np.zeros((4, 11))
    found[np.arange(4), [10 if sign == " " else int(sign) for sign in f"{number:4}"]] = 1
    return found.ravel()


def as_arrays(records, entries=48):
    """What a reader sees of tasks, from their words: the asked key, keys, which are there, the right one, and where."""
    asked, keys = np.zeros((len(records), 44)), np.zeros((len(records), entries, 44))
    there, gold = np.zeros((len(records), entries), bool), np.zeros(len(records), int)
    dictionary = np.zeros(len(records), int)
    for place, record in enumerate(records):
        wanted = int(re.findall(r"value of key (\d+)", record.instruction)[0])
        found = read(record.instruction)
        asked[place], there[place, : len(found)] = digits(wanted), True
        keys[place, : len(found)] = [digits(key[0]) for _, key, _ in found]
        gold[place] = [key[0] for _, key, _ in found].index(wanted)
        dictionary[place] = found[gold[place]][0]
    return asked, keys, there, gold, dictionary


def by_position(reader, tasks):
    """How often the reader is right in each of twelve dictionaries."""
    asked, keys, there, gold, dictionary = tasks
    right = reader.chances(asked, keys, there).argmax(axis=1) == gold
    return np.array([right[dictionary == place].mean() for place in range(1, 13)])


@pytest.mark.prove
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_reader_that_learns_from_these_tasks_is_as_good_at_every_position(seed):
    def tasks(number, name, **settings):
        return as_arrays(written(KvRetrieval(samples=number, dictionaries=12, seed=seed, **settings), lot(name)))

    held_out, reader = tasks(800, "held out"), AttentionReader(48, seed=seed)
    assert by_position(reader, held_out).mean() < 0.1  # chance: one of 42
    reader.learn(*tasks(1_000, "training")[:4])
    found = by_position(reader, held_out)
    assert found.max() - found.min() <= 0.05
    # as many tasks as the paper has, whose answers all stand at the start, leave the rest worse
    skewed = AttentionReader(48, seed=seed)
    skewed.learn(*tasks(350, "training", at_start=1.0, near_start=0.0)[:4])
    found = by_position(skewed, held_out)
    assert found[0] - found[1:].mean() > 0.15
