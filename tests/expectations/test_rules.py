"""Each rule of a gate passes on what the runner makes, and finds the defect that is planted for it."""

import pyarrow as pa
import pytest

from expectations import rules
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import REJECT
from synth_dagster.runner.verdicts import VERDICTS
from tests.assets.project import LINES

STAGES = ("seed_corpus", "generated_instructions", "quality_signals", "filtered_mix")


@pytest.mark.parametrize("stage", STAGES)
def test_what_the_runner_makes_passes_every_rule(gated, stage):
    at = gated(stage)
    found = [rule(at) for rule in rules.rules_for(stage, at.recipe)]
    assert found and all(finding.passed for finding in found), found


def test_every_gate_of_a_row_stage_has_the_rules_of_the_design(gated):
    names = {rule.__name__ for rule in rules.rules_for("seed_corpus", gated("seed_corpus").recipe)}
    assert {
        "has_the_columns_of_its_kind",
        "every_id_is_unique",
        "every_record_names_its_source",
        "something_came_out",
        "enough_is_kept",
        "few_answers_are_rejected",
    } <= names


# ---------------------------------------------------------------------------------------------------- planted defects


def with_column(name, values):
    """Rows whose column holds other values; `values` is a function of the old ones."""

    def change(rows):
        column = rows[name]
        return rows.set_column(rows.column_names.index(name), name, pa.array(values(column.to_pylist()), column.type))

    return change


def twice(rows):
    return pa.concat_tables([rows, rows.slice(0, 1)])


def of_another_type(rows):
    place = rows.column_names.index("synthetic_depth")
    return rows.set_column(place, "synthetic_depth", rows["synthetic_depth"].cast(pa.int64()))


def to_a_stranger(parents):
    return [[dict(parents[0][0], record_id=bytes(16))], *parents[1:]]


def from_another_stage(parents):
    return [[dict(parents[0][0], stage="preference_pairs")], *parents[1:]]


@pytest.mark.parametrize(
    ("rule", "change", "counts"),
    [
        pytest.param("has_the_columns_of_its_kind", of_another_type, {"wrong": 1}, id="a column of another type"),
        pytest.param(
            "has_the_columns_of_its_kind", lambda rows: rows.drop_columns(["license"]), {"wrong": 1}, id="no column"
        ),
        pytest.param("every_id_is_unique", twice, {"duplicated": 1, "malformed": 0}, id="one id twice"),
        pytest.param(
            "every_id_is_unique",
            with_column("record_id", lambda ids: [ids[0][:15], None, *ids[2:]]),
            {"duplicated": 0, "malformed": 2},
            id="a short id and none",
        ),
        pytest.param(
            "every_id_is_unique",
            with_column("content_hash", lambda ids: [b"", *ids[1:]]),
            {"malformed": 1},
            id="no content hash",
        ),
        pytest.param(
            "every_record_names_its_source",
            with_column("parents", to_a_stranger),
            {"orphans": 1},
            id="a parent that does not exist",
        ),
        pytest.param(
            "every_record_names_its_source",
            with_column("parents", from_another_stage),
            {"orphans": 1},
            id="a parent of a stage where it does not stand",
        ),
        pytest.param(
            "every_record_names_its_source",
            with_column("parents", lambda parents: [[], [], *parents[2:]]),
            {"orphans": 2},
            id="no parent",
        ),
        pytest.param("something_came_out", lambda rows: rows.slice(0, 0), {"records": 0}, id="no rows"),
        pytest.param(
            "something_came_out",
            with_column("status", lambda old: ["eliminated"] * len(old)),
            {"records": 0},
            id="nothing but eliminated rows",
        ),
        pytest.param(
            # 1 of 6 is current: 0.1667, and the recipe asks for 0.5
            "enough_is_kept",
            with_column("status", lambda old: [*["eliminated"] * 5, "current"]),
            {"kept": 1, "lost": 5, "rate": 0.1667},
            id="too few are kept",
        ),
    ],
)
def test_a_planted_defect_is_found(gated, rule, change, counts):
    at = gated("generated_instructions", rows=change, expect={"min_keep_rate": 0.5})
    finding = getattr(rules, rule)(at)
    assert not finding.passed
    assert counts.items() <= finding.counts.items()


def test_a_gate_that_closes_for_want_of_records_says_why_and_shows_one_of_each_reason(gated):
    reasons = ["m:cut", "m:cut", "m:blank", "m:copy", "m:copy", None]  # 1 of 6 is kept, where half is wanted
    marked = with_column("status", lambda old: ["eliminated" if reason else "current" for reason in reasons])
    at = gated(
        "generated_instructions",
        rows=lambda rows: with_column("reason", lambda old: reasons)(marked(rows)),
        details={"unusable": 0, "reasons": {"m:cut": 2, "m:blank": 1, "m:copy": 2}, "rejects": {"n:long": 1}},
        expect={"min_keep_rate": 0.5},
    )
    finding = rules.enough_is_kept(at)
    assert {"m:copy": 2, "m:cut": 2, "m:blank": 1}.items() <= finding.counts.items()  # the three commonest
    assert "n:long" not in finding.counts
    ids = at.rows["record_id"].to_pylist()
    assert finding.examples == [ids[0], ids[2], ids[3]]


def test_a_copy_of_a_record_is_an_example_to_look_at(gated):
    at = gated("generated_instructions", rows=twice)
    assert rules.every_id_is_unique(at).examples == [at.rows["record_id"][0].as_py()]


@pytest.mark.parametrize(
    ("unusable", "rejected", "passed"),
    [
        # 6 records came out; of 8 tried 2 were unusable: 0.25
        pytest.param(2, 2, False, id="a quarter is unusable"),
        pytest.param(1, 2, True, id="an eighth is unusable, and a method dropped another"),
        pytest.param(0, 6, True, id="half was dropped by methods, which is no junk"),
    ],
)
def test_the_reject_rate_counts_what_was_unusable(gated, monkeypatch, unusable, rejected, passed):
    assert len(LINES) == 6
    monkeypatch.setattr(Lake, "candidate_rejects", lambda *_: REJECT.empty_table())  # the numbers are made up
    at = gated("generated_instructions", details={"unusable": unusable}, rejected=rejected)
    assert at.recipe.expect.max_reject_rate == 0.2
    assert rules.few_answers_are_rejected(at).passed is passed


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        pytest.param(lambda rows: rows.slice(1), {"missing": 1, "extra": 0, "twice": 0}, id="a record without signals"),
        pytest.param(
            with_column("record_id", lambda ids: [bytes(16), *ids[1:]]),
            {"missing": 1, "extra": 1, "twice": 0},
            id="signals of nobody",
        ),
        pytest.param(twice, {"missing": 0, "extra": 0, "twice": 1}, id="signals twice"),
    ],
)
def test_signals_are_there_for_every_record_and_no_other(gated, change, counts):
    finding = rules.every_record_has_its_signals(gated("quality_signals", rows=change))
    assert not finding.passed and finding.counts == counts


class _OtherVerdicts:
    """A lake whose verdicts are changed when they are read."""

    def __init__(self, lake, change):
        self._lake, self._change = lake, change

    def __getattr__(self, name):
        return getattr(self._lake, name)

    def candidate_table(self, candidate, columns=None):
        table = self._lake.candidate_table(candidate, columns)
        return self._change(table) if candidate.stage == VERDICTS else table


def dropped_without_reason(verdicts):
    return with_column("verdict", lambda old: ["dropped", *old[1:]])(verdicts)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        pytest.param(
            lambda verdicts: verdicts.slice(1),
            {"missing": 1, "extra": 0, "unlike_rows": 1, "without_reason": 0},
            id="a record without a verdict",
        ),
        pytest.param(
            lambda verdicts: pa.concat_tables(
                [verdicts, with_column("record_id", lambda ids: [bytes(16)])(verdicts.slice(0, 1))]
            ),
            {"missing": 0, "extra": 1, "unlike_rows": 1, "without_reason": 0},
            id="a verdict on nobody, who is kept",
        ),
        pytest.param(
            dropped_without_reason,
            {"missing": 0, "extra": 0, "unlike_rows": 1, "without_reason": 1},
            id="a row that its verdict drops, without a reason",
        ),
        pytest.param(
            lambda verdicts: pa.concat_tables([verdicts, verdicts.slice(0, 1)]),
            {"twice": 1},
            id="two verdicts on one record",
        ),
    ],
)
def test_verdicts_are_there_once_for_every_record_and_the_rows_are_the_kept_ones(gated, change, counts):
    at = gated("filtered_mix")
    object.__setattr__(at, "lake", _OtherVerdicts(at.lake, change))
    finding = rules.every_record_has_one_verdict(at)
    assert not finding.passed
    assert counts.items() <= finding.counts.items()


def test_a_kept_row_that_is_not_in_the_release_is_found(gated):
    finding = rules.every_record_has_one_verdict(gated("filtered_mix", rows=lambda rows: rows.slice(1)))
    assert not finding.passed and finding.counts["unlike_rows"] == 1


@pytest.mark.parametrize(
    ("verdicts", "rate", "passed"),
    [
        # 4 kept and 6 dropped by a rule: 1 - 6/10
        pytest.param({"kept": 4, "dropped": {"answer_rules:blank": 6}}, 0.4, False, id="rules drop too many"),
        # a superseded record was never a candidate: 1 - 3/8
        pytest.param(
            {"kept": 5, "dropped": {"answer_rules:blank": 3, "superseded": 9}},
            0.625,
            True,
            id="superseded do not count",
        ),
    ],
)
def test_the_keep_rate_of_a_release_is_over_what_its_rules_judged(gated, verdicts, rate, passed):
    at = gated("filtered_mix", details={"verdicts": verdicts}, expect={"min_keep_rate": 0.5})
    finding = rules.enough_passes_the_rules(at)
    assert (finding.passed, finding.counts["rate"]) == (passed, rate)
