"""Every filter, fed with nothing: a verdict for each record, no exception, and no keeping by accident."""

import inspect
from pathlib import Path

import pyarrow as pa
import pytest

from synth_dagster.catalog import methods
from synth_dagster.method import Filter
from synth_dagster.record_tables import FLAT
from synth_dagster.runner.models import TrainedModels
from synth_dagster.runner.vectors import NoVectors
from synth_dagster.scale.signals import compute_signals, judge

ROOT = Path(__file__).parents[2]
BAD = ["", " \n\t ", None, "\u00a0\u200b\ufeff", "\x00\x01", "\ufffd", "\n" * 1_000, "x" * 50_000, "😀" * 500]

# What a filter cannot do without; a new filter with a required setting says here what to try it with.
LABELLED = "tests/fixtures/labelled/pages.jsonl"
REQUIRED = {
    "decontaminate": {"against": "benchmarks"},
    "url_filter": {"lists": "benchmarks"},
    "tinygsm_leaks": {"against": "benchmarks"},
    "linear_classifier": {"examples": LABELLED},
    "text_attributes": {"quality": LABELLED},
    "weborganizer": {"judged": "recipes/gallery/worlds/weborganizer_labels.jsonl"},
    "gneissweb": {"quality": LABELLED},
    "opencsg_edu": {"labels": "tests/fixtures/labelled/scores.jsonl"},
    "fineweb_edu": {"labels": "tests/fixtures/labelled/scores.jsonl"},
}

FILTERS = {slug: method for slug, method in methods().items() if issubclass(method, Filter)}
CASES = [
    pytest.param(slug, view.kind, id=f"{slug}-{view.kind}")
    for slug, method in FILTERS.items()
    for view in method.judges
]


def flat(kind, texts):
    numbers = {"chosen_score", "rejected_score"}
    columns = {
        name: pa.nulls(len(texts), pa.float64()) if name in numbers else pa.array(texts, pa.string())
        for name in FLAT[kind]
    }
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    return pa.table({"record_id": pa.array(ids, pa.binary()), **columns})


class NoAncestors:
    """Records that were made from none."""

    def generations(self):
        return ()


def signals_and_reasons(slug, kind, texts, references):
    method = FILTERS[slug](**REQUIRED.get(slug, {}))
    found = references({"benchmarks": ["which of these four planets is called the red one"]})
    offered = {
        "references": found,
        "ancestors": NoAncestors(),
        "models": TrainedModels(ROOT, None),
        "vectors": NoVectors(),
    }
    asked = {p.name for p in inspect.signature(method.measure).parameters.values() if p.kind is p.KEYWORD_ONLY}
    signals = compute_signals(method, flat(kind, texts), services={name: offered[name] for name in asked})
    return signals, judge(method, signals)["reason"].to_pylist()


@pytest.mark.parametrize(("slug", "kind"), CASES)
def test_every_record_has_a_verdict(slug, kind, references):
    signals, reasons = signals_and_reasons(slug, kind, BAD, references)
    assert signals.num_rows == len(reasons) == len(BAD)


@pytest.mark.parametrize(("slug", "kind"), CASES)
def test_a_rule_without_a_value_never_keeps(slug, kind, references):
    signals, reasons = signals_and_reasons(slug, kind, BAD, references)
    method = FILTERS[slug](**REQUIRED.get(slug, {}))
    for rule, predicate in method.rules().items():
        values = judge_alone(rule, predicate, signals)
        for reason, value in zip(reasons, values, strict=True):
            assert value is not None or reason is not None


def judge_alone(rule, predicate, signals):
    import duckdb

    with duckdb.connect() as database:
        database.register("signals", signals)
        return [row[0] for row in database.execute(f"select ({predicate})::boolean from signals").fetchall()]


@pytest.mark.parametrize(("slug", "kind"), CASES)
def test_missing_text_is_dropped(slug, kind, references):
    _, reasons = signals_and_reasons(slug, kind, [None], references)
    assert reasons != [None]


@pytest.mark.parametrize(("slug", "kind"), CASES)
def test_no_records_have_no_verdicts_and_the_same_columns(slug, kind, references):
    some, _ = signals_and_reasons(slug, kind, BAD, references)
    none, reasons = signals_and_reasons(slug, kind, [], references)
    assert reasons == [] and none.schema == some.schema


def test_the_shipped_filters_are_among_them():
    assert FILTERS.keys() >= {
        *("answer_rules", "decontaminate", "fineweb_quality", "gopher_quality", "gopher_repetition", "url_filter")
    }
