"""Heads over a model's vectors: what words cannot tell they tell, and what does not belong together is refused."""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.parts.models.learnt_heads import head_of
from synth_dagster.parts.models.linear_head import HeadSettings, TextHead, macro_f1
from synth_dagster.runner.models import TrainedModels
from tests.scripted_teacher.synonyms import LENGTH, pages, retold, vector

SETTINGS = {"target": "number", **HeadSettings().training()}


class Known:
    """`services.Vectors` of the model that knows synonyms, but for some texts."""

    def __init__(self, model="encoder", unknown=(), length=LENGTH):
        self.model, self._unknown, self._length = model, unknown, length

    def of(self, texts):
        return np.array([self._row(text) for text in texts.to_pylist()], np.float32).reshape(len(texts), -1)

    def _row(self, text):
        if text in self._unknown or not text:
            return [np.nan] * self._length
        row = np.array(vector(text, self._length))
        return row / np.linalg.norm(row)


def examples(number=200):
    told = pages(number, 0, seed=1)
    return pa.table({"text": [text for text, _ in told], "label": [str(points) for _, points in told]})


def head(known, table=None, models=None):
    return head_of(models or TrainedModels(None, None), SETTINGS, table or examples(), known, "labels.jsonl")


def test_a_head_over_a_models_vectors_tells_pages_whose_words_no_label_has():
    asked = pages(200, 1, seed=2)
    texts, teaches = pa.array([text for text, _ in asked]), np.array([points >= 3 for _, points in asked])
    by_model, by_words = (macro_f1(teaches, head(known).scores(texts)[:, 0] >= 2.5) for known in (Known(), None))
    # words say nothing, so all pages have one score: one class alone is told, whose F1 is 2/3, and the other's is 0
    assert by_model > 0.95 and by_words < 0.6
    own = pages(200, 0, seed=3)
    known_words = head(None).scores(pa.array([text for text, _ in own]))[:, 0] >= 2.5
    assert macro_f1(np.array([points >= 3 for _, points in own]), known_words) > 0.95, "in the labels' words both tell"


def test_what_is_retold_has_the_same_score():
    texts = [text for text, _ in pages(20, 0, seed=4)]
    one = head(Known())
    assert np.allclose(one.scores(pa.array(texts)), one.scores(pa.array([retold(text) for text in texts])), atol=1e-4)


def test_a_text_without_a_vector_has_no_score():
    texts = [text for text, _ in pages(3, 1, seed=2)]
    scores = head(Known(unknown=texts[1:2])).scores(pa.array([*texts, None]))[:, 0]
    assert np.isnan(scores).tolist() == [False, True, False, True]
    assert np.isnan(head(Known()).scores(pa.array([None, ""], pa.string()))).all()


def test_each_labelled_text_must_have_a_vector():
    known = Known(unknown=examples()["text"].to_pylist()[:3])
    with pytest.raises(SynthError, match=r"3 of 200 texts of 'labels.jsonl' have no vector of 'encoder'.*'embed'"):
        head(known)
    blank = pa.concat_tables([examples(), pa.table({"text": [" ", "--"], "label": ["0", "0"]})])
    assert len(head(Known(), blank).targets) == 200, "what says nothing needs none, and teaches nothing"
    with pytest.raises(SynthError, match="has no text that says anything"):
        head(Known(), blank.slice(200))


def test_a_head_is_learnt_once_for_each_model_and_for_its_vectors():
    made = []

    class Noting(TrainedModels):
        def _made(self, name, trainer, table):
            made.append(name)
            return super()._made(name, trainer, table)

    models = Noting(None, None)
    for known in (Known("one"), Known("one"), Known("two"), Known("one", length=LENGTH + 1), None):
        head(known, examples(150), models)
    assert len(made) == len(set(made)) == 4


def test_vectors_of_another_model_or_length_are_refused_with_both_named():
    packed = head(Known("one")).packed()
    with pytest.raises(SynthError, match="over vectors of 'one', and the texts have those of 'two'"):
        TextHead.unpacked(packed, Known("two"))
    with pytest.raises(SynthError, match="over vectors of 'one', and the texts have those of words"):
        TextHead.unpacked(packed)
    with pytest.raises(SynthError, match="over vectors of words, and the texts have those of 'two'"):
        TextHead.unpacked(head(None).packed(), Known("two"))
    longer = TextHead.unpacked(packed, Known("one", length=LENGTH + 2))
    with pytest.raises(SynthError, match=rf"vectors of {LENGTH} numbers of 'one', and those of the texts have 18"):
        longer.scores(pa.array(["bababa"]))


def test_a_head_that_was_only_learnt_is_not_asked():
    one = TextHead.over("m", np.eye(4), ["0", "1", "2", "3"], "number", HeadSettings())
    with pytest.raises(MethodError, match="asked once it was packed"):
        one.scores(pa.array(["a"]))
