"""Where tables live, and the metadata that belongs to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from resources.buckets import s3_options
from synth_dagster.lake.lake import Lake
from synth_dagster.storage import is_bucket


class LakeResource(dg.ConfigurableResource[Lake]):
    """Opens the lake that the assets of a run share."""

    root: str = Field(description="A folder, or s3://bucket/prefix.")
    metadata: str | None = Field(None, description="A SQLite file or a Postgres URL; null: the lake's own file.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Lake]:
        options = s3_options(os.environ) if is_bucket(self.root) else None
        lake = Lake.open(self.root, metadata=self.metadata, s3=options)
        try:
            yield lake
        finally:
            # Dagster holds what the first step of a process used for as long as the process lives
            lake.meta.database.close()


def without_secret(variable: str, value: str) -> str:
    """A setting as Dagster may show it: of a URL, which can hold a password, only the variable that has it."""
    return dg.EnvVar(variable) if "://" in value else value
