"""Facts outlive every form, strategies are drawn for each page, and what is no good goes with its reason."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from pydantic import ValidationError

from synth_dagster.methods.augment.beyondweb import Beyondweb, density, is_denser, quality_of
from synth_dagster.methods.mix.fixed_ratio import FixedRatio
from synth_dagster.parts.cards.strategies import STRATEGIES
from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.parts.text.rewriting import facts, invented
from synth_dagster.parts.text.tokens import count
from synth_dagster.records import Document
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.rephrasing import SPOILED, Rephraser, pages
from tests.scripted_teacher.teacher import ScriptedTeacher

PAGES = pages(40)
EVERY = len(STRATEGIES)


def made(method, documents=PAGES, world=None, **teacher):
    scripted = ScriptedTeacher(world or Rephraser(), **teacher)

    async def run():
        return await asyncio.gather(
            *(method.augment(one, writer=scripted) for one in documents), return_exceptions=True
        )

    return asyncio.run(run()), scripted


def variants(method, documents=PAGES, world=None, **teacher):
    found, _ = made(method, documents, world, **teacher)
    return [one for variants_ in found for one in variants_]


# -------------------------------------------------------------------------------------------------------------- facts


def test_of_planted_facts_nearly_all_are_in_what_stays_and_none_is_made_up():
    found = variants(Beyondweb(per_document=EVERY))
    assert len(found) == EVERY * len(PAGES) and {one.reason for one in found} == {None}
    kept = wanted = 0
    for page in PAGES:
        together = "\n".join(one.body for one in found if one.parents == (page,))
        kept += sum(fact in together.casefold() for fact in facts(page.body))
        wanted += len(facts(page.body))
        assert not invented(together, f"{page.title}\n{page.body}")
    assert wanted == 8 * len(PAGES) and kept / wanted >= 0.98  # four numbers, a place, two names and a day


def test_dense_forms_are_denser_than_their_source():
    found = variants(Beyondweb(strategies=("summary", "notes"), per_document=2))
    assert all(one.attributes["density"] > one.attributes["source_density"] for one in found)
    assert all(count(one.body) < count(one.parents[0].body) for one in found)
    # 2 facts of 4 tokens; 1 of 10
    assert density("In 1801 at Arden") == pytest.approx(2 / 4)
    assert is_denser("In 1801 at Arden", "It was in 1801 and not in another year.")
    assert is_denser("short", "a longer one") and not is_denser("a longer one", "short")


def test_many_strategies_spread_wider_than_one():
    def spread(texts):
        pairs = list(combinations(texts, 2))
        return sum(1 - jaccard(*pair) for pair in pairs) / len(pairs)

    many = [one.body for one in variants(Beyondweb())]
    single = [spread([one.body for one in variants(Beyondweb(strategies=(name,)))]) for name in STRATEGIES]
    assert spread(many) > max(single)


def test_real_and_rephrased_text_go_three_to_two():
    found = variants(Beyondweb(per_document=3))
    sizes = {"real": sum(count(one.body) for one in PAGES), "synthetic": sum(count(one.body) for one in found)}
    mixed = FixedRatio(shares={"real": 3, "synthetic": 2}).mix(sizes)
    assert mixed.tokens["synthetic"] / sum(mixed.tokens.values()) == pytest.approx(0.4, abs=0.01)


# ---------------------------------------------------------------------------------------------------------- strategies


def test_a_page_costs_a_call_for_each_drawn_strategy_and_piece():
    found, teacher = made(Beyondweb(per_document=3, piece_tokens=40))
    texts = [one for variants_ in found for one in variants_]
    parts = {one.parents[0].record_id: 0 for one in texts}
    for one in texts:
        parts[one.parents[0].record_id] = max(parts[one.parents[0].record_id], one.attributes["piece"] + 1)
    assert set(parts.values()) == {2}  # about 60 tokens in pieces of at most 40
    assert len(teacher.requests) == len(texts) == 3 * sum(parts.values())
    asked = Counter((one.parents[0].record_id, one.attributes["piece"], one.attributes["strategy"]) for one in texts)
    assert set(asked.values()) == {1}


def test_strategies_are_drawn_for_each_page_by_its_id():
    def names(found):
        return [one.attributes["strategy"] for one in found]

    first = names(variants(Beyondweb()))
    assert names(variants(Beyondweb(), PAGES[::-1])) == first[::-1]
    assert names(variants(Beyondweb(seed=1))) != first
    assert len(set(first)) > 6
    assert set(names(variants(Beyondweb(strategies=("list", "qa"))))) == {"list", "qa"}


def test_a_strategy_is_named_once():
    with pytest.raises(ValidationError, match="named twice"):
        Beyondweb(strategies=("qa", "qa"))


# ------------------------------------------------------------------------------------------------------------- quality


def test_only_good_pages_are_rephrased_where_their_quality_is_known():
    scored = [replace(page, attributes={"edu_rubric": {"score": number % 5}}) for number, page in enumerate(PAGES[:10])]
    found, teacher = made(Beyondweb(quality="edu_rubric.score"), [*scored, PAGES[11]])
    # scores 0 to 4 twice: 3 and 4 are good; one page has none
    assert Counter(one.reason for one in found if isinstance(one, Drop)) == {"low_quality": 6, "quality_unknown": 1}
    assert len(teacher.requests) == 4
    assert {one.attributes["quality"] for good in found if not isinstance(good, Drop) for one in good} == {3.0, 4.0}


@pytest.mark.parametrize(
    ("attributes", "quality"),
    [({"q": 4}, 4.0), ({"q": "4"}, None), ({"q": True}, None), ({"q": {"score": 4}}, None), ({}, None)],
)
def test_a_quality_is_a_number(attributes, quality):
    assert quality_of(Document(attributes=attributes), "q") == quality


# ------------------------------------------------------------------------------------------------------------- answers


def test_planted_faults_are_eliminated_for_what_they_are_and_nothing_else_is():
    world = Rephraser(**dict.fromkeys(SPOILED, 0.1))
    # of forms without a pattern: a fault that spoils the form is called by that
    found = variants(Beyondweb(strategies=("plain", "encyclopaedic", "conversational"), per_document=3), world=world)
    assert set(world.planted.values()) == set(SPOILED)
    for one in found:
        fault = world.planted.get(one.call_id)
        assert one.reason == (None if fault in (None, "lead_in") else fault)
    assert not any("rewritten text" in one.body for one in found if one.status == "current")


class Says:
    def __init__(self, text):
        self.text = text

    def answer(self, request):
        return self.text


FRENCH = "Ce vieux pont se trouve près de la rivière et les habitants du village le traversent tous les jours. " * 4


@pytest.mark.parametrize(
    ("strategy", "settings", "text", "reason"),
    [
        ("qa", {}, "It stands by the river.", "wrong_form"),
        ("plain", {"min_facts": 0}, FRENCH, "another_language"),
        ("notes", {"min_facts": 0}, "It is old. " * 60, "not_denser"),
        ("plain", {}, "Somebody built something somewhere once.", "lost_facts"),
        ("plain", {"min_facts": 0}, "Somebody built something somewhere once.", None),
        ("plain", {"min_facts": 0, "keep_facts": False}, "It was sold in 1066.", None),
        ("plain", {}, "...", "blank"),
    ],
)
def test_an_answer_that_does_not_do_has_its_reason(strategy, settings, text, reason):
    found = variants(Beyondweb(strategies=(strategy,), **settings), PAGES[:2], Says(text))
    assert {one.reason for one in found} == {reason}


def test_cut_answers_stay_with_their_reason_and_a_page_without_any_is_a_reject():
    found = variants(Beyondweb(per_document=EVERY), faults={"completion": {"truncation": 0.3}})
    assert Counter(one.reason for one in found).keys() == {None, "cut"}
    found, _ = made(Beyondweb(), PAGES[:3], faults={"completion": {"refusal": 1.0}})
    assert all(isinstance(one, Unusable) for one in found)
    (dropped,), teacher = made(Beyondweb(), [Document(body=" \n ", record_id=b"d" * 16)])
    assert isinstance(dropped, Drop) and dropped.reason == "blank_document" and teacher.requests == []
