"""Of releases that each break one limit, exactly that check fails."""

import pyarrow as pa
import pytest

from synth_dagster.methods.guard.synthetic_release_gate import SyntheticReleaseGate


def rows(*records):
    """Records as (depth, human share, model, text)."""
    depths, shares, models, texts = zip(*records, strict=True) if records else ((), (), (), ())
    ids = [bytes([n]) * 16 for n in range(len(records))]
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "synthetic_depth": pa.array(depths, pa.int32()),
            "human_share": pa.array(shares, pa.float64()),
            "model_id": pa.array(models, pa.string()),
            "text": pa.array(texts, pa.string()),
        }
    )


HUMAN, MADE = (0, 1.0, None, "a" * 300), (1, 0.0, "m", "b" * 700)
DEEP, NAMELESS = (3, 0.0, "m", "b" * 700), (1, 0.0, None, "b" * 700)


def failed(guard, *records):
    return [one.check for one in guard.inspect(rows(*records)) if one.severity == "critical"]


@pytest.mark.parametrize(
    ("records", "checks"),
    [
        pytest.param([HUMAN, MADE], [], id="within all limits"),
        pytest.param([HUMAN, DEEP], ["depth"], id="too deep"),
        # 3 of 4 records are synthetic: 0.75; of 900 + 210 characters people wrote 300
        pytest.param([HUMAN, *[(1, 0.0, "m", "b" * 70)] * 3], ["synthetic_share"], id="too many"),
        # of 300 + 2,800 characters people wrote 300: 0.097
        pytest.param([HUMAN, (1, 0.0, "m", "b" * 2_800)], ["real_share"], id="too little of people"),
        pytest.param([HUMAN, NAMELESS], ["generator_named"], id="nobody says what wrote it"),
    ],
)
def test_exactly_the_broken_limit_is_named(records, checks):
    guard = SyntheticReleaseGate(max_depth=2, max_synthetic_share=0.5, min_real_share=0.1)
    assert failed(guard, *records) == checks


def test_what_was_measured_is_told_also_where_it_passes():
    told = {one.check: one.score for one in SyntheticReleaseGate().inspect(rows(HUMAN, MADE))}
    assert told == {"depth": 1.0, "synthetic_share": 0.5, "real_share": pytest.approx(0.3)}  # 300 of 1,000 characters


def test_nothing_is_within_all_limits():
    assert SyntheticReleaseGate(max_synthetic_share=0).inspect(rows()) == []
