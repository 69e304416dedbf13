"""Where heavy steps run is a matter of variables; nothing is started to find out."""

import pytest

from resources.engine import engine_of
from resources.environments import environment
from synth_dagster.errors import BadVariable, UnknownName
from synth_dagster.scale.on_ray import OnRay
from synth_dagster.scale.workers import Processes, Threads


@pytest.mark.parametrize(
    ("env", "workers", "memory"),
    [
        pytest.param({}, Threads(0), 1_024, id="nothing is said"),
        pytest.param({"SYNTH_ENGINE": "processes", "SYNTH_WORKERS": "3"}, Processes(3), 1_024, id="processes"),
        pytest.param({"SYNTH_ENGINE": "ray"}, OnRay("auto", 1_024 << 20), 1_024, id="the cluster of this machine"),
        pytest.param(
            {"SYNTH_ENGINE": "ray", "SYNTH_RAY_ADDRESS": "head:6379", "SYNTH_WORKER_MEMORY_MB": "2048"},
            OnRay("head:6379", 2_048 << 20),
            2_048,
            id="another cluster",
        ),
    ],
)
def test_the_engine_is_the_one_that_variables_name(env, workers, memory):
    engine = engine_of(env, bucket=False).engine()
    assert (engine.workers, engine.memory) == (workers, memory << 20)


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(UnknownName, match=r"processes.*SYNTH_ENGINE"):
        environment(tmp_path, {"SYNTH_ENGINE": "proceses"}).resources()
    with pytest.raises(BadVariable, match="SYNTH_WORKERS is '-1'"):
        engine_of({"SYNTH_WORKERS": "-1"}, bucket=False)
    with pytest.raises(BadVariable, match=r"SYNTH_WORKER_MEMORY_MB is '8'\. Give a whole number of 64"):
        engine_of({"SYNTH_WORKER_MEMORY_MB": "8"}, bucket=False)
