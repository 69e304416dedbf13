"""What an erasure reaches: the records that are meant, and everything that was ever made from them.

The lineage index knows what tables show. A lake holds more: versions that were replaced and candidates that await their
gate. Their rows are read here, narrow, until nothing more is reached.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import ExitCode, LakeError, SynthError, UnknownName, no_such
from synth_dagster.governance.erase_children import Batch, Bereft, Children, calls_of
from synth_dagster.lake.erasing import VERDICTS, Doomed, Stored, named, rows_of, stored_files
from synth_dagster.lake.ids import Ids, together
from synth_dagster.lake.lake import REJECTS, Lake
from synth_dagster.lake.lineage import Lineage, Moment
from synth_dagster.lake.shingles import Needles, strings
from synth_dagster.records import COMMON

Search = Literal["everything", "touched"]
NOT_TEXT = frozenset(name for name, _, _ in COMMON if name != "attributes")
NO_TEXTS = frozenset({"verdicts", "quality_signals", "findings"})
NOT_SAID = frozenset({"reject_id", "step", "kind", "reason", "copies", "score", "rank", "release"})
NARROW = ("record_id", "content_hash", "source", "parents", "calls", "call_id")


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
    batches: frozenset[tuple[str, str]]  # dataset and batch that hold one
    kept_calls: Ids = field(repr=False)  # behind something that stays; sorted, each once
    writers: Ids = field(repr=False)  # those of them whose answer became it
    shared_calls: int  # answers behind what goes that stay, because others use them
    releases: Sequence[tuple[str, str]]
    above: int  # records that what is meant was made from, which stay
    everything: bool
    files: Mapping[str, Stored] = field(default_factory=dict, repr=False)  # those that hold a row that goes
    bereft: Bereft = field(default_factory=Bereft, repr=False)  # those of several parents, of which one stays

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


@dataclass(frozen=True, slots=True)
class _File:
    """A file of records, verdicts, signals or rejects. Its rows are read when they are asked for, and not kept."""

    lake: Lake = field(repr=False)
    stored: Stored
    shown: bool
    names: frozenset[str]

    def rows(self) -> pa.Table:
        """What an erasure has to know of each row."""
        columns = [*NARROW, "raw", "detail", "duplicate_of"] if self.stored.table in (REJECTS, VERDICTS) else NARROW
        return rows_of(self.lake, self.stored, columns)


def scope(lake: Lake, asked: Asked) -> Scope:
    """What an erasure would take. Raises UnknownName for a name that nothing has, LakeError for a bad condition."""
    lineage = Lineage(lake).now()
    files = _files(lake)
    meant = _meant(lake, lineage, asked, files)
    if not len(meant):
        raise BadErasure("No record fits, so nothing is to be erased.")
    doomed = _closure(lineage, meant, files)
    while len(past := _said_before(lake, files, doomed)):
        doomed = _closure(lineage, together([doomed, past]).unique(), files)
    ids = doomed.to_arrow()
    sources = frozenset({(asked.dataset, asked.source)}) if asked.source else frozenset()
    tally = _Tally(asked.dataset, meant.to_arrow())
    for file in files:
        tally.add(file, Doomed(ids, sources))
    calls, kept, shared = tally.calls()
    whole = Doomed(ids, sources, calls)
    tally.add_rejects(files, whole)
    above = Ids.from_arrow(lineage.ancestors(meant.to_arrow())["record_id"]).unique().without(doomed)
    return Scope(
        asked,
        whole,
        len(meant),
        dict(tally.shown),
        tally.hidden,
        frozenset(tally.batches),
        kept,
        together(tally.wrote).unique(),
        shared,
        sorted(tally.releases),
        len(above),
        not tally.left,
        tally.files,
        tally.bereft,
    )


@dataclass(slots=True)
class _Tally:
    """What goes, counted file by file."""

    dataset: str
    meant: pa.Array
    bereft: Bereft = field(default_factory=Bereft)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    hidden: int = 0
    batches: set[tuple[str, str]] = field(default_factory=set)
    releases: set[tuple[str, str]] = field(default_factory=set)
    files: dict[str, Stored] = field(default_factory=dict)
    left: bool = False  # whether the dataset keeps a record that a table shows
    gone: list[pa.Array] = field(default_factory=list)  # calls behind what goes
    kept: list[Ids] = field(default_factory=list)  # behind what stays
    wrote: list[Ids] = field(default_factory=list)  # those whose answer became what stays

    def add(self, file: _File, doomed: Doomed) -> None:
        rows = file.rows()
        going = doomed.rows(file.stored.dataset, file.stored.table, rows)
        self.gone += calls_of(rows.filter(going))
        stays = rows.filter(pc.invert(going))  # type: ignore[attr-defined]
        behind = pa.chunked_array(calls_of(stays), pa.binary()).drop_null()
        self.kept.append(Ids.from_arrow(behind).unique())
        wrote = pa.chunked_array(_writers_of(stays), pa.binary()).drop_null()
        self.wrote.append(Ids.from_arrow(wrote).unique())
        if file.stored.table != REJECTS:
            self._count(file, pc.sum(going).as_py() or 0)  # type: ignore[attr-defined]
            is_record = file.shown and "parents" in rows.column_names
            self.left = self.left or (is_record and file.stored.dataset == self.dataset and stays.num_rows > 0)
            if "/release=" in file.stored.name and stays.num_rows < rows.num_rows:
                self.releases.add(_place(file))
            elif is_record and stays.num_rows < rows.num_rows:
                batch = (file.stored.dataset, file.stored.table, _batch_of(file.stored))
                self.bereft.add(batch, rows.filter(going), doomed.ids, self.meant)
            if file.stored.table == VERDICTS and pc.any(named(rows, doomed.ids)).as_py():  # type: ignore[attr-defined]
                self.files[file.stored.name] = file.stored

    def add_rejects(self, files: Sequence[_File], doomed: Doomed) -> None:
        """Rejects go with their call too, and which calls go is known last."""
        for file in files:
            if file.stored.table == REJECTS:
                going = doomed.rows(file.stored.dataset, REJECTS, file.rows())
                self._count(file, pc.sum(going).as_py() or 0)  # type: ignore[attr-defined]

    def _count(self, file: _File, going: int) -> None:
        if not going:
            return
        if file.shown:
            self.shown[file.stored.dataset, file.stored.table] += going
        else:
            self.hidden += going
        self.batches.add(_place(file))
        self.files[file.stored.name] = file.stored

    def calls(self) -> tuple[pa.Array, Ids, int]:
        """The calls behind what goes and behind nothing else, those behind the rest, and how many are in both."""
        behind = Ids.from_arrow(pa.chunked_array(self.gone, pa.binary()).drop_null()).unique()
        kept = together(self.kept).unique()
        only = behind.without(kept)
        return only.to_arrow(), kept, len(behind) - len(only)


def _files(lake: Lake) -> list[_File]:
    found: list[_File] = []
    shown: dict[tuple[str, str], set[str]] = {}
    for stored in stored_files(lake):
        key = (stored.dataset, stored.table)
        if key not in shown:
            place, snapshot = lake.snapshot(*key)
            shown[key] = {f"{place.name}/{file.path}" for file in snapshot.files}
        names = frozenset(pq.read_schema(lake.store.local(stored.name)).names)
        if "record_id" in names:
            found.append(_File(lake, stored, stored.name in shown[key], names))
    return found


def _meant(lake: Lake, lineage: Moment, asked: Asked, files: Sequence[_File]) -> Ids:
    given = [asked.source, asked.record, asked.where]
    if sum(one is not None for one in given) != 1:
        raise BadErasure("Name what is to be erased: one of --source NAME, --record ID and --where SQL.")
    if asked.record is not None:
        found = Ids.of([lineage.resolve(asked.record)])
    elif asked.source is not None:
        found = _of_source(lake, asked, files)
    else:
        found = _where(lake, asked.dataset, asked.where or "")
    return _everywhere(found, files) if asked.everywhere else found


def _of_source(lake: Lake, asked: Asked, files: Sequence[_File]) -> Ids:
    """Records of the source in all versions: one that a table shows no longer is known from its file only."""
    parts = [Ids.none()]
    known: set[str] = set()
    for file in _of(files, asked.dataset):
        if "source" not in file.names:
            continue
        rows = rows_of(lake, file.stored, ["record_id", "source"])
        known.update(word for word in rows["source"].unique().to_pylist() if word)
        own = rows.filter(pc.field("source") == asked.source)["record_id"]
        parts.append(Ids.from_arrow(own.drop_null()))
    if asked.source not in known:
        raise UnknownName(f"source of {asked.dataset}", str(asked.source), known)
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


def _everywhere(meant: Ids, files: Sequence[_File]) -> Ids:
    """Also the records of the same content."""
    wanted, content = meant.to_arrow(), [Ids.none()]
    holders = [file for file in files if "content_hash" in file.names]
    for file in holders:
        rows = file.rows()
        content.append(Ids.from_arrow(rows.filter(_is_in(rows, wanted))["content_hash"]))
    hashes, same = together(content).unique().to_arrow(), [meant]
    for file in holders:
        rows = file.rows()
        is_same = pc.is_in(rows["content_hash"], value_set=hashes)  # type: ignore[attr-defined]
        same.append(Ids.from_arrow(rows.filter(is_same)["record_id"]))
    return together(same).unique()


def _closure(lineage: Moment, meant: Ids, files: Sequence[_File]) -> Ids:
    children, parents = _edges(file for file in files if not file.shown)
    seen = frontier = meant
    while len(frontier):
        below = Ids.from_arrow(lineage.reach(frontier.to_arrow()))
        all_of_them = together([frontier, below]).unique()
        hidden = children.take((parents.places_in(all_of_them) >= 0).nonzero()[0])
        frontier = together([below, hidden]).unique().without(seen)
        seen = together([seen, frontier]).unique()
    return seen


def _said_before(lake: Lake, files: Sequence[_File], doomed: Ids) -> Ids:
    """Rows of past versions that say what goes under another id: a text made again is another record."""
    wanted, needles = doomed.to_arrow(), Needles()
    rows = [file for file in files if file.stored.table not in (REJECTS, *NO_TEXTS)]
    held = {_place(file) for file in rows if _holds(file, wanted)}
    near = [file for file in rows if _place(file) in held]
    if all(file.shown for file in near):
        return Ids.none()
    for file in near:
        whole = rows_of(lake, file.stored)
        for text in texts_of(whole.filter(_is_in(whole, wanted)), file.stored.table):
            needles.add(text)
    for file in near:
        if file.shown:
            whole = rows_of(lake, file.stored)
            stays = whole.filter(pc.invert(_is_in(whole, wanted)))  # type: ignore[attr-defined]
            needles = needles.without(needles.found_in(texts_of(stays, file.stored.table)))
    past = [_saying(lake, file, needles) for file in near if not file.shown]
    return together(past).unique().without(doomed)


def _saying(lake: Lake, file: _File, needles: Needles) -> Ids:
    """The records of a file that say one of these."""
    whole = rows_of(lake, file.stored)
    said = [needles.occur_in(texts_of(whole.slice(at, 1), file.stored.table)) for at in range(whole.num_rows)]
    return Ids.from_arrow(whole["record_id"].filter(pa.array(said, pa.bool_())))


def texts_of(rows: pa.Table, table: str) -> Iterator[str]:
    """All that rows say, beside what every record carries."""
    names = [name for name in rows.column_names if name not in NOT_TEXT | NOT_SAID]
    if table == REJECTS:
        names = [name for name in ("raw", "detail", "location") if name in rows.column_names]
    for row in rows.select(names).to_pylist():
        yield from strings(row)


def _place(file: _File) -> tuple[str, str]:
    return file.stored.dataset, _batch_of(file.stored)


def _is_in(rows: pa.Table, ids: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(rows["record_id"], value_set=ids)  # type: ignore[attr-defined]


def _holds(file: _File, ids: pa.Array) -> bool:
    rows = rows_of(file.lake, file.stored, ["record_id"])
    return bool(pc.any(_is_in(rows, ids)).as_py())  # type: ignore[attr-defined]


def _edges(files: Any) -> tuple[Ids, Ids]:
    """The edges of files, as two columns: child and parent."""
    children, parents = [Ids.none()], [Ids.none()]
    for file in files:
        if "parents" not in file.names:
            continue
        for part in rows_of(file.lake, file.stored, ["record_id", "parents"]).to_batches():
            at = pc.list_parent_indices(part["parents"])  # type: ignore[attr-defined]
            children.append(Ids.from_arrow(part["record_id"].take(at)))
            parents.append(Ids.from_arrow(pc.list_flatten(part["parents"]).field("record_id")))  # type: ignore[attr-defined]
    return together(children), together(parents)


def _writers_of(rows: pa.Table) -> list[pa.Array]:
    """The call that wrote each row. A round names all its calls on each record: one that says who wrote it is exact."""
    if "call_id" not in rows.column_names:
        return calls_of(rows)
    return [*calls_of(rows.filter(rows["call_id"].is_null())), *rows["call_id"].chunks]


def _batch_of(stored: Stored) -> str:
    from urllib.parse import unquote

    return unquote(stored.name.rsplit("/", 2)[1].partition("=")[2])


def beside(lake: Lake, batches: Iterable[tuple[str, str]], erasure: str = "") -> frozenset[str]:
    """The files of tables in batches that hold nothing of it, but for those that the erasure has made itself."""
    held = set(batches)
    rows = lake.meta.database.rows("select candidate_id from candidates where run_id = ?", (f"erase-{erasure}",))
    own = {row["candidate_id"] for row in rows}
    files = (file for file in stored_files(lake) if file.stem not in own)
    return frozenset(file.name for file in files if (file.dataset, _batch_of(file)) not in held)


def _of(files: Sequence[_File], dataset: str) -> list[_File]:
    return [file for file in files if file.stored.dataset == dataset and file.stored.table != REJECTS]
