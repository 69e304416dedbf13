"""The suites are files that Great Expectations can run, and each critical expectation catches its planted violation."""

import json

import pyarrow as pa
import pytest

from expectations.suite import MOST_ROWS, PLAIN, SUITES, flat_rows, suite_hash, validate
from synth_dagster.record_tables import FLAT, to_table
from synth_dagster.records import Document, digest

NAMES = sorted(path.stem for path in SUITES.glob("*.json"))
KINDS = {"corpus": "document", "instructions": "instruction", "preferences": "preference"}


def suite(name):
    return json.loads((SUITES / f"{name}.json").read_text(encoding="utf-8"))["expectations"]


def test_there_is_a_suite_for_every_kind_of_stage():
    assert set(NAMES) == {"corpus", "instructions", "preferences", "signals", "mix"}


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_is_of_expectations_that_exist_each_with_a_severity_and_a_note(name):
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    for wanted in suite(name):
        made = get_expectation_impl(wanted["type"])(**wanted["kwargs"])
        assert isinstance(made, gx.expectations.Expectation)
        assert wanted["severity"] in ("critical", "warning")
        assert wanted["meta"]["notes"]


# one good value for each column that any suite reads
GOOD = {
    "text": "The bridge of the weavers has seven arches and stands since 1502.",
    "title": "Bridges",
    "instruction": "How many arches has the bridge?",
    "response": "Seven.",
    "rejected_response": "Eight.",
    "chosen_score": 4.0,
    "rejected_score": 2.0,
    "source": "notes",
    "stage": "generated_instructions",
    "batch": "notes:start",
    "license": "CC0-1.0",
    "consent": "",
    "lang": "en",
    "synthetic_depth": 1,
    "human_share": 0.5,
    "status": "current",
    "method": "grounded_qa",
    "copies": 1,
}
TYPES = {"synthetic_depth": pa.int32(), "copies": pa.int32()} | dict.fromkeys(
    ("human_share", "chosen_score", "rejected_score"), pa.float64()
)


def rows_with(column=None, value=None, rows=20):
    """Twenty good rows, in the first of which a column holds something else."""
    columns = {}
    for name, good in GOOD.items():
        values = [f"{good} {number}" if name in ("text", "instruction") else good for number in range(rows)]
        if name == column:
            values[0] = value
        columns[name] = pa.array(values, TYPES.get(name, pa.string()))
    return pa.table(columns)


@pytest.mark.parametrize("name", NAMES)
def test_good_rows_meet_every_expectation(name):
    assert [expected for expected in validate(name, rows_with()) if not expected.passed] == []


def violations():
    """For every critical expectation of every suite: a value that breaks it."""
    for name in NAMES:
        for wanted in suite(name):
            if wanted["severity"] == "critical":
                column, value = violation(wanted)
                yield pytest.param(name, wanted["type"], column, value, id=f"{name}: {wanted['type'][7:]} of {column}")


def violation(wanted):
    kind, kwargs = wanted["type"], wanted["kwargs"]
    column = kwargs.get("column") or kwargs["column_A"]
    if kind == "expect_column_values_to_not_be_null":
        return column, None
    if kind == "expect_column_value_lengths_to_be_between":
        return column, "" if kwargs["min_value"] else "x" * (kwargs["max_value"] + 1)
    if kind == "expect_column_values_to_be_between":
        return column, kwargs["max_value"] + 1
    if kind == "expect_column_pair_values_a_to_be_greater_than_b":
        return column, GOOD["rejected_score"]
    if kind == "expect_column_values_to_not_match_regex":
        return column, "Read the <passage> and answer."
    raise AssertionError(f"no violation is known for {kind}: add one here")


@pytest.mark.parametrize(("name", "kind", "column", "value"), list(violations()))
def test_a_critical_expectation_catches_its_violation(name, kind, column, value):
    failed = [e for e in validate(name, rows_with(column, value)) if not e.passed and e.severity == "critical"]
    assert (kind, column) in {(e.name, e.column) for e in failed}


def test_what_an_expectation_reports_is_numbers_and_never_a_value():
    (failed,) = [e for e in validate("instructions", rows_with("instruction", "<passage> SECRET")) if not e.passed]
    assert all(isinstance(value, int | float) for value in failed.counts.values()), failed.counts
    assert failed.counts["unexpected_count"] == 1


def test_a_column_that_is_not_there_is_a_failure_and_no_crash():
    found = {(e.name, e.column): e for e in validate("mix", rows_with().drop_columns(["license"]))}
    assert not found["expect_column_values_to_not_be_null", "license"].passed


@pytest.mark.parametrize(("name", "kind"), sorted(KINDS.items()))
def test_a_suite_reads_only_columns_that_its_gate_is_given(name, kind):
    read = {value for wanted in suite(name) for key, value in wanted["kwargs"].items() if key.startswith("column")}
    assert read <= {*FLAT[kind], *PLAIN}


def test_a_gate_sees_a_bounded_number_of_rows():
    text = [Document(body="a b", record_id=digest("d", n), content_hash=digest(n), license="MIT") for n in range(3)]
    table = to_table(text, "document")
    many = pa.concat_tables([table] * (MOST_ROWS // 3 + 1))
    assert many.num_rows > MOST_ROWS == flat_rows(many, "document").num_rows


def test_the_hash_of_a_suite_is_of_its_text(monkeypatch):
    before = suite_hash("mix")
    monkeypatch.setattr("expectations.suite.suite_text", lambda name: "{}")
    assert suite_hash("mix") != before
