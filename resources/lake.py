"""Where tables live: a folder of this machine."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from synth_dagster.lake.lake import Lake


class LakeResource(dg.ConfigurableResource[Lake]):
    """Opens the lake that the assets of a run share."""

    root: str = Field(description="The lake's folder.")

    def create_resource(self, context: dg.InitResourceContext) -> Lake:
        return Lake.open(Path(self.root))
