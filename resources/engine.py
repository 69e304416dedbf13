"""Where heavy steps run: threads or processes of this machine, or a Ray cluster. Methods do not know.

SYNTH_ENGINE           threads (the default), processes or ray
SYNTH_WORKERS          how many on this machine; one a core if it is not set
SYNTH_WORKER_MEMORY_MB what one worker may use, 1024 if it is not set
SYNTH_RAY_ADDRESS      the cluster: auto (the default), HOST:PORT or ray://HOST:PORT
"""

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias, cast, get_args

import dagster as dg
from pydantic import Field

from resources.buckets import s3_options
from synth_dagster.errors import BadVariable, UnknownName
from synth_dagster.scale.engine import Engine

Where: TypeAlias = Literal["threads", "processes", "ray"]
LEAST_MEMORY_MB = 64


class EngineResource(dg.ConfigurableResource[Engine]):
    """Does the heavy steps of the assets of a run."""

    where: Where = Field("threads", description="threads, processes or ray.")
    workers: int = Field(0, ge=0, description="Workers on this machine; 0 is one a core.")
    memory_mb: int = Field(1_024, ge=LEAST_MEMORY_MB, description="Memory of one worker.")
    address: str = Field("auto", description="The Ray cluster.")
    bucket: bool = Field(False, description="Whether workers read and write a bucket.")

    def create_resource(self, context: dg.InitResourceContext) -> Engine:
        return self.engine()

    def engine(self) -> Engine:
        """The engine that these settings describe. Nothing is started or connected to yet."""
        from synth_dagster.scale.on_ray import OnRay
        from synth_dagster.scale.workers import Processes, Threads

        memory = self.memory_mb << 20
        here = {"threads": Threads(self.workers), "processes": Processes(self.workers)}
        workers = OnRay(self.address, memory) if self.where == "ray" else here[self.where]
        return Engine(workers, memory, s3_options(os.environ) if self.bucket else None)


def engine_of(env: Mapping[str, str], *, bucket: bool) -> EngineResource:
    """The engine that the variables name. Raises UnknownName for another, BadVariable for what is no number."""
    where = env.get("SYNTH_ENGINE") or "threads"
    if where not in get_args(Where):
        raise UnknownName("engine", where, get_args(Where), "Set SYNTH_ENGINE to one of them, or unset it.")
    return EngineResource(
        where=cast(Where, where),
        workers=_number(env, "SYNTH_WORKERS", 0, least=0),
        memory_mb=_number(env, "SYNTH_WORKER_MEMORY_MB", 1_024, least=LEAST_MEMORY_MB),
        address=env.get("SYNTH_RAY_ADDRESS") or "auto",
        bucket=bucket,
    )


def _number(env: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    given = env.get(name) or str(default)
    if not given.isdecimal() or int(given) < least:
        raise BadVariable(f"{name} is '{given}'. Give a whole number of {least} or more, or unset it.")
    return int(given)
