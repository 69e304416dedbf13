"""A benchmark that a set repeats is known to what learns from it, one that it has not is not; so for a model of the
user's, by items and by their order."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.guard.benchmark_memory import BenchmarkMemory
from synth_dagster.parts.privacy.benchmark_memory import probes
from tests.parts.privacy.test_benchmark_memory import problems

ITEMS, CONTROL, SET = problems(1, 60), problems(2, 60), problems(3, 200)


def found(texts, references, **settings):
    files = {"items": ITEMS, "control": CONTROL} | settings.pop("files", {})
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": pa.array(ids, pa.binary()), "text": pa.array(texts, pa.string())})
    guard = BenchmarkMemory(against="items", **settings)
    return {one.kind: (one.score, one.severity) for one in guard.inspect(flat, references=references(files))}


def test_items_that_a_set_repeats_are_known_and_others_are_not(references):
    told = found(SET + ITEMS * 4, references, control="control", action="critical")
    assert told["gain"][0] > 0.9 and told["gain"][1] == "critical"
    told = found(SET, references, control="control", action="critical")
    # of 60 against 60 the deviation by chance is sqrt(121 / (12 * 60 * 60)) = 0.053
    assert abs(told["gain"][0] - 0.5) < 3 * 0.053 and told["gain"][1] == "info"


def test_without_a_control_it_is_told_and_not_judged(references):
    told = found(SET + ITEMS * 4, references, action="critical")
    assert told.keys() == {"likelier"} and told["likelier"][0] > 0.9 and told["likelier"][1] == "info"


def said(*, items, order):
    """What a model says: items that it knows are likelier as they stand by so much, and so is the true order."""
    rng = np.random.default_rng(0)
    for probe in probes(ITEMS, CONTROL):
        known = {"benchmark": items, "order": order, "control": 0}[probe.group] * (probe.variant == 0)
        yield dataclasses.asdict(probe) | {"log_probs": [float(one) for one in rng.normal(-3 + known, 1, 40)]}


@pytest.mark.parametrize(
    ("items", "order", "over"),
    [
        pytest.param(2, 0, {"student_gain"}, id="knows the items"),
        pytest.param(0, 1, {"student_order"}, id="knows their order"),
        pytest.param(0, 0, set(), id="knows nothing"),
    ],
)
def test_a_model_of_ones_own_is_judged_by_what_it_says(items, order, over, references):
    files = {"said": list(said(items=items, order=order))}
    told = found(SET[:5], references, files=files, student="said")
    assert {kind for kind, (_, severity) in told.items() if severity == "warning"} == over
    assert {"student_gain", "student_order"} <= told.keys()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        pytest.param({"group": "other"}, "group is one of", id="another group"),
        pytest.param({"number": "1"}, "number is a whole number", id="number in words"),
        pytest.param({"log_probs": []}, "log_probs", id="no numbers"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(line, wanted, references):
    whole = {"group": "benchmark", "number": 0, "variant": 0, "text": "a", "log_probs": [-1.0]} | line
    with pytest.raises(SynthError, match=wanted):
        found(SET[:1], references, files={"said": [whole]}, student="said")


@pytest.mark.parametrize("texts", [pytest.param([], id="nothing"), ["", None], ["one"]])
def test_small_and_empty_sets_are_no_fault(texts, references):
    assert all(severity == "info" for _, severity in found(texts, references, control="control").values())
