"""Find records by what is known of them and by words that they say, a page at a time.

What is known of a record stands in the lineage index, which says in which file it lies. Files are walked in the order
of `Lake.read`, only until a page is full, so a page costs what it shows. Words have to be read: that ends after some
seconds, and the page says how far it came and goes on from there. Nothing that is asked becomes SQL text.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.governance.trace import entries_of
from synth_dagster.governance.verdicts import judged
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Moment
from synth_dagster.lake.lineage_catalog import IndexedFile
from synth_dagster.lake.lineage_places import InFile
from synth_dagster.lake.rows import groups_with, local_file

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

PAGE, LARGEST_PAGE = 25, 200
MOST_WORDS, LONGEST = 8, 200
SECONDS = 3.0  # of reading, for words
AROUND = 120  # characters of a text that are shown on either side of the first word found
PLAIN, TALK = ("title", "text", "rationale"), ("messages", "prompt", "chosen", "rejected")
KNOWN = ("source", "model_id", "method", "status", "license", "prompt_hash", "run_id")  # columns of the index
_WORD = re.compile(r'"([^"]+)"|(\S+)')


class BadSearch(SynthError):
    """A search that cannot be meant so."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Sought:
    """What the records that are looked for have: every part that is given."""

    q: str = ""
    dataset: str = ""
    stage: str = ""
    batch: str = ""
    source: str = ""
    model_id: str = ""
    method: str = ""
    status: str = ""
    license: str = ""
    prompt_hash: str = ""
    run_id: str = ""
    verdict: str = ""  # kept | dropped
    release: str = ""  # which one decided so; any, if none is named
    reason: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Sought":
        """From the query of an address. Raises BadSearch for what is too long, or is no verdict."""
        words = {one.name: given.get(one.name, "").strip() for one in fields(cls)}
        for name, word in words.items():
            if len(word) > LONGEST:
                raise BadSearch(f"'{name}' has {len(word):,} characters; at most {LONGEST} can be looked for.")
        if words["verdict"] not in ("", "kept", "dropped"):
            raise BadSearch(f"A verdict is kept or dropped, not '{words['verdict']}'.")
        found = cls(**words)
        if len(found.words) > MOST_WORDS:
            raise BadSearch(f"These are {len(found.words)} words; at most {MOST_WORDS} are looked for at once.")
        return found

    @property
    def words(self) -> list[str]:
        """What the text has to say, each of it; several words in quotation marks are one."""
        return [quoted or plain for quoted, plain in _WORD.findall(self.q)]

    @property
    def given(self) -> dict[str, str]:
        return {one.name: word for one in fields(self) if (word := getattr(self, one.name))}

    def is_in(self, file: IndexedFile) -> bool:
        wanted = ((self.dataset, file.dataset), (self.stage, file.stage), (self.batch, file.batch))
        return all(not word or word == has for word, has in wanted)


@dataclass(frozen=True, slots=True)
class Place:
    """After which record a page begins: in words that an address can hold."""

    dataset: str
    stage: str
    batch: str
    after: bytes  # none: before the first one of the batch

    @classmethod
    def of(cls, text: str) -> "Place | None":
        if not text:
            return None
        parts = text.split("/", 3)
        try:
            record = bytes.fromhex(parts[2])
        except (IndexError, ValueError):
            record = b"?"
        if len(parts) != 4 or len(record) not in (0, 16):
            raise BadSearch("This address is no page of a search: begin the search again.")
        return cls(parts[0], parts[1], parts[3], record)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.stage}/{self.after.hex()}/{self.batch}"

    @property
    def order(self) -> tuple[str, str, str]:
        return self.dataset, self.stage, self.batch


@dataclass(slots=True)
class Found:
    """One page: its records with a piece of their text, how many there are in all if that is known, what comes next."""

    records: list[dict[str, Any]] = field(default_factory=list)
    count: int | None = None
    next: str | None = None
    batches: int = 0  # that may hold some
    searched: int = 0  # of these, up to the end of this page


def search(lake: Lake, now: Moment, sought: Sought, *, after: str = "", size: int = PAGE) -> Found:
    """A page of the records that fit. Raises BadSearch for a place that is none."""
    start = Place.of(after)
    files = _files(lake, now, sought)
    found = Found(count=None if sought.words else sum(file.count for file in files), batches=len(files))
    until = time.monotonic() + SECONDS
    for number, file in enumerate(files):
        found.searched = number
        if start is not None and file.order[:3] < start.order:
            continue
        left = size - len(found.records)
        behind = start.after if start is not None and file.order[:3] == start.order else b""
        hits, reached = _hits(lake, file, _later(file.ids(), behind), sought.words, left + 1, until)
        found.records += _told(now, file, hits[:left], sought.words)
        if len(hits) > left:
            reached = hits[left - 1]["record_id"] if left else behind
        if reached is not None:
            found.next = str(Place(*file.order[:3], reached))
            return found
    found.searched = len(files)
    return found


def _files(lake: Lake, now: Moment, sought: Sought) -> list[InFile]:
    where = {name: word for name in KNOWN if (word := getattr(sought, name))}
    among = None
    if sought.verdict or sought.reason or sought.release:
        datasets = [sought.dataset] if sought.dataset else lake.datasets()
        given = {name: getattr(sought, name) or None for name in ("verdict", "release", "reason")}
        parts = [judged(lake, dataset, **given) for dataset in datasets if dataset in lake.datasets()]
        among = pa.chunked_array(parts, pa.binary())
    return now.located(where, chosen=sought.is_in, among=among)


def _later(ids: Ids, after: bytes) -> pa.Array:
    """Those behind one id; all when there is none."""
    every = ids.to_arrow()
    return every.filter(pc.greater(every, pa.scalar(after, pa.binary()))) if after else every


def _hits(
    lake: Lake, file: InFile, ids: pa.Array, words: Sequence[str], most: int, until: float
) -> tuple[list[dict[str, Any]], bytes | None]:
    """The first rows of these ids that say the words; and where it was left when time was up."""
    if not words:
        ids = ids[:most]
    if not len(ids):
        return [], None
    hits: list[dict[str, Any]] = []
    with pq.ParquetFile(local_file(lake, file.file.dataset, file.file.stage, file.file.path)) as parquet:
        for group in groups_with(parquet, ids, [*PLAIN, *TALK]):
            rows = group.filter(saying(group, words)) if words else group
            hits += rows.slice(0, most - len(hits)).to_pylist()
            if len(hits) >= most:
                break
            if words and group.num_rows and time.monotonic() > until:
                return hits, group["record_id"][-1].as_py()
    return hits, None


def saying(rows: pa.Table, words: Sequence[str]) -> pa.Array:
    """Which rows say each of the words, in whatever letters."""
    every = pa.repeat(pa.scalar(True), rows.num_rows)
    for word in words:
        some = pa.repeat(pa.scalar(False), rows.num_rows)
        for name in (*PLAIN, *TALK):
            if name in rows.column_names:
                some = pc.or_(some, _says(rows[name].combine_chunks(), word))
        every = pc.and_(every, some)
    return every


def _says(column: pa.Array, word: str) -> pa.Array:
    if not pa.types.is_list(column.type):
        return pc.match_substring(column, word, ignore_case=True).fill_null(False)
    said = pc.match_substring(pc.list_flatten(column).field("content"), word, ignore_case=True).fill_null(False)
    which = pc.list_parent_indices(column).filter(said).unique()
    return pc.is_in(pa.array(np.arange(len(column))), value_set=which.cast(pa.int64()))


def _told(now: Moment, file: InFile, rows: Sequence[Mapping[str, Any]], words: Sequence[str]) -> list[dict[str, Any]]:
    """What the index knows of each, with a piece of what it says."""
    said = {row["record_id"].hex(): " · ".join(texts(row)) for row in rows}
    known = {
        entry["record_id"]: entry
        for entry in entries_of(now.entries([row["record_id"] for row in rows]))
        if (entry["dataset"], entry["stage"], entry["batch"]) == file.order[:3]
    }
    return [known[one] | {"says": piece(said[one], words)} for one in said if one in known]


def texts(row: Mapping[str, Any]) -> Iterator[str]:
    """What a record says, as plain texts in their order; its title first."""
    for name in PLAIN[:2]:
        if row.get(name):
            yield row[name]
    for name in TALK:
        yield from (turn["content"] for turn in row.get(name) or () if turn["content"])


def piece(text: str, words: Sequence[str]) -> str:
    """A part of a text around the first of the words, in one line."""
    spans = marks(text, words)
    middle = spans[0][0] if spans else 0
    begin = max(0, middle - AROUND)
    end = begin + 2 * AROUND
    cut = " ".join(text[begin:end].split())
    return ("… " if begin else "") + cut + (" …" if end < len(text) else "")


def marks(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words stand in a text: from and to."""
    found = sorted(m.span() for word in words for m in re.finditer(re.escape(word), text, re.IGNORECASE))
    apart = found[:1]
    for before, after in pairwise(found):
        if after[0] >= before[1] and after[0] >= apart[-1][1]:
            apart.append(after)
    return apart
