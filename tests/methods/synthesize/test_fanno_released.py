"""FANNO beside its released code: what that gave for inputs of ours, and the places where we differ on purpose."""

import asyncio
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from synth_dagster.methods.synthesize.fanno import ANSWER, SEEDS, Fanno
from synth_dagster.parts.cards.unseen_paragraphs import unfit_alone
from synth_dagster.parts.mixing.bandits import UpperConfidence, spread
from synth_dagster.parts.similarity.communities import communities
from synth_dagster.records import Document, Instruction, digest
from synth_dagster.services import Answer, Call

# `made_by` says which of its functions; vectors are drawn from seeds, and are far enough from the thresholds
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "fanno_released.json").read_text(encoding="utf-8"))
COMMUNITIES = pytest.mark.parametrize("case", RELEASED["communities"], ids=lambda case: f"seed {case['seed']}")


def vectors_of(case):
    draws, number, dimensions = np.random.default_rng(case["seed"]), case["new"] + case["old"], case["dimensions"]
    centres = draws.normal(size=(case["centres"], dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = centres[draws.integers(0, case["centres"], number)] + case["noise"] * draws.normal(size=(number, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_document_gives_as_many_prompts():
    assert len(SEEDS) == RELEASED["prompts"] == 96


@pytest.mark.parametrize("case", RELEASED["draws"], ids=lambda case: f"{len(case['lengths'])} seeds")
def test_from_one_seed_the_same_three_are_drawn_round_for_round(case):
    scores = spread(dict(enumerate(case["lengths"])))
    bounds = UpperConfidence(scores, dict(enumerate(case["before"])))
    rng = random.Random(case["seed"])
    for round_, drawn in enumerate(case["drawn"]):
        if round_ == len(case["drawn"]) - 1:  # its values are those that the last draw was made by
            assert bounds.values[:12].tolist() == pytest.approx(case["values"], abs=1e-6)
        assert bounds.draw(3, rng) == drawn
    assert bounds.counts.tolist() == case["counts"]


def test_fewer_than_sixty_end_the_released_code_and_not_ours():
    assert RELEASED["fifty_nine"].startswith("Sample larger than population")  # int(.05 * 59) = 2
    assert len(UpperConfidence(dict.fromkeys(range(59), 0.0)).draw(3, random.Random(1))) == 3


@pytest.mark.parametrize(("instruction", "stays"), RELEASED["hard_filter"])
def test_the_hard_filter_says_the_same_and_by_itself_refuses_only_whole_words(instruction, stays):
    assert (unfit_alone(instruction, official=True) is None) == stays
    # the one difference: "snow" and "forgiven" are no "now" and no "given", and what the released filter keeps is kept
    assert unfit_alone(instruction) is None if stays else unfit_alone(instruction) or _inside_a_word(instruction)


def _inside_a_word(instruction):
    return unfit_alone(instruction, official=True) == "key_word" and re.search(
        r"\w(now|text|given|refer|name)|(now|text|given|refer|name)\w", instruction
    )


@COMMUNITIES
def test_communities_are_those_of_the_package_that_it_calls(case):
    vectors = vectors_of(case)
    assert communities(vectors, threshold=case["threshold"]) == case["groups"]
    # documents: of each community of two and more the first
    assert communities(vectors, threshold=case["threshold"], least=2) == case["groups_of_two"]


class Given:
    """Vectors by the number in a text; documents are all unlike each other."""

    model = "given"

    def __init__(self, vectors):
        self.vectors = vectors

    async def embed(self, texts):
        if texts[0].startswith("Paragraph"):
            return np.eye(len(texts), dtype=np.float32)
        return self.vectors[[int(re.findall(r"\d+", text)[0]) for text in texts]]


class Writer:
    """Writes the instruction with the number of the paragraph, and answers all alike."""

    async def tell(self, made, **values):
        text = "A line." if made is ANSWER else _asks(int(re.findall(r"Paragraph (\d+)", values["paragraph"])[0]))
        return Answer(text, "stop", Call(digest("call", text), "given"))


def _asks(number):
    return f"Write a long letter to neighbour {number}."


@COMMUNITIES
def test_the_same_instructions_stay_but_for_those_that_are_near_to_an_old_one(case):
    new, old, threshold = case["new"], case["old"], case["threshold"]
    documents = [
        Document(body=f"Paragraph {number:03}", record_id=digest("d", number)) for number in (999, *range(new))
    ]
    known = [
        Instruction.single(_asks(number), "A line.", record_id=digest("i", number), attributes={"item": f"0.{number}"})
        for number in range(new, new + old)
    ]
    vectors, method = vectors_of(case), Fanno(seed_documents=1, window=new, most_alike=threshold)
    made = asyncio.run(method.round([*documents, *known], 1, writer=Writer(), embedder=Given(vectors)))
    kept = {int(re.findall(r"\d+", one.instruction)[0]) for one in made[0] if one.status == "current"}
    # a centre may have an old neighbour that a larger community took first: the released code keeps it, we do not
    near = {one for one in case["kept"] if (vectors[one] @ vectors[new:].T >= threshold).any()}
    assert kept == set(case["kept"]) - near
    assert sorted(near) == ({3: [3]}.get(case["seed"], []))


def test_the_package_of_its_time_lost_some_that_are_like_none_that_stayed():
    # it made groups of what a taken centre left behind, though these need not be near to each other
    lost = {}
    for case in RELEASED["communities"]:
        vectors, then = vectors_of(case), case["kept_before"]
        there = [*then, *range(case["new"], case["new"] + case["old"])]
        lost[case["seed"]] = [
            one
            for one in case["kept"]
            if one not in then and not (vectors[one] @ vectors[there].T >= case["threshold"]).any()
        ]
    assert lost == {0: [], 1: [], 2: [57, 22], 3: []}
