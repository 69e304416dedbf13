"""Which records fit, by the files that hold them: what a search walks through without reading what it will not show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lineage_catalog import IndexedFile, State
from synth_dagster.lake.segments import Segment


@dataclass(frozen=True, slots=True)
class InFile:
    """The records of one file that fit."""

    file: IndexedFile
    count: int
    _segment: Segment = field(repr=False)
    _rows: np.ndarray = field(repr=False)  # of the segment

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Where the file stands among all: by dataset, stage and batch, as `Lake.read` has them."""
        return self.file.dataset, self.file.stage, self.file.batch, self.file.path

    def ids(self) -> Ids:
        """Sorted, each once."""
        return self._segment.ids.take(np.unique(self._segment.column("row_id")[self._rows]))


def located(
    state: State, where: Mapping[str, str], chosen: Callable[[IndexedFile], bool], among: Ids | None
) -> list[InFile]:
    """The records with this word in each column, in files that are chosen, and of these ids; by file, in order."""
    if any(word not in state.numbers[column] for column, word in where.items()):
        return []
    numbers = {column: state.numbers[column][word] for column, word in where.items()}
    found = [one for segment in state.segments.values() for one in _of_segment(state, segment, numbers, chosen, among)]
    return sorted(found, key=lambda one: one.order)


def _of_segment(
    state: State,
    segment: Segment,
    numbers: Mapping[str, int],
    chosen: Callable[[IndexedFile], bool],
    among: Ids | None,
) -> list[InFile]:
    wanted = np.array([n >= 0 and chosen(state.files[n]) for n in segment.numbers.tolist()], bool)
    if not wanted.any():
        return []
    rows = np.arange(segment.rows) if among is None else np.unique(segment.rows_of(among))
    files = segment.column("file")[rows]
    fit = wanted[files]
    for column, number in numbers.items():
        fit &= segment.column(column)[rows] == number
    rows, files = rows[fit], files[fit]
    counts = np.bincount(files, minlength=len(wanted))
    ordered = rows[np.argsort(files, kind="stable")]
    ends = np.cumsum(counts)
    return [
        InFile(
            state.files[int(segment.numbers[place])], int(counts[place]), segment, ordered[end - counts[place] : end]
        )
        for place, end in enumerate(ends.tolist())
        if counts[place]
    ]
