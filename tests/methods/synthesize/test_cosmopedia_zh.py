"""A text for each seed in one of six styles; what cannot stay goes with its reason, and each text is one call."""

import asyncio
from collections import Counter
from typing import get_args

import pytest

from synth_dagster.methods.synthesize.cosmopedia_zh import CosmopediaZh, Style
from synth_dagster.parts.text.chinese import is_chinese, refuses, repeated
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.chinese import ChineseWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

SEED = "村里的老人说，茶叶要在清明以前采，叶子小，味道才香。炒茶的火不能太大，手要快，不然叶子就焦了。"


def seeds(number):
    return [Document(body=f"第{place}页。{SEED}", record_id=digest("seed", place)) for place in range(number)]


def made(documents, teacher, **settings):
    async def run():
        return [await CosmopediaZh(**settings).synthesize(one, writer=teacher) for one in documents]

    return [record for records in asyncio.run(run()) for record in records]


def test_styles_are_drawn_evenly_and_each_text_is_one_call():
    teacher = ScriptedTeacher(ChineseWorld())
    found = made(seeds(600), teacher)
    styles = Counter(one.attributes["cosmopedia_zh"]["style"] for one in found)
    # binomial of 600 at 1/6: mean 100, deviation 9.1; within five of them
    assert styles.keys() == set(get_args(Style)) and all(54 < count < 146 for count in styles.values())
    assert len(teacher.requests) == len(found) == 600
    assert [one.parents[0].record_id for one in found] == [seed.record_id for seed in seeds(600)]


def test_several_texts_of_a_seed_have_different_styles_and_the_sampling_of_the_paper():
    teacher = ScriptedTeacher(ChineseWorld())
    found = made(seeds(20), teacher, per_seed=6)
    for start in range(0, 120, 6):
        assert len({one.attributes["cosmopedia_zh"]["style"] for one in found[start : start + 6]}) == 6
    assert {(one.temperature, one.top_p, one.max_tokens) for one in teacher.samplings} == {(0.95, 0.95, 4_000)}


def test_a_long_seed_is_cut_at_eight_hundred_characters():
    teacher = ScriptedTeacher(ChineseWorld())
    made([Document(body="茶" * 5_000, record_id=b"l" * 16)], teacher)
    assert len(teacher.requests[0].tag("seed")) == 800


def test_planted_refusals_and_english_go_and_the_rest_stays():
    found = made(seeds(400), ScriptedTeacher(ChineseWorld(spoilt=0.1)))
    reasons = Counter(one.reason for one in found)
    spoilt = Counter("refused" if one.body.startswith("抱歉") else "other" for one in found if not _fine(one.body))
    assert reasons["refused"] == spoilt["refused"] > 20 and reasons["other_language"] == spoilt["other"] > 20
    assert all(_fine(one.body) == (one.status == "current") for one in found)


def _fine(text):
    return is_chinese(text) and not refuses(text)


class Says(ScriptedTeacher):
    """A teacher that says one thing."""

    def __init__(self, said):
        super().__init__(type("World", (), {"answer": lambda self, request: said(request)})())


def test_a_copy_of_the_seed_goes():
    (found,) = made(seeds(1), Says(lambda request: request.tag("seed")))
    assert (found.status, found.reason) == ("eliminated", "repeats_seed")


def test_a_cut_text_goes_and_a_refusal_of_the_service_is_a_reject():
    (found,) = made(seeds(1), ScriptedTeacher(ChineseWorld(), faults={"completion": {"truncation": 1.0}}))
    assert found.reason == "cut"
    with pytest.raises(Unusable):
        made(seeds(1), Says(lambda request: " "))


def test_a_blank_seed_is_not_asked_about():
    teacher = ScriptedTeacher(ChineseWorld())
    dropped = asyncio.run(CosmopediaZh().synthesize(Document(body=" \n"), writer=teacher))
    assert isinstance(dropped, Drop) and dropped.reason == "blank_seed" and not teacher.requests


def test_chinese_is_told_by_its_characters():
    assert is_chinese("水在100度沸腾。") and not is_chinese("Water boils.") and not is_chinese("123")
    assert refuses("抱歉，我不能。") and refuses("作为一个人工智能，我") and not refuses("他说抱歉。")
    # of the 8 runs of eight characters of fifteen, those of the first ten, three, stand in the source
    assert repeated("一二三四五六七八九十甲乙丙丁戊", "零一二三四五六七八九十") == pytest.approx(3 / 8)
    assert repeated("短", "短") == 1 and repeated("短", "长") == 0
