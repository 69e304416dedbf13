"""What an erasure reaches: the records that are meant, and everything that was ever made from them.

The lineage index knows what tables show. A lake holds more: versions that were replaced and candidates that await their
gate. The index of holdings says which of their files name what is reached, and only those are read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pyarrow.compute as pc

from synth_dagster.errors import ExitCode, LakeError, SynthError, UnknownName, no_such
from synth_dagster.governance.erase_children import Batch, Bereft, Children
from synth_dagster.governance.erase_files import Files, Place, Standing, batch_of, is_in
from synth_dagster.governance.erase_past import closure, said_before
from synth_dagster.governance.erase_tally import Tally
from synth_dagster.governance.taken import resolved
from synth_dagster.lake.doomed import Doomed, Stored, rows_of, stored_files
from synth_dagster.lake.holdings_rows import CONTENT, RECORD
from synth_dagster.lake.holdings_segments import Held
from synth_dagster.lake.ids import Ids, together
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.lineage import Lineage, Moment

Search = Literal["everything", "touched"]


class BadErasure(SynthError):
    """An erasure that cannot be meant so."""

    exit_code = ExitCode.USAGE


def search_of(word: str) -> Search:
    """Raises BadErasure for a word that is none for what a proof opens."""
    for known in get_args(Search):
        if word == known:
            return known
    cure = "'everything' opens each file, 'touched' those of batches that hold something and all that is no table."
    raise BadErasure(no_such("search", word, get_args(Search), cure))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are meant: those of a source, one, or those that fit a condition; of one dataset."""

    dataset: str
    source: str | None = None
    record: str | None = None
    where: str | None = None
    everywhere: bool = False  # also the same content where it stands under another name
    children: Children = "drop"  # what becomes of those that have other parents, which stay
    search: Search = "everything"  # what the proof opens


@dataclass(frozen=True, slots=True)
class Scope:
    """What goes, and what it is about."""

    asked: Asked
    doomed: Doomed = field(repr=False)
    meant: int  # records that were asked for; the others were made from them
    rows: Mapping[tuple[str, str], int]  # dataset and table -> rows that tables show and that go
    hidden: int  # rows of versions that no table shows now
    batches: frozenset[Place]  # that hold one
    kept_calls: Standing = field(repr=False)  # behind something that stays
    writers: Standing = field(repr=False)  # those of them whose answer became it
    shared_calls: int  # answers behind what goes that stay, because others use them
    releases: Sequence[Place]
    above: int  # records that what is meant was made from, which stay
    everything: bool
    files: Mapping[str, Stored] = field(default_factory=dict, repr=False)  # those that hold a row that goes
    bereft: Bereft = field(default_factory=Bereft, repr=False)  # those of several parents, of which one stays
    held: Held = field(default_factory=lambda: Held(()), repr=False)  # what each file named when this was found

    @property
    def calls(self) -> int:
        """Answers that go: what it would cost to make the same again."""
        return 0 if self.doomed.calls is None else len(self.doomed.calls)

    def as_json(self) -> dict[str, Any]:
        """Counts, without an id."""
        return {
            "records": len(self.doomed.ids),
            "meant": self.meant,
            "made_of_them": len(self.doomed.ids) - self.meant,
            "rows": [{"dataset": d, "table": t, "rows": count} for (d, t), count in sorted(self.rows.items())],
            "rows_of_replaced_versions": self.hidden,
            "batches": len(self.batches),
            "calls": self.calls,
            "calls_shared": self.shared_calls,
            "releases": [{"dataset": d, "release": r} for d, r in self.releases],
            "made_from_records_that_stay": self.above,
            "everything": self.everything,
            "children": {"policy": self.asked.children} | self.bereft.as_json(),
        }

    @property
    def to_remake(self) -> list[Batch]:
        """The batches that a run is to make anew."""
        return sorted(self.bereft.batches) if self.asked.children == "remake" else []


def scope(lake: Lake, asked: Asked, held: Held | None = None) -> Scope:
    """What an erasure would take. Raises UnknownName for a name that nothing has, LakeError for a bad condition.

    Which files name what is answered by the index of holdings, or by `held`.
    """
    lineage = Lineage(lake).now()
    files = Files.of(lake, held)
    meant = _meant(lake, lineage, asked, files)
    if not len(meant):
        raise BadErasure("No record fits, so nothing is to be erased.")
    doomed = closure(lineage, meant, files)
    while len(past := said_before(files, doomed)):
        doomed = closure(lineage, together([doomed, past]).unique(), files)
    ids = doomed.to_arrow()
    sources = frozenset({(asked.dataset, asked.source)}) if asked.source else frozenset()
    tally = Tally(files, asked.dataset, meant.to_arrow())
    tally.add_all(Doomed(ids, sources))
    calls, shared = tally.calls()
    whole = Doomed(ids, sources, calls)
    tally.add_rejects(whole)
    above = Ids.from_arrow(lineage.ancestors(meant.to_arrow())["record_id"]).unique().without(doomed)
    return Scope(
        asked,
        whole,
        len(meant),
        dict(tally.shown),
        tally.hidden,
        frozenset(tally.batches),
        tally.standing(),
        tally.writers(),
        shared,
        sorted(tally.releases),
        len(above),
        not tally.left,
        tally.holding,
        tally.bereft,
        files.held,
    )


def _meant(lake: Lake, lineage: Moment, asked: Asked, files: Files) -> Ids:
    given = [asked.source, asked.record, asked.where]
    if sum(one is not None for one in given) != 1:
        raise BadErasure("Name what is to be erased: one of --source NAME, --record ID and --where SQL.")
    if asked.record is not None:
        found = Ids.of([resolved(lake, lineage, asked.record)])
    elif asked.source is not None:
        found = _of_source(lake, asked, files)
    else:
        found = _where(lake, asked.dataset, asked.where or "")
    return _everywhere(found, files) if asked.everywhere else found


def _of_source(lake: Lake, asked: Asked, files: Files) -> Ids:
    """Records of the source in all versions: one that a table shows no longer is known from its file only."""
    parts = [Ids.none()]
    own = [file for file in files.all() if file.stored.dataset == asked.dataset and file.stored.table != REJECTS]
    known = {source for file in own for source in file.told.sources}
    if asked.source not in known:
        raise UnknownName(f"source of {asked.dataset}", str(asked.source), known)
    for file in own:
        if asked.source in file.told.sources:
            rows = rows_of(lake, file.stored, ["record_id", "source"])
            found = rows.filter(pc.field("source") == asked.source)["record_id"]
            parts.append(Ids.from_arrow(found.drop_null()))
    return together(parts).unique()


def _where(lake: Lake, dataset: str, where: str) -> Ids:
    """The records that fit, of every stage that has the columns. Raises LakeError where no stage has."""
    parts, refused = [], []
    for stage in lake.stages(dataset):
        names = lake.snapshot(dataset, stage)[1].schema.names
        if "record_id" not in names or "parents" not in names or "release" in names:
            continue
        try:
            parts.append(Ids.from_arrow(lake.read(dataset, stage, columns=["record_id"], where=where)["record_id"]))
        except LakeError as error:
            refused.append(error)
    if not parts and refused:
        raise refused[0]
    return together(parts).unique()


def _everywhere(meant: Ids, files: Files) -> Ids:
    """Also the records of the same content."""
    wanted, content = meant.to_arrow(), [Ids.none()]
    for rows in (file.rows() for file in files.naming(RECORD, meant)):
        if "content_hash" in rows.column_names:
            content.append(Ids.from_arrow(rows.filter(is_in(rows, wanted))["content_hash"]))  # noqa: PERF401
    hashes = together(content).unique()
    same = [meant]
    for file in files.naming(CONTENT, hashes):
        rows = file.rows()
        is_same = pc.is_in(rows["content_hash"], value_set=hashes.to_arrow())  # type: ignore[attr-defined]
        same.append(Ids.from_arrow(rows.filter(is_same)["record_id"]))
    return together(same).unique()


def beside(lake: Lake, batches: Iterable[tuple[str, str]], erasure: str = "") -> frozenset[str]:
    """The files of tables in batches that hold nothing of it, but for those that the erasure has made itself."""
    held = set(batches)
    rows = lake.meta.database.rows("select candidate_id from candidates where run_id = ?", (f"erase-{erasure}",))
    own = {row["candidate_id"] for row in rows}
    files = (file for file in stored_files(lake) if file.stem not in own)
    return frozenset(file.name for file in files if (file.dataset, batch_of(file)) not in held)
