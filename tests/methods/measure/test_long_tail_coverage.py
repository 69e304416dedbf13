"""Which cells are rare or missing: counted over languages, sources and attributes."""

import json

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.measure.long_tail_coverage import LongTailCoverage


def found_in(references, *, langs=None, attributes=None, files=None, **settings):
    rows = langs or attributes or []
    flat = pa.table(
        {
            "record_id": pa.array([b"%d" % number for number in range(len(rows))], pa.binary()),
            "source": pa.array(["one"] * len(rows), pa.string()),
            "lang": pa.array(langs or [None] * len(rows), pa.string()),
            "attributes": pa.array([json.dumps(one) for one in attributes or [{}] * len(rows)], pa.string()),
        }
    )
    return LongTailCoverage(**settings).measure(flat, references=references(files or {}))


def test_languages_of_five_records(references):
    found = found_in(references, langs=["en", "en", "en", "fi", "cy", "und", None], floor=3)
    # Good-Turing over 3, 1, 1: 2/5; Chao1 without a pair: 3 + 2 * 1 / 2 = 4; fi and cy lack two each
    assert found.numbers["missing_mass"] == pytest.approx(0.4)
    assert (found.numbers["records"], found.numbers["without_cell"], found.numbers["cells"]) == (7, 2, 3)
    assert (found.numbers["chao1"], found.numbers["below_floor"], found.numbers["lacking"]) == (4, 2, 4)
    assert found.histogram == {"cy": 2, "fi": 2}


def test_the_backlog_lists_the_topics_that_were_hidden(references):
    rng = np.random.default_rng(5)
    topics, hidden = [f"topic {number:03}" for number in range(100)], {f"topic {n:03}" for n in range(20)}
    drawn = [topic for topic in rng.choice(topics, 20_000).tolist() if topic not in hidden]
    reference = [{"cell": topic, "count": 200} for topic in topics]
    found = found_in(
        references,
        attributes=[{"topic": topic} for topic in drawn],
        by="topic",
        reference="topics.jsonl",
        files={"topics.jsonl": reference},
    )
    # 200 of each were drawn, +- 14: none of the 80 falls below 100
    assert set(found.histogram) == hidden
    assert (found.numbers["below_floor"], found.numbers["lacking"]) == (20, 2_000)
    # the tail is ten of the rarest, of equals by name: topics 0 to 9, all hidden
    assert found.numbers["tail_recall"] == 0 and found.numbers["least_represented"] == 0


def test_a_record_with_several_values_counts_in_each(references):
    found = found_in(
        references, attributes=[{"tags": ["a", "b"]}, {"tags": "a"}, {"tags": None}, {}], by="tags", floor=2
    )
    assert (found.numbers["cells"], found.numbers["without_cell"]) == (2, 2)
    assert found.histogram == {"b": 1}


def test_languages_are_corrected_by_how_texts_of_known_language_are_called(references):
    # no French text is called English here, so its count stays, and what there is of it is so
    labelled = [
        {"text": "The river was high and the bridge was closed to all traffic for two days.", "label": "en"},
        {"text": "La rivière était haute et le pont fut fermé à toute circulation pendant deux jours.", "label": "fr"},
    ]
    found = found_in(
        references, langs=["en"] * 8 + ["fr", "fi"], labelled="known.jsonl", files={"known.jsonl": labelled}, floor=2
    )
    assert found.numbers["least_precision"] == 1
    assert found.histogram == {"fi": 1, "fr": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"cell": "a"}, "needs 'cell' and 'share' or 'count'"),
        ({"cell": "a", "share": True}, "needs 'cell' and 'share' or 'count'"),
        ({"cell": "a", "share": -1}, "gives the cell 'a' the size -1"),
    ],
    ids=["no size", "a yes", "below nothing"],
)
def test_a_reference_that_is_none_is_refused(references, line, said):
    with pytest.raises(SynthError, match=said):
        found_in(references, langs=["en"], reference="r.jsonl", files={"r.jsonl": [line]})


def test_labelled_texts_without_a_label_are_refused(references):
    with pytest.raises(SynthError, match="needs 'text' and 'label'"):
        found_in(references, langs=["en"], labelled="k.jsonl", files={"k.jsonl": [{"text": "a"}]})


def test_no_records_have_no_cells(references):
    assert found_in(references, langs=[]).numbers == {
        "records": 0, "without_cell": 0, "cells": 0, "chao1": 0, "below_floor": 0, "lacking": 0,
    }  # fmt: skip
