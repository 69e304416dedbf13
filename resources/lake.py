"""Where tables live, and the metadata that belongs to them."""

import os

import dagster as dg
from pydantic import Field

from resources.buckets import s3_options
from synth_dagster.lake.lake import Lake
from synth_dagster.storage import is_bucket


class LakeResource(dg.ConfigurableResource[Lake]):
    """Opens the lake that the assets of a run share."""

    root: str = Field(description="A folder, or s3://bucket/prefix.")
    metadata: str | None = Field(None, description="A SQLite file or a Postgres URL; null: the lake's own file.")

    def create_resource(self, context: dg.InitResourceContext) -> Lake:
        options = s3_options(os.environ) if is_bucket(self.root) else None
        return Lake.open(self.root, metadata=self.metadata, s3=options)


def without_secret(variable: str, value: str) -> str:
    """A setting as Dagster may show it: of a URL, which can hold a password, only the variable that has it."""
    return dg.EnvVar(variable) if "://" in value else value
