"""Every subcategory is met by both ways and all models, lengths are as asked for, and what goes has its reason."""

import asyncio
import random
from collections import Counter
from itertools import combinations, product
from math import log

import pytest

from synth_dagster.methods.synthesize.oak import FORMS, LONGEST, PROGRAMMATIC, READERS, Oak
from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.parts.text.words import words
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.encyclopaedia import CRAFTS, VOICES, Encyclopaedia
from tests.scripted_teacher.teacher import ScriptedTeacher


def category(name="Physics"):
    return Document(body=name, record_id=digest("category", name), lang="en")


def voice(seed, number=400):
    """Sentences of words that nobody else uses."""
    rng = random.Random(seed)
    own = ["".join((seed, *letters)) for letters in product("bdfgklmnprst", "aeiou", "bdfgklmnprst")]
    return tuple(" ".join(rng.choice(own) for _ in range(9)).capitalize() + "." for _ in range(number))


TWO = {"north": voice("n"), "south": voice("s")}


def made(method, *, world=None, models=("north", "south"), faults=None, of=None, teachers=None):
    world = world or Encyclopaedia(voices=TWO)
    writer = ScriptedTeacher(world)
    generators = ScriptedTeacher(world, models=models, faults=faults)
    if teachers is not None:
        teachers += [writer, generators]
    return asyncio.run(method.synthesize(of or category(), writer=writer, generators=generators))


# ------------------------------------------------------------------------------------------------- coverage and shares


def entropy(counts):
    """Of a distribution, as a share of that of an even one."""
    total = sum(counts.values())
    return -sum(count / total * log(count / total) for count in counts.values()) / log(len(counts))


@pytest.fixture(scope="module")
def ten():
    """The small form of the card: 10 categories x 10 subcategories x 2 ways x 2 models = 400 texts."""
    return [one for number in range(10) for one in made(Oak(), of=category(f"Field {number}"))]


def test_every_cell_is_covered_evenly(ten):
    kept = [one for one in ten if one.status == "current"]
    cells = Counter((one.attributes["category"], one.attributes["subcategory"]) for one in kept)
    assert len(ten) == 400 and len(cells) == 100
    assert entropy(cells) >= 0.98


def test_models_and_ways_have_equal_shares_and_stand_in_every_record(ten):
    assert Counter((one.attributes["generator"], one.attributes["prompt_method"]) for one in ten) == {
        (model, way): 100 for model in ("north", "south") for way in ("programmatic", "meta")
    }
    assert all(one.model_id == f"{one.attributes['generator']}-2026" for one in ten)
    kept = Counter(one.attributes["generator"] for one in ten if one.status == "current")
    assert abs(kept["north"] / sum(kept.values()) - 0.5) <= 0.02


def test_the_drawn_properties_can_be_read_off_the_texts(ten):
    drawn = [one for one in ten if one.attributes["prompt_method"] == "programmatic"]
    near = [one for one in drawn if abs(len(words(one.response)) / one.attributes["words_asked"] - 1) <= 0.2]
    assert len(near) / len(drawn) >= 0.8
    assert {one.attributes["words_asked"] for one in drawn} == {100, 200, 400}
    assert {one.attributes["form"] for one in drawn} == FORMS.keys()
    assert {one.attributes["reader"] for one in drawn} == READERS.keys()
    for one in drawn:
        assert all(told in one.instruction for told in (one.attributes["topic"], one.attributes["subcategory"]))
        assert FORMS[one.attributes["form"]] in one.instruction and READERS[one.attributes["reader"]] in one.instruction


def test_two_models_together_are_as_varied_as_the_better_one(ten):
    def spread(texts):
        pairs = list(combinations(texts, 2))
        return sum(1 - jaccard(*pair) for pair in pairs) / len(pairs)

    texts = {model: [one.response for one in ten if one.attributes["generator"] == model][:30] for model in TWO}
    assert spread(texts["north"][:15] + texts["south"][:15]) >= max(spread(texts["north"]), spread(texts["south"]))


def test_fewer_than_one_in_a_hundred_of_what_stays_is_a_near_copy():
    world = Encyclopaedia(CRAFTS, VOICES, copying=frozenset({"The bowline", "Reefing a sail"}))
    found = made(Oak(lengths=(80,)), world=world, of=category("Seamanship"))
    kept = [one.response for one in found if one.status == "current"]
    assert Counter(one.reason for one in found)["near_copy"] >= 2
    assert max(jaccard(*pair) for pair in combinations(kept, 2)) < 0.8
    copies = [one for one in found if one.reason == "near_copy"]
    assert all(one.attributes["near"].endswith(one.attributes["generator"]) for one in copies)


# ----------------------------------------------------------------------------------------------------- what it costs


def test_a_text_costs_itself_and_its_share_of_names_and_prompts():
    teachers = []
    found = made(Oak(subcategories=5, per_subcategory=2), teachers=teachers)
    writer, generators = teachers
    # 1 listing of subcategories and 5 of topics; a prompt for each of 10 topics by one of two ways; 10 x 2 x 2 texts
    assert (len(writer.requests), len(generators.requests)) == (1 + 5 + 10, 40)
    assert len(found) == 40 and all(one.parents == (category(),) for one in found)


@pytest.mark.parametrize("models", [("north", "south"), ("north", "south", "east")])
def test_in_turn_every_model_writes_for_both_ways(models):
    voices = {name: voice(name[0]) for name in models}
    teachers = []
    found = made(
        Oak(writes="in_turn", subcategories=6, per_subcategory=2),
        world=Encyclopaedia(voices=voices),
        models=models,
        teachers=teachers,
    )
    assert len(found) == len(teachers[1].requests) == 24
    shares = Counter((one.attributes["generator"], one.attributes["prompt_method"]) for one in found)
    assert set(shares.values()) == {24 // len(models) // 2}


def test_one_way_and_one_model_are_enough():
    found = made(Oak(ways=("meta",), subcategories=3), models=("north",))
    assert [one.attributes["prompt_method"] for one in found] == ["meta"] * 3
    assert all(one.instruction.startswith("Explain Physics") for one in found)


def test_a_template_stands_for_each_form_and_readership():
    assert len(PROGRAMMATIC) == len(FORMS) * len(READERS) == 15
    assert len({prompt.hash for prompt in PROGRAMMATIC.values()}) == 15


def test_another_category_changes_nothing_and_another_seed_draws_other_properties():
    def properties(found):
        return [(one.attributes.get("form"), one.attributes.get("words_asked")) for one in found]

    first = made(Oak())
    assert [one.content() for one in made(Oak())] == [one.content() for one in first]
    assert properties(made(Oak(seed=1))) != properties(first)


# ----------------------------------------------------------------------------------------------------------- bad input


def test_names_that_come_twice_are_one():
    class Repeats(Encyclopaedia):
        def _names(self, category, subcategory, count):
            return ["Optics", "optics.", "Heat", " ", "x" * 300, "Sound"] if not subcategory else ["Lenses", "lenses"]

    found = made(Oak(ways=("meta",)), world=Repeats(voices=TWO), models=("north",))
    assert [(one.attributes["subcategory"], one.attributes["topic"]) for one in found] == [
        (name, "Lenses") for name in ("Optics", "Heat", "Sound")
    ]


def test_a_taxonomy_with_a_cycle_ends_where_it_closes():
    class Turns(Encyclopaedia):
        def _names(self, category, subcategory, count):
            return [category, "Optics", "Heat"] if not subcategory else [category, f"{subcategory.upper()}."]

    found = made(Oak(ways=("meta",), tries=2), world=Turns(voices=TWO), models=("north",))
    # the category is no subcategory of its own; neither it nor the subcategory is a topic, so none is left
    assert [(one.attributes["subcategory"], one.reason) for one in found] == [
        ("Optics", "topics_does_not_fit"),
        ("Heat", "topics_does_not_fit"),
    ]


def test_a_subcategory_without_topics_and_faults_of_texts_stay_with_their_reason():
    world = Encyclopaedia(voices=TWO, without=frozenset({"Physics 2"}))
    found = made(Oak(subcategories=3), world=world)
    assert Counter(one.reason for one in found) == {None: 8, "topics_does_not_fit": 1}
    faults = {"completion": {"refusal": 0.3, "truncation": 0.3}}
    found = made(Oak(), faults=faults)
    assert {one.reason for one in found} == {None, "refused", "cut"} and len(found) == 40


class Says(Encyclopaedia):
    """Generators that say the same whatever is asked."""

    def __init__(self, text):
        super().__init__(voices=TWO)
        self.text = text

    def _text(self, request, topic, sub, length):
        return self.text or request.user


FRENCH = "Le soleil se couche derrière la montagne et les enfants rentrent à la maison avec leurs parents. " * 8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "copy", id="the prompt again"),
        pytest.param("Write the text and nothing else.", "copy", id="a part of the prompt"),
        pytest.param("I'm sorry, I cannot write that.", "refusal", id="a refusal in words"),
        pytest.param("Too short to be a text.", "wrong_length", id="far from the length"),
        pytest.param(FRENCH, "another_language", id="another language"),
    ],
)
def test_a_text_that_is_none_has_its_reason(text, reason):
    found = made(Oak(ways=("programmatic",), lengths=(130,), subcategories=2), world=Says(text))
    assert {one.reason for one in found} == {reason}


def test_lengths_may_go_unchecked():
    method = Oak(ways=("programmatic",), subcategories=1, most_off=None)
    assert [one.reason for one in made(method, world=Says("A few words."))] == [None, "near_copy"]


def test_a_writer_that_never_gives_names_leaves_a_reject_after_its_tries():
    writer = ScriptedTeacher(Encyclopaedia(), faults={"names": {"broken_json": 1.0}})
    with pytest.raises(Unusable, match="unparsable"):
        asyncio.run(Oak(tries=2).synthesize(category(), writer=writer, generators=writer))
    assert len(writer.requests) == 2


@pytest.mark.parametrize(("body", "reason"), [(" \n ", "blank_category"), ("word " * LONGEST, "no_category")])
def test_what_names_no_category_is_dropped_before_anybody_is_asked(body, reason):
    teachers = []
    found = made(Oak(), of=Document(body=body, record_id=b"d"), teachers=teachers)
    assert isinstance(found, Drop) and found.reason == reason and teachers[0].requests == []
