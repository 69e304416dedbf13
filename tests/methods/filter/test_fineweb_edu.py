"""Planted pages: the head tells those that teach from what a judge said of a sample, and says how well."""

import asyncio
import json

import numpy as np
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.fineweb_edu import FinewebEdu
from synth_dagster.methods.refine.edu_rubric import EduRubric
from synth_dagster.parts.models.linear_head import macro_f1
from synth_dagster.parts.pages.edu_labels import labelled, points
from synth_dagster.records import Document, digest
from synth_dagster.runner.models import TrainedModels
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.teaching import TeachingWorld, pages


class Judged(TrainedModels):
    """Models of labels that are in memory."""

    def __init__(self, rows):
        super().__init__(None, None)
        self._rows = rows

    def rows(self, path):
        return self._rows


def rows_of(number, *, off=0.0, seed=0):
    """Records as `synth show --json` writes them, judged by a judge that is a point off so often."""
    teacher, found = ScriptedTeacher(TeachingWorld(off=off)), []
    for place, (text, _) in enumerate(pages(number, seed)):
        record = Document(body=text, record_id=digest(place))
        judged = asyncio.run(EduRubric(share=1).refine(record, judge=teacher))
        found.append({"text": judged.body, "attributes": dict(judged.attributes)})
    return found


@pytest.mark.parametrize("off", [0.0, 0.3], ids=["a judge without faults", "three of ten scores a point off"])
def test_at_the_cut_planted_pages_are_told_apart(verdicts_of, off):
    asked = pages(400, seed=1)
    found = verdicts_of(FinewebEdu(labels="l"), [text for text, _ in asked], {"models": Judged(rows_of(300, off=off))})
    teaches = np.array([points >= 3 for _, points in asked])
    kept = np.array([reason is None for reason in found])
    assert macro_f1(teaches, kept) > 0.75
    assert {reason for reason in found if reason} == {"teaches_little"}


def test_labels_may_be_plain_lines_too():
    rows = [{"text": text, "label": points} for text, points in pages(5)]
    assert labelled(rows, "l").num_rows == 5
    assert labelled([*rows, {"text": "no label"}, {"text": None, "label": 3}, {"label": 2}], "l").num_rows == 5


def test_points_are_rounded_and_clipped_as_in_the_official_code():
    # a half goes to the even whole, as Python and NumPy round
    assert points(np.array([-2, 0.4, 2.5, 2.6, 3.5, 9])).tolist() == [0, 0, 2, 3, 4, 5]


def test_a_head_that_tells_nothing_is_not_gone_by(verdicts_of):
    # labels drawn without a look at the page: nothing can be learnt
    rng = np.random.default_rng(0)
    rows = [{"text": text, "label": int(rng.integers(6))} for text, _ in pages(100)]
    with pytest.raises(SynthError, match=r"macro-F1 of 0\.[0-5]\d on texts that it has not seen; 0\.6 is asked for"):
        verdicts_of(FinewebEdu(labels="l"), ["x"], {"models": Judged(rows)})
    assert verdicts_of(FinewebEdu(labels="l", min_f1=0, min_score=0), ["x"], {"models": Judged(rows)}) == [None]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param([], "no texts of two scores", id="nothing"),
        pytest.param([{"text": "a", "label": 3}, {"text": "b", "label": 3}], "two scores", id="one score"),
        pytest.param([{"text": "a", "label": 3}, {"text": "b", "label": 7}], "score 7", id="out of the scale"),
        pytest.param([{"text": "a", "label": "good"}, {"text": "b", "label": 1}], "two scores", id="a word"),
        pytest.param([{"text": "a", "attributes": {"edu_rubric": {"score": None}}}], "two scores", id="no verdict"),
    ],
)
def test_labels_that_say_nothing_are_told(rows, told):
    with pytest.raises(SynthError, match=told):
        labelled(rows, "labels.jsonl")


def test_only_the_cut_moves_without_reading_the_pages_again():
    one = FinewebEdu(labels="l")
    assert one.signals_fingerprint() == FinewebEdu(labels="l", min_score=2).signals_fingerprint()
    assert one.signals_fingerprint() != FinewebEdu(labels="l", ridges=(1.0,)).signals_fingerprint()


def test_labels_are_read_as_synth_show_writes_them(tmp_path):
    rows = [{"text": text, "attributes": {"edu_rubric": {"score": points}}} for text, points in pages(6)]
    (tmp_path / "labels.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    models = TrainedModels(tmp_path, None)
    assert labelled(models.rows("labels.json"), "labels.json").num_rows == 6
    (tmp_path / "broken.json").write_text('{"text": "a"', encoding="utf-8")
    for path in ("broken.json", "not_there.json"):
        with pytest.raises(SynthError, match=path):
            models.rows(path)
