"""Random streams that depend on the record and not on when its turn comes: one seed and one id, one stream."""

import random

from synth_dagster.records import Json, digest


def stream(seed: int, record_id: bytes, *purpose: Json) -> random.Random:
    """A stream of its own for each record and purpose, the same on every machine and in any order of work."""
    return random.Random(digest("stream", seed, record_id, list(purpose)))
