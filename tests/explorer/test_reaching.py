"""The page of a model says of which pairs it wrote the rejected answer alone."""

import pyarrow as pa
import pytest

from synth_dagster.explorer.reaching import _rejected
from synth_dagster.governance.reach import Reach


@pytest.mark.parametrize(
    ("count", "said"), [pytest.param(0, None, id="none"), pytest.param(1_200, "Of 1,200", id="many")]
)
def test_pairs_of_which_a_model_wrote_the_rejected_answer_are_told(count, said):
    none = pa.array([], pa.binary())
    told = _rejected(Reach({}, none, none, count, [], [], [], {}))
    assert (told is None) == (said is None) and (said or "") in str(told)
