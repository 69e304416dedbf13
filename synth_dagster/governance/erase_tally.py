"""What goes, counted file by file; a file that names nothing of it is not opened."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.erase_children import Bereft
from synth_dagster.governance.erase_files import Files, Place, RowFile, Standing
from synth_dagster.lake.doomed import VERDICTS, Doomed, Stored, named
from synth_dagster.lake.holdings_rows import CALL, RECORD, REPEATED, WRITER, calls_of, writers_of
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.layout import REJECTS


@dataclass(slots=True)
class Tally:
    """What goes of these files."""

    files: Files
    dataset: str
    meant: pa.Array
    bereft: Bereft = field(default_factory=Bereft)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    hidden: int = 0
    batches: set[Place] = field(default_factory=set)
    releases: set[Place] = field(default_factory=set)
    holding: dict[str, Stored] = field(default_factory=dict)  # the files that hold a row that goes
    left: int = 0  # records of the dataset that tables show and that stay
    _calls: list[pa.Array] = field(default_factory=list)  # behind what goes
    _writers: list[pa.Array] = field(default_factory=list)

    def add_all(self, doomed: Doomed) -> None:
        """Everything but the rejects that go for their call: which calls go is known last."""
        self.left = sum(file.told.rows for file in self.files.all() if self._is_own(file))
        ids = Ids.from_arrow(doomed.ids).unique()
        found = {file.stored.name: file for file in self.files.naming(RECORD, ids)}
        found |= {file.stored.name: file for file in self.files.naming(REPEATED, ids)}
        for dataset, source in doomed.sources:
            of_source = self.files.of_source(dataset, source)
            found |= {file.stored.name: file for file in of_source if file.stored.table == REJECTS}
        for _, file in sorted(found.items()):
            self._add(file, doomed)

    def add_rejects(self, doomed: Doomed) -> None:
        """The rejects that go, their calls among what goes."""
        found = {file.stored.name: file for file in self.files.naming(RECORD, Ids.from_arrow(doomed.ids).unique())}
        for dataset, source in doomed.sources:
            found |= {file.stored.name: file for file in self.files.of_source(dataset, source)}
        if doomed.calls is not None:
            found |= {file.stored.name: file for file in self.files.naming(CALL, Ids.from_arrow(doomed.calls))}
        for _, file in sorted(found.items()):
            if file.stored.table == REJECTS:
                going = doomed.rows(file.stored.dataset, REJECTS, file.rows())
                self._count(file, pc.sum(going).as_py() or 0)  # type: ignore[attr-defined]

    def _add(self, file: RowFile, doomed: Doomed) -> None:
        rows = file.rows()
        going = doomed.rows(file.stored.dataset, file.stored.table, rows)
        gone = rows.filter(going)
        self._calls += calls_of(gone)
        self._writers += writers_of(gone)
        if file.stored.table == REJECTS:
            return
        self._count(file, gone.num_rows)
        if self._is_own(file):
            self.left -= gone.num_rows
        if "/release=" in file.stored.name and gone.num_rows:
            self.releases.add(file.place)
        elif file.shows_records and gone.num_rows:
            batch = (file.stored.dataset, file.stored.table, file.place[1])
            self.bereft.add(batch, gone, doomed.ids, self.meant)
        if file.stored.table == VERDICTS and pc.any(named(rows, doomed.ids)).as_py():  # type: ignore[attr-defined]
            self.holding[file.stored.name] = file.stored

    def _is_own(self, file: RowFile) -> bool:
        return file.shows_records and file.stored.dataset == self.dataset

    def _count(self, file: RowFile, going: int) -> None:
        if not going:
            return
        if file.shown:
            self.shown[file.stored.dataset, file.stored.table] += going
        else:
            self.hidden += going
        self.batches.add(file.place)
        self.holding[file.stored.name] = file.stored

    # ------------------------------------------------------------------------------------------------------- calls

    def standing(self) -> Standing:
        """The calls behind what stays."""
        return Standing.of(self.files.held, CALL, _all(self._calls))

    def writers(self) -> Standing:
        """Those of them whose answer became it."""
        return Standing.of(self.files.held, WRITER, _all(self._writers))

    def calls(self) -> tuple[pa.Array, int]:
        """The calls behind what goes and behind nothing else, and how many are behind both."""
        standing = self.standing()
        is_kept = standing.among(standing.going)
        return standing.going.take((~is_kept).nonzero()[0]).to_arrow(), int(is_kept.sum())


def _all(parts: list[pa.Array]) -> Ids:
    return Ids.from_arrow(pa.chunked_array(parts, pa.binary()).drop_null())
