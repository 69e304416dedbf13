"""Topic and format of pages, told by heads that learnt from labelled ones; and statistics of the two."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.weborganizer import Weborganizer
from synth_dagster.methods.measure.domain_statistics import DomainStatistics
from synth_dagster.runner.vectors import NoVectors
from tests.methods.labelled import PlainModels

WORLDS = Path(__file__).parents[3] / "recipes/gallery/worlds"
LABELS, PAGES = (
    [json.loads(line) for line in (WORLDS / f"weborganizer_{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    for name in ("labels", "pages")
)
MODELS = PlainModels({"labels": LABELS})


def measured(texts, models=MODELS, **settings):
    return Weborganizer(judged="labels", **settings).measure(
        pa.table({"text": pa.array(texts, pa.string())}), models=models, vectors=NoVectors()
    )


def test_pages_that_it_has_not_seen_are_sorted_right():
    found = measured([row["text"] for row in PAGES])
    for side in ("topic", "format"):
        right = [said == row[side] for said, row in zip(found[side].to_pylist(), PAGES, strict=True)]
        assert sum(right) / len(right) > 0.9, side
    assert found["domain"][0].as_py() == f"{found['topic'][0]} x {found['format'][0]}"


def test_what_a_judge_said_is_learnt_from_as_it_was_written_down():
    judged = [
        {"text": row["text"], "attributes": {"weborganizer": {"topic": {row["topic"]: 0.75, "games": 0.25},
                                                              "format": {row["format"]: 1.0}}}}
        for row in LABELS
    ]  # fmt: skip
    some = [row["text"] for row in PAGES]
    soft = measured(some, PlainModels({"labels": [*judged, {"text": "not judged"}]}))
    assert soft["topic"].to_pylist() == measured(some)["topic"].to_pylist()


def test_topics_and_formats_are_dropped_only_where_a_person_says_so(verdicts_of):
    texts = [row["text"] for row in PAGES[:8]]
    assert verdicts_of(Weborganizer(judged="labels"), texts, {"models": MODELS}) == [None] * 8
    strict = Weborganizer(judged="labels", drop=("user_review", "crime_and_law"))
    wanted = ["unwanted" if {row["topic"], row["format"]} & set(strict.drop) else None for row in PAGES[:8]]
    assert verdicts_of(strict, texts, {"models": MODELS}) == wanted and set(wanted) == {"unwanted", None}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "a", "topic": "cookery", "format": "faq"}], "has the topic 'cookery', which is none"),
        ([{"text": "a", "topic": "games", "format": "faq"}], "has no texts of two topics to learn from"),
        ([{"text": 7, "topic": "games"}, {"topic": "health"}], "has no texts of two topics to learn from"),
    ],
    ids=["a strange label", "one label", "no texts"],
)
def test_labels_that_are_none_are_refused(rows, said):
    with pytest.raises(SynthError, match=said):
        measured(["a"], PlainModels({"labels": rows}))


def test_a_head_that_errs_is_refused():
    mixed = [{**row, "topic": LABELS[(place * 17) % len(LABELS)]["topic"]} for place, row in enumerate(LABELS)]
    with pytest.raises(SynthError, match=r"tells the topic of \d+% of those that it has not seen; 90% is asked for"):
        measured(["a"], PlainModels({"labels": mixed}), min_agreement=0.9)


def test_statistics_of_pages_that_are_as_many_of_each_pair():
    # every topic with every format, advertisements once and others twice: nothing binds them, and topics are equal
    found = DomainStatistics(judged="labels").measure(pa.table({"text": [row["text"] for row in PAGES]}), models=MODELS)
    assert found.numbers["records"] == len(PAGES) and found.numbers["nmi"] < 0.1
    assert found.numbers["effective_topics"] == pytest.approx(4, abs=0.2)
    assert sum(share for name, share in found.histogram.items() if name.startswith("topic ")) == pytest.approx(1)
    assert DomainStatistics(judged="labels").measure(pa.table({"text": pa.array([None], pa.string())}), models=MODELS)
