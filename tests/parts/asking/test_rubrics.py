"""A judgment's score is read whatever form it has, and what is no score is none."""

import pytest

from synth_dagster.parts.asking.rubrics import RUBRICS, score_in, score_of
from synth_dagster.services import Answer, Call

# English, Chinese with both colons, marks, brackets; the last score counts; out of the scale or without a label is none
JUDGMENTS = [
    ("Educational score: 3", 3),
    ("Educational Score: 0", 0),
    ("educational score:5", 5),
    ("EDUCATIONAL SCORE: 4", 4),
    ("Educational score : 2", 2),
    ("Educational score: <2>", 2),
    ("Educational score: [1]", 1),
    ("Educational score: (4)", 4),
    ("**Educational score:** 3", 3),
    ("**Educational score: 3**", 3),
    ("__Educational score__: 2", 2),
    ("`Educational score: 1`", 1),
    ("Educational score = 3", 3),
    ("Educational score - 3", 3),
    ("Educational score: 3/5", 3),
    ("Educational score: 3 out of 5", 3),
    ("Educational score: 3.", 3),
    ("Educational score: 3.5", 3),
    ("Educational score:\n4", 4),
    ("Educational\nscore: 4", 4),
    ('"Educational score": 2', 2),
    ("It is fine.\n\nEducational score: 3\n", 3),
    ("Some would say educational score: 1, but it is more. Educational score: 4", 4),
    ("Score: 2", 2),
    ("教育分数:3", 3),
    ("教育分数：3", 3),
    ("教育分数: 4", 4),
    ("教育分数：4分", 4),
    ("教育得分：2", 2),
    ("教育评分：5", 5),
    ("得分：1", 1),
    ("得分:[4]/5", 4),
    ("分数为3分", 3),
    ("分数是 2", 2),
    ("评分：**4**", 4),
    ("**教育分数**：0", 0),
    ("《教育分数》：3", 3),
    ("教育分数:<3>", 3),
    ("写作流畅,内容实用。\n教育分数：4", 4),
    ("写作得分：2。实用得分：5。\n教育分数：3", 3),
    ("", None),
    ("I cannot judge this page.", None),
    ("It has 3 points.", None),
    ("3", None),
    ("Educational score: none", None),
    ("Educational score: 7", None),
    ("Educational score: 35", None),
    ("教育分数：无", None),
    ("这段文本没有价值。", None),
    ("教育分数：12", None),
]


@pytest.mark.parametrize(("judgment", "score"), JUDGMENTS)
def test_fifty_forms_of_a_judgment(judgment, score):
    assert score_in(judgment) == score


def test_there_are_fifty_of_them():
    assert len({judgment for judgment, _ in JUDGMENTS}) == 50


def test_a_cut_judgment_has_no_score_for_one_in_its_reasons_is_no_verdict():
    said = "A first score: 2 would do for"
    assert score_of(Answer(said, "stop", Call(b"", "m"))) == 2
    assert score_of(Answer(said, "length", Call(b"", "m"))) is None


def test_each_rubric_shows_the_page_and_ends_with_its_label():
    for rubric in RUBRICS.values():
        asked = rubric.prompt.messages({"page": "<page>\nA text.\n</page>\n\n"})[-1]["content"]
        assert asked.startswith("<page>") and score_in(asked.replace("<points>", "3").replace("<分数>", "3")) == 3


def test_a_million_digits_take_no_time():
    assert score_in("score: " + "9" * 1_000_000) is None
    assert score_in("score" + " " * 1_000_000) is None
