"""Models that learn from labelled texts in memory."""

import pyarrow as pa

from synth_dagster.runner.models import TrainedModels


class PlainModels(TrainedModels):
    """Rows by path; examples are their text and label."""

    def __init__(self, found):
        super().__init__(None, None)
        self.found = found

    def rows(self, path):
        return self.found[path]

    def examples(self, path, *, label=None):
        rows = self.found[path]
        return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in ("text", "label")})
