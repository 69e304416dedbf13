"""The trainer: labelled texts in, a head as data out."""

import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.methods.train.embedding_head import EmbeddingHead
from synth_dagster.parts.models.linear_head import TextHead

FLAT = pa.table({"text": ["the cell divides", "a cell has a wall", "buy shoes", None], "label": ["4", "5", "0", "0"]})


def test_a_head_over_numbers_scores_texts():
    head = TextHead.unpacked(EmbeddingHead(target="number").train(FLAT))
    high, low = head.scores(pa.array(["a cell divides", "buy more shoes"]))[:, 0]
    assert high > 2.25 > low  # the mean of the labels is 9 / 4
    assert head.names == () and head.targets[:, 0].tolist() == [4, 5, 0, 0]


def test_the_same_texts_give_the_same_bytes_and_another_setting_others():
    assert EmbeddingHead().train(FLAT) == EmbeddingHead().train(FLAT)
    assert EmbeddingHead().train(FLAT) != EmbeddingHead(ridges=(7.0,)).train(FLAT)


def test_bytes_that_are_cut_are_told():
    with pytest.raises(MethodError, match="Train it again"):
        TextHead.unpacked(EmbeddingHead().train(FLAT)[:-9])
