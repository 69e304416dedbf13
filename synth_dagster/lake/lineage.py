"""Who comes from whom, as an index that answers in a blink and can be thrown away.

The truth of lineage is the `parents` column of the records. The index (`lineage_index.py`, `segments.py`) repeats it as
sorted arrays in both directions, because a question about one record must not scan a lake. It knows which file of which
table it has read, so catching up costs what has changed; every question first catches up. An index that is damaged or
of another layout is built again. Ids come and go as Arrow columns, one or a million at a time, level by level.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count

import numpy as np
import pyarrow as pa

from synth_dagster.errors import UnknownName
from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.ids import Ids, together
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage_catalog import IndexedFile, State
from synth_dagster.lake.lineage_index import LineageIndex
from synth_dagster.lake.lineage_places import InFile, located
from synth_dagster.lake.lineage_rows import PLACE
from synth_dagster.lake.segments import NUMBERS, TERMS, Segment

WORD = pa.dictionary(pa.int32(), pa.string())
PLACES = ("dataset", "stage", "batch", "path")  # where a record stands: the file's name is under its table
ENTRY = pa.schema(
    [
        ("record_id", pa.binary()),
        *((name, WORD) for name in (*PLACES, *TERMS)),
        ("synthetic_depth", pa.int32()),
        ("created_at", pa.timestamp("s", "UTC")),
    ]
)
"""What the index knows of a record. `status` is missing for one that only its children's rows name: then all is null
but its id, and the stage and batch that they say it stood in."""
RELATIVE = ENTRY.append(pa.field("distance", pa.int32()))
"""A record that others were made from, or that was made from them, and over how many steps at least."""
TALLY = pa.schema([*((name, pa.string()) for name in ("dataset", "stage", "batch", "status")), ("records", pa.int64())])
EDGE = pa.schema([("child", pa.binary()), ("parent", pa.binary()), ("relation", WORD)])
DIGITS = 32
NEAR = 64  # places that are looked through at a time for a living neighbour

AnyIds = pa.Array | pa.ChunkedArray | Sequence[bytes]


class Lineage:
    """The lineage of a lake's records."""

    def __init__(self, lake: Lake, index: LineageIndex | None = None) -> None:
        self.lake = lake
        self.index = index or LineageIndex(lake)

    def now(self) -> "Moment":
        """The lineage as the tables have it now. An index that is damaged is made again first."""
        try:
            return Moment(self.index.current())
        except Damaged:
            self.index.rebuild()
            return Moment(self.index.current())

    def catch_up(self) -> int:
        """Read what was accepted since the last time; how many files were read."""
        try:
            return self.index.catch_up()
        except Damaged:
            return self.index.rebuild()

    def rebuild(self) -> int:
        """Throw the index away and read everything; how many files were read."""
        return self.index.rebuild()

    def purge(self) -> None:
        """Leave no byte of what tables show no longer: the last step of an erasure."""
        self.catch_up()
        self.index.purge()


class Moment:
    """The lineage of one moment, to be asked. What is accepted meanwhile changes no answer."""

    def __init__(self, state: State) -> None:
        self.state = state

    def resolve(self, prefix: str) -> bytes:
        """The id that begins with these hexadecimal digits. Raises UnknownName when none does, or more than one."""
        return _only(self.state, prefix, *_range(prefix))

    def entries(self, ids: AnyIds) -> pa.Table:
        """What is known of these records, sorted by id: a row for each that a table shows, and for each missing one."""
        return _entries(self.state, _ids(ids).unique())

    def ancestors(self, ids: AnyIds) -> pa.Table:
        """Everything that these records were made from, nearest first, by the schema RELATIVE."""
        return _relatives(self.state, _walked(self.state, _ids(ids), Segment.parents_of))

    def descendants(self, ids: AnyIds) -> pa.Table:
        """Everything that was made from these records, nearest first, by the schema RELATIVE."""
        return _relatives(self.state, _walked(self.state, _ids(ids), Segment.children_of))

    def reach(self, ids: AnyIds) -> pa.Array:
        """The ids of everything that was made from these records, sorted: `descendants` where they are millions."""
        levels = _walked(self.state, _ids(ids), Segment.children_of)
        return together([level for level, _ in levels]).unique().to_arrow()

    def edges(self, ids: AnyIds) -> pa.Table:
        """The parents that these records name, by the schema EDGE."""
        return _edges(self.state, _ids(ids).unique())

    def tally(self, ids: AnyIds) -> pa.Table:
        """How many of these records stand where, by the schema TALLY; nothing of those that no table shows."""
        return _tally(self.state, _ids(ids).unique())

    def find(
        self,
        where: Mapping[str, Iterable[str]],
        *,
        dataset: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> pa.Array:
        """The ids of the records with one of the words in each of these columns, made from `since` to before `until`.

        Columns are those of TERMS, times are whole seconds since 1970. The ids are sorted.
        """
        return _found(self.state, where, dataset, since, until).to_arrow()

    def located(
        self,
        where: Mapping[str, str],
        *,
        chosen: Callable[[IndexedFile], bool] = lambda file: True,
        among: AnyIds | None = None,
    ) -> list[InFile]:
        """The records with this word in each of these columns of TERMS, by the files that hold them, in their order.

        `chosen` says which files are looked into, `among` which records.
        """
        return located(self.state, where, chosen, None if among is None else _ids(among).unique())

    def words(self, column: str) -> list[str]:
        """All words of a column that some record has or had, such as the names of all models."""
        return sorted(self.state.numbers[column])

    def counts(self) -> tuple[int, int]:
        """How many records and edges there are."""
        segments = self.state.segments.values()
        return sum(segment.living for segment in segments), sum(segment.living_edges for segment in segments)


def _ids(ids: AnyIds) -> Ids:
    return Ids.from_arrow(ids) if isinstance(ids, pa.Array | pa.ChunkedArray) else Ids.of(ids)


# --------------------------------------------------------------------------------------------------------------- ids


def _range(prefix: str) -> tuple[bytes, bytes]:
    """The lowest and the highest 16 bytes that begin with these digits."""
    digits = prefix.strip().lower()
    if not digits or len(digits) > DIGITS or set(digits) - set("0123456789abcdef"):
        raise UnknownName("record", prefix, (), f"An id is up to {DIGITS} hexadecimal digits; the first few will do.")
    return bytes.fromhex(digits.ljust(DIGITS, "0")), bytes.fromhex(digits.ljust(DIGITS, "f"))


def _only(state: State, prefix: str, low: bytes, high: bytes) -> bytes:
    found = _between(state, low, high, 6)
    if len(found) == 1:
        return found[0]
    if not found:
        near = [*_between(state, bytes(16), low, 1, backwards=True), *_between(state, high, b"\xff" * 16, 1)]
        raise UnknownName("record", prefix, [one.hex() for one in near], "Ids are hexadecimal.")
    more = " or more" if len(found) > 5 else ""
    raise UnknownName(
        "single record",
        prefix,
        [one.hex() for one in found[:5]],
        f"{min(len(found), 5)}{more} begin like that: give more digits.",
    )


def _between(state: State, low: bytes, high: bytes, limit: int, *, backwards: bool = False) -> list[bytes]:
    """The first living ids of a range, or its last ones."""
    found: set[bytes] = set()
    for segment in state.segments.values():
        first, last = (_place(segment.ids, one) for one in (low, high))
        last += segment.ids.take(np.array([last])).to_arrow()[0].as_py() == high if last < len(segment.ids) else 0
        found.update(_living(segment, first, last, limit, backwards=backwards))
    return sorted(found, reverse=backwards)[:limit]


def _place(ids: Ids, one: bytes) -> int:
    """Where an id would stand among sorted ones."""
    high, low = (np.uint64(int.from_bytes(half, "big")) for half in (one[:8], one[8:]))
    first, last = (int(np.searchsorted(ids.high, high, side)) for side in ("left", "right"))
    return first + int(np.searchsorted(ids.low[first:last], low))


def _living(segment: Segment, first: int, last: int, limit: int, *, backwards: bool) -> list[bytes]:
    found: list[bytes] = []
    while first < last and len(found) < limit:
        span = np.arange(max(first, last - NEAR), last) if backwards else np.arange(first, min(first + NEAR, last))
        first, last = (first, int(span[0])) if backwards else (int(span[-1]) + 1, last)
        rows = segment.rows_of(segment.ids.take(span))
        ids = segment.ids.take(np.unique(segment.column("row_id")[rows])).to_arrow().to_pylist()
        found += reversed(ids) if backwards else ids
    return found[:limit]


# --------------------------------------------------------------------------------------------------------------- walks


def _relatives(state: State, levels: Sequence[tuple[Ids, int]]) -> pa.Table:
    ids = together([level for level, _ in levels])
    known, order = _entries(state, ids), ids.order()
    distances = np.repeat([far for _, far in levels], [len(level) for level, _ in levels]).astype(np.int32)
    far = distances[order][_ids(known["record_id"]).places_in(ids.take(order))]
    nearest_first = pa.array(np.argsort(far, kind="stable"))
    return known.append_column(RELATIVE.field("distance"), pa.array(far)).take(nearest_first)


def _walked(state: State, start: Ids, step: Callable[[Segment, Ids], Ids]) -> list[tuple[Ids, int]]:
    """Level by level: what is reached for the first time after so many steps. A circle ends where it began."""
    seen = frontier = start.unique()
    found: list[tuple[Ids, int]] = []
    for distance in count(1):
        frontier = together([step(segment, frontier) for segment in state.segments.values()]).unique().without(seen)
        if not len(frontier):
            return found
        found.append((frontier, distance))
        seen = together([seen, frontier]).unique()
    return found


def _edges(state: State, wanted: Ids) -> pa.Table:
    parts = [EDGE.empty_table()]
    relations = [word and json.loads(word)[2] for word in state.words[PLACE]]
    for segment in state.segments.values():
        children, parents, places = segment.edges_of(segment.rows_of(wanted))
        columns = [children.to_arrow(), parents.to_arrow(), _word(places, relations.__getitem__)]
        parts.append(pa.Table.from_arrays(columns, schema=EDGE))
    return pa.concat_tables(parts).unify_dictionaries()


def _found(
    state: State, where: Mapping[str, Iterable[str]], dataset: str | None, since: int | None, until: int | None
) -> Ids:
    parts: list[Ids] = []
    for segment in state.segments.values():
        chosen = _of_dataset(state, segment, dataset)[segment.column("file")]
        for column, words in where.items():
            numbers = [state.numbers[column][word] for word in words if word in state.numbers[column]]
            chosen &= np.isin(segment.column(column), np.array(numbers, np.int64))
        made = segment.column("created")
        chosen &= (made >= since) if since is not None else True
        chosen &= (made < until) if until is not None else True
        parts.append(segment.ids.take(segment.column("row_id")[chosen]))
    return together(parts).unique()


def _of_dataset(state: State, segment: Segment, dataset: str | None) -> np.ndarray:
    """Which files of a segment are alive and of the dataset, or of any."""
    if dataset is None:
        return segment.alive
    return np.array([n >= 0 and state.files[n].dataset == dataset for n in segment.numbers.tolist()], bool)


# ------------------------------------------------------------------------------------------------------------- entries


def _entries(state: State, wanted: Ids) -> pa.Table:
    """Numbers of all segments first, words once: a question about few records makes no table for each segment."""
    chosen = [(segment, segment.rows_of(wanted)) for segment in state.segments.values()]
    chosen = [(segment, rows) for segment, rows in chosen if len(rows)]
    ids = together([segment.ids.take(segment.column("row_id")[rows]) for segment, rows in chosen])
    order = ids.order()

    def gathered(values: Callable[[Segment, np.ndarray], np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.uint8), *(values(*one) for one in chosen)])[order].astype(np.int64)

    columns = {
        name: gathered(lambda segment, rows, name=name: segment.column(name)[rows]) for name in (*TERMS, *NUMBERS)
    }
    files = gathered(lambda segment, rows: segment.numbers[segment.column("file")[rows]])
    known = ids.take(order)
    table = pa.Table.from_arrays(
        [
            known.to_arrow(),
            *(_word(files, lambda file, name=name: getattr(state.files[file], name)) for name in PLACES),
            *(_word(columns[name], state.words[name].__getitem__) for name in TERMS),
            pa.array(columns["synthetic_depth"], pa.int32()),
            pa.array(columns["created"]).cast(ENTRY.field("created_at").type),
        ],
        schema=ENTRY,
    )
    unknown = wanted.without(known.unique())
    return _with_missing(state, table, unknown) if len(unknown) else table


def _with_missing(state: State, table: pa.Table, unknown: Ids) -> pa.Table:
    return pa.concat_tables([table, _missing(state, unknown)]).unify_dictionaries().sort_by("record_id")


def _tally(state: State, wanted: Ids) -> pa.Table:
    found: list[Mapping[str, object]] = []
    for segment in state.segments.values():
        rows, words = segment.rows_of(wanted), state.words["status"]
        both = segment.column("file")[rows].astype(np.int64) * len(words) + segment.column("status")[rows]
        for one, records in zip(*np.unique(both, return_counts=True), strict=True):
            at, status = divmod(int(one), len(words))
            file = state.files[int(segment.numbers[at])]
            place = {"dataset": file.dataset, "stage": file.stage, "batch": file.batch}
            found.append(place | {"status": words[status], "records": int(records)})
    return pa.Table.from_pylist(list(found), schema=TALLY)


def _word(numbers: np.ndarray, word: Callable[[int], str | None]) -> pa.Array:
    """A column of words by their numbers; only the words that occur."""
    distinct, which = np.unique(numbers, return_inverse=True)
    return pa.array([word(number) for number in distinct.tolist()], pa.string()).dictionary_encode().take(which)


def _missing(state: State, ids: Ids) -> pa.Table:
    """Records that are in no table any more, as their children name them; those that nobody names are not there."""
    parts: list[pa.Table] = [ENTRY.empty_table()]
    for segment in state.segments.values():
        who, places = segment.mentions(ids) if len(ids) else (np.zeros(0, np.int64), np.zeros(0, np.int64))
        if len(who):
            named = ids.take(who)
            parts.append(_named(named, [json.loads(state.words[PLACE][number] or "") for number in places.tolist()]))
            ids = ids.without(named)
    return pa.concat_tables(parts)


def _named(ids: Ids, places: Sequence[tuple[str, str, str]]) -> pa.Table:
    columns = {
        "record_id": ids.to_arrow(),
        "stage": pa.array([stage for stage, _, _ in places], pa.string()).dictionary_encode(),
        "batch": pa.array([batch for _, batch, _ in places], pa.string()).dictionary_encode(),
        "status": pa.array(["missing"] * len(ids), pa.string()).dictionary_encode(),
    }
    filled = [columns.get(field.name, pa.nulls(len(ids), field.type)) for field in ENTRY]
    return pa.Table.from_arrays(filled, schema=ENTRY)
