"""One look at everything, before anything is done: what would be found, and which pieces of text are nobody else's.

The pieces are taken from the few files that hold something; then every file is decoded once. What rows that stay say as
well is not searched for afterwards: it is not theirs alone that were erased.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from synth_dagster.governance.erase_files import NO_TEXTS, texts_of
from synth_dagster.governance.erase_look import Going, Wanted
from synth_dagster.governance.erase_places import Surroundings
from synth_dagster.governance.erase_scope import Scope
from synth_dagster.governance.erase_search import Found, Place, search
from synth_dagster.lake.doomed import Doomed, Stored, rows_of, stored_files
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.shingles import Hits, Needles, strings

CONVERSATIONS = (("messages",), ("prompt", "chosen", "rejected"))


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, and what follows from it."""

    needles: Needles
    before: Found
    forget: pa.Array = field(repr=False)  # calls
    embeddings: pa.Array = field(repr=False)
    rewrite: list[Stored] = field(repr=False)


def surveyed(
    lake: Lake, found: Scope, around: Surroundings, others: Mapping[str, Place], beside: Set[str] = frozenset()
) -> Survey:
    """Search for everything that goes, but in files `beside`."""
    whole = {text for file in found.files.values() for text in _whole_texts(lake, file, found.doomed)}
    rows = _said_in_rows(lake, found)
    said = _said(rows, found, around)
    tables = {file.name: file for file in stored_files(lake)}

    def rowed(name: str) -> Going | None:
        file = tables.get(name)
        if file is None or file.table == REJECTS:  # a reject that quotes what is erased goes with it
            return None
        return lambda rows: found.doomed.rows(file.dataset, file.table, rows)

    before = search(lake, Wanted.of(found.doomed.ids, said), others=others, rowed=rowed, beside=beside)
    before.shared.add(said.found_in(_own_words(lake)))
    quoting = _answers(found, around, (rows, said), before.shared)
    needles = said.without(before.shared)
    rejects = [tables[name] for name in before.with_text if name in tables and tables[name].table == REJECTS]
    return Survey(
        needles,
        before,
        _forgotten(found, quoting, before.shared),
        pa.array(around.vectors_of(lake, (text for text in whole if needles.occur_in([text]))), pa.binary()),
        list({file.name: file for file in (*found.files.values(), *rejects)}.values()),
    )


def _said_in_rows(lake: Lake, found: Scope) -> Needles:
    """Pieces of the records and of the rejects that go."""
    needles = Needles()
    for file in found.files.values():
        if file.table not in NO_TEXTS:
            for text in texts_of(_going(lake, file, found.doomed), file.table):
                needles.add(text)
    return needles


def _said(rows: Needles, found: Scope, around: Surroundings) -> Needles:
    """Pieces of all that goes: of rows, and of the answers that no other record has."""
    needles = rows.without(Hits())
    calls = found.doomed.calls
    gone = Ids.from_arrow(calls).unique() if calls is not None else Ids.none()
    if len(gone):
        for call, text in around.said():
            if _is_among(call, gone):
                for word in strings(text):
                    needles.add(word)
    return needles


def _own_words(lake: Lake) -> Iterator[str]:
    """What the project itself says, in prompts and recipes: a model may have said it after them.

    So is the name of a delivered file with which a batch begins: it stands in the plan while the delivery is there.
    """
    database = lake.meta.database
    for row in database.rows('select system, "user" from prompts'):
        yield from (row["system"], row["user"])
    for row in database.rows("select text from recipes"):
        yield row["text"]
    for row in database.rows("select start from batches where state = 'active'"):
        yield row["start"]


@dataclass(frozen=True, slots=True)
class _Quoting:
    """An answer that says something of what goes; `rows` are the pieces of it that stand in rows."""

    call: bytes
    hits: Hits
    rows: Hits


def _answers(
    found: Scope, around: Surroundings, sought: tuple[Needles, Needles], shared: Hits
) -> list[tuple[bytes, Hits]]:
    """The answers that became nothing that stays and that say something of it; what the others say is shared.

    A record that stays may name a call that did not write it, as where a round asked about several, or for a judgement.
    Such an answer goes where it says a piece of a row that goes; it is asked for again if that record is made again.
    """
    rows, said = sought
    quoting: list[tuple[bytes, Hits]] = []
    named: list[_Quoting] = []
    for call, text in around.said():
        hits = said.found_in(strings(text))
        if hits and call in found.writers:
            shared.add(hits)
        elif hits and call in found.kept_calls:
            named.append(_Quoting(call, hits, rows.found_in(strings(text))))
        elif hits:
            quoting.append((call, hits))
    while stays := [one for one in named if not one.rows.without(shared)]:
        named = [one for one in named if one.rows.without(shared)]
        for one in stays:
            shared.add(one.hits)
    return [*quoting, *((one.call, one.rows) for one in named)]


def _forgotten(found: Scope, quoting: list[tuple[bytes, Hits]], shared: Hits) -> pa.Array:
    """The calls whose answers go: those behind what goes alone, and those that say the same and became nothing else."""
    calls = set(found.doomed.calls.to_pylist() if found.doomed.calls is not None else ())
    calls |= {call for call, hits in quoting if hits.without(shared)}
    return pa.array(sorted(calls), pa.binary())


def _is_among(call: bytes, calls: Ids) -> bool:
    return bool((Ids.of([call]).places_in(calls) >= 0).all())


def _going(lake: Lake, file: Stored, doomed: Doomed) -> pa.Table:
    rows = rows_of(lake, file)
    return rows.filter(doomed.rows(file.dataset, file.table, rows))


def _whole_texts(lake: Lake, file: Stored, doomed: Doomed) -> Iterator[str]:
    """Texts as a method may have given them to an embedder: each by itself, and a conversation as one."""
    if file.table in (*NO_TEXTS, REJECTS):
        return
    rows = _going(lake, file, doomed)
    yield from texts_of(rows, file.table)
    for names in CONVERSATIONS:
        if set(names) <= set(rows.column_names):
            for row in rows.select(list(names)).to_pylist():
                yield "\n\n".join(_contents(row, names))


def _contents(row: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    return (turn["content"] for name in names for turn in row[name] or () if turn.get("content"))
