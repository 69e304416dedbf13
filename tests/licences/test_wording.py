"""The uses that a release fits, in words for people."""

import pytest

from synth_dagster.licences.fit import PURPOSES
from synth_dagster.licences.wording import USES, uses


@pytest.mark.parametrize(
    ("fitting", "told"),
    [
        pytest.param(PURPOSES, ["commercial", "non-commercial", "research"], id="all"),
        pytest.param(
            ["unspecified", "non_commercial", "research"],
            [
                "commercial where a licence that says nothing is taken for a yes (unspecified)",
                "non-commercial",
                "research",
            ],
            id="a licence says nothing of use",
        ),
        pytest.param(["research"], ["research"], id="research only"),
        pytest.param([], [], id="none"),
    ],
)
def test_a_use_that_no_silence_is_needed_for_is_told_once(fitting, told):
    assert uses(fitting) == told and USES.keys() == PURPOSES.keys()
