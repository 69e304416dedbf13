"""What all judgments of pairs say of the judge: over ties too, with turned pairs read the way they were judged."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from expectations.judges import the_judge_is_steady
from synth_dagster.governance.judges import JUDGE, family, of_judge
from synth_dagster.governance.report_page import judges_table


def row(games, chosen, rejected, *, turned=False, judge="gpt-4o", wrote="llama-3"):
    """A pair as it stands after it was judged; the lengths are those of its answers."""
    about = {"games": games, "turned": turned, "judge": judge}
    return {
        "attributes": json.dumps({JUDGE: about, "chosen_model": wrote}),
        "chosen": [{"role": "assistant", "content": "x" * chosen}],
        "rejected": [{"role": "assistant", "content": "x" * rejected}],
    }


UNJUDGED = row(["first", "first"], 1, 1) | {"attributes": "{}"}


def found_in(rows):
    return of_judge(pa.Table.from_pylist(rows))


def test_a_judge_by_hand():
    rows = [
        row(["first", "first"], 9, 1),
        row(["first", "second"], 5, 5, judge="llama-3.1-70b"),  # shown first won both times: a tie
        row(["second", "second"], 9, 1, turned=True),  # it was 1 against 9, and the longer one won
        row(["error", "first"], 1, 1),
        UNJUDGED,
    ]
    found = found_in(rows)
    assert (found["pairs"], found["without_verdict"], found["of_its_own_family"]) == (4, 1, 1)
    # sound are three, of which two name the same; shown first won 1 of 2, 2 of 2, 1 of 2, 0 of 1 games: 4 of 7
    assert found["consistency"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["first_position_rate"] == pytest.approx(4 / 7, abs=1e-4)
    # points 1, 1/2, 0 of the first side, whose answer is longer by 8, 0 and -8
    assert (found["win_rate"], found["length_correlation"]) == (0.5, 1.0)


def test_how_much_the_order_sways_log_odds_is_told_where_there_are_any():
    rows = [row(["first", "second"], 5, 5), row(["first", "first"], 5, 5)]
    for one, gap in zip(rows, (-1.5, 0.5), strict=True):
        told = json.loads(one["attributes"])
        told[JUDGE]["swap_gap"] = gap
        one["attributes"] = json.dumps(told)
    found = found_in(rows)
    assert found["swap_gap"] == 1.0 and "log-odds that go with the order" in judges_table({"judged": found})
    assert "swap_gap" not in found_in([row(["first", "first"], 5, 5)])


def test_pairs_that_nobody_judged_say_nothing_of_a_judge():
    assert found_in([UNJUDGED]) == {}


@pytest.mark.parametrize(
    ("model", "name"),
    [("openai/gpt-4o-mini", "gpt"), ("Qwen2.5-7B", "qwen"), ("4bit", "4bit"), ("judge", "judge"), (None, None)],
)
def test_the_family_of_a_model(model, name):
    assert family(model) == name


@pytest.mark.parametrize(
    ("swayed", "right", "passed"),
    [
        pytest.param(11, 9, False, id="more than half change with the order"),
        pytest.param(10, 10, True, id="half"),
        pytest.param(19, 0, True, id="too few to say"),
    ],
)
def test_a_judge_that_goes_by_the_order_is_warned_of(swayed, right, passed):
    rows = [row(["first", "second"], 5, 5)] * swayed + [row(["first", "first"], 5, 5)] * right
    finding = the_judge_is_steady(SimpleNamespace(rows=pa.Table.from_pylist(rows)))
    assert (finding.passed, finding.severity, finding.counts["pairs"]) == (passed, "warning", swayed + right)


def test_the_audit_page_has_a_table_of_judges_where_there_are_any():
    said = found_in([row(["first", "second"], 5, 5)] * 3 + [row(["first", "first"], 9, 1)])
    page = judges_table({"judged": said, "unjudged": {}})
    # one of four is the same in both orders; shown first won 3 x 2 of 2 and 1 of 2 games: 7 of 8
    assert ">25%<" in page and ">88%<" in page and "unjudged" not in page
    assert judges_table({"unjudged": {}}) == ""
