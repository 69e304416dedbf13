"""A process of its own that makes one stage's batch: what a test kills."""

import os
from collections.abc import Mapping
from pathlib import Path

from synth_dagster.runner.stage import run_stage
from tests.assets.project import Small


def make(root: Path, stage: str, batch: str, environment: Mapping[str, str]) -> None:
    """Run the stage to its candidate, which waits for its gate."""
    os.environ.update(environment)
    project = Small(root)
    with project.answering() as teachers:
        run_stage(project.context(teachers=teachers), stage, batch)
