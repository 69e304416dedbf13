"""Erase records with everything that was made from them, and prove it.

What is to be done is written down first (`erasures/ID/journal.json`), with what a search found before. From then on
every step may be done again, so an erasure that was killed is gone on with by the next one and by the next run. Nobody
writes meanwhile: erasures wait for each other, for the runs of the batches concerned, and then hold the lake alone. At
the end the same search has to find nothing, and a receipt without any text stays.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.erase_places import (
    PAGES,
    Surroundings,
    exports_of,
    pages_to_remove,
    remove_export,
    without_answers,
)
from synth_dagster.governance.erase_receipt import receipt_of
from synth_dagster.governance.erase_scope import NO_TEXTS, Asked, BadErasure, Scope, scope, texts_of
from synth_dagster.governance.erase_search import Found, Wanted, search
from synth_dagster.lake.erasing import Doomed, Eraser, rows_of, stored_files
from synth_dagster.lake.lake import REJECTS, Lake
from synth_dagster.lake.leases import Lease
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.shingles import Needles, strings
from synth_dagster.lake.tombstones import bury, lake_key, mac
from synth_dagster.signing import Signer

WAIT_S = 6 * 3600.0


@dataclass(slots=True)
class Journal:
    """What an erasure has to do, and what was found before it began."""

    erasure: str
    asked: Mapping[str, Any]  # without a name of a record or a condition
    counts: Mapping[str, Any]
    doomed: Doomed = field(repr=False)
    forget: pa.Array = field(repr=False)  # calls
    batches: list[tuple[str, str]] = field(default_factory=list)
    before: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict, repr=False)
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"erasures/{self.erasure}/journal.json"

    def to_json(self) -> str:
        needles = self.doomed.needles
        told = {
            "erasure": self.erasure,
            "asked": self.asked,
            "counts": self.counts,
            "ids": [one.hex() for one in self.doomed.ids.to_pylist()],
            "sources": sorted(self.doomed.sources),
            "calls": [] if self.doomed.calls is None else [one.hex() for one in self.doomed.calls.to_pylist()],
            "needles": needles.as_json() if needles else None,
            "forget": [one.hex() for one in self.forget.to_pylist()],
            "batches": self.batches,
            "before": self.before,
            "files": self.files,
            "versions": self.versions,
        }
        return json.dumps(told)

    @classmethod
    def of_json(cls, text: bytes) -> "Journal":
        told = json.loads(text)
        doomed = Doomed(
            _binary(told["ids"]),
            frozenset((dataset, source) for dataset, source in told["sources"]),
            _binary(told["calls"]),
            Needles.of_json(told["needles"]),
        )
        batches = [(dataset, batch) for dataset, batch in told["batches"]]
        rest = {name: told[name] for name in ("erasure", "asked", "counts", "before", "files", "versions")}
        return cls(**rest, doomed=doomed, forget=_binary(told["forget"]), batches=batches)


def plan(lake: Lake, asked: Asked) -> Scope:
    """What an erasure would take; nothing is changed."""
    return scope(lake, asked)


def erase(
    lake: Lake, asked: Asked, around: Surroundings, signer: Signer | None, *, everything: bool = False
) -> dict[str, Any]:
    """Erase and prove it: the receipt. Raises BadErasure for an erasure of everything that was not meant so."""
    with lake.lease("erase", "exclusive", wait_s=WAIT_S):
        _resume(lake, around, signer)
        expected = scope(lake, asked)
        while True:
            with _alone(lake, expected.batches) as lease:
                found = scope(lake, asked)
                if found.everything and not everything:
                    raise BadErasure(_too_much(asked.dataset))
                if found.batches <= expected.batches:
                    journal = _begin(lake, found, around)
                    return _finish(lake, journal, around, signer, lease)
            expected = found  # batches have come since: wait for whoever works on them too


def resume(lake: Lake, around: Surroundings, signer: Signer | None) -> list[dict[str, Any]]:
    """Go on with what a kill has cut short; the receipts."""
    if not _unfinished(lake):
        return []
    with lake.lease("erase", "exclusive", wait_s=WAIT_S):
        return _resume(lake, around, signer)


def _resume(lake: Lake, around: Surroundings, signer: Signer | None) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = []
    for erasure in _unfinished(lake):
        journal = Journal.of_json(lake.store.read(f"erasures/{erasure}/journal.json"))
        with _alone(lake, journal.batches) as lease:
            receipts.append(_finish(lake, journal, around, signer, lease))
    known = {f"erasures/{erasure}/journal.json" for erasure in _unfinished(lake)}
    for entry in list(lake.store.entries("erasures/")):
        if entry.name.endswith("/journal.json") and entry.name not in known:  # killed before it had begun, or done
            lake.store.remove(entry.name)
    return receipts


def _unfinished(lake: Lake) -> list[str]:
    rows = lake.meta.database.rows("select erasure from erasures where state <> 'done' order by number")
    return [row["erasure"] for row in rows]


def _too_much(dataset: str) -> str:
    return (
        f"This would erase every record of '{dataset}'. If that is meant, give --yes-everything beside --yes; "
        "else say more closely what is to go."
    )


@contextmanager
def _alone(lake: Lake, batches: Iterable[tuple[str, str]]) -> Iterator[Lease]:
    """Hold the lake, after the runs that read what is to go: else they would write what they make of it afterwards."""
    with ExitStack() as held:
        for dataset in sorted({dataset for dataset, _ in batches}):
            for stage in lake.stages(dataset):
                for batch in sorted(batch for other, batch in batches if other == dataset):
                    held.enter_context(lake.lease(f"batch/{dataset}/{stage}/{batch}", "exclusive", wait_s=WAIT_S))
            held.enter_context(lake.lease(f"release/{dataset}", "exclusive", wait_s=WAIT_S))
        yield held.enter_context(lake.lease("lake", "exclusive", wait_s=WAIT_S))


# ------------------------------------------------------------------------------------------------------------ the steps


def _begin(lake: Lake, found: Scope, around: Surroundings) -> Journal:
    """Look for everything once, then write down what is to be done, then say that it has begun."""
    erasure = uuid4().hex
    needles = _needles(lake, found, around)
    doomed = Doomed(found.doomed.ids, found.doomed.sources, found.doomed.calls, needles)
    wanted = Wanted.of(doomed.ids, needles)
    exports = exports_of(around.project, found.releases)
    before = search(lake, wanted, others=_others(around, exports))
    journal = Journal(
        erasure,
        _told(lake, found.asked),
        found.as_json(),
        doomed,
        _forgotten(found, needles, around),
        sorted(found.batches),
        before.as_json(),
        before.files,
        _versions(lake),
    )
    data = journal.to_json().encode()
    lake.store.write(journal.name, lambda file: file.write(data), needed=len(data))
    bury(lake.meta.database, erasure, _tombstones(lake, found))
    lake.meta.database.write(
        "insert into erasures (erasure, state, started_at) values (?, 'begun', ?)", (erasure, time.time())
    )
    return journal


def _finish(lake: Lake, journal: Journal, around: Surroundings, signer: Signer | None, lease: Lease) -> dict[str, Any]:
    """Every step, whether it was done before a kill or not."""
    eraser = Eraser(lake, journal.erasure, journal.doomed, lease)
    eraser.rewrite()
    releases = eraser.withdraw()
    held = [(one.dataset, one.release) for one, _ in releases]
    forgotten = around.forget(journal.forget.to_pylist())
    pages = pages_to_remove(lake, journal.batches, held)
    pages += [name for name in {*journal.before["with_ids"], *journal.before["with_text"]} if name.startswith(PAGES)]
    for name in pages:
        lake.store.remove(name)
    exports = exports_of(around.project, held)
    removed = {str(folder): remove_export(folder) for folder in exports}
    lake.sweep(older_than_s=-1.0)
    Lineage(lake).purge()
    _empty_logs(lake)
    wanted = Wanted.of(journal.doomed.ids, journal.doomed.needles or Needles())
    after = search(lake, wanted, others=_others(around, exports), but=[journal.name])
    after.not_searched += [*around.unsearched(), *_unsearched(lake)]
    receipt = receipt_of(
        erasure=journal.erasure,
        asked=journal.asked,
        counts=dict(journal.counts) | {"answers_erased": forgotten, "pages_removed": len(pages), "exports": removed},
        releases=[
            {"dataset": one.dataset, "withdrawn": one.release, "successor": next_one and next_one.release}
            for one, next_one in releases
        ],
        versions=(journal.versions, _versions(lake)),
        files=(journal.files, after.files),
        proof=_proof(journal, after),
        signer=signer,
    )
    return _settle(lake, journal, receipt)


def _settle(lake: Lake, journal: Journal, receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt is kept, then the erasure is over, then what was to be done is forgotten."""
    data = json.dumps(receipt, indent=2, sort_keys=True).encode()
    lake.store.write(f"erasures/{journal.erasure}.json", lambda file: file.write(data), needed=len(data))
    lake.meta.database.write(
        "update erasures set state = 'done', ended_at = ? where erasure = ?", (time.time(), journal.erasure)
    )
    lake.store.remove(journal.name)
    return receipt


def _proof(journal: Journal, after: Found) -> dict[str, Any]:
    """A search that found nothing before proves nothing by finding nothing afterwards."""
    needles = journal.doomed.needles or Needles()
    ids, text = bool(journal.before["with_ids"]), bool(journal.before["with_text"])
    return {
        "before": dict(journal.before),
        "after": after.as_json(),
        "clean": after.clean,
        "ids_proven": ids and not after.with_ids,
        "text_proven": text and not after.with_text,
        "pieces_of_text": needles.count(),
        "texts_too_short_to_search": needles.short,
        "not_searched": sorted(after.not_searched),
    }


# ------------------------------------------------------------------------------------------------------ what is to go


def _needles(lake: Lake, found: Scope, around: Surroundings) -> Needles:
    """Pieces of the erased texts that stand in nothing that stays."""
    needles = Needles()
    staying: list[tuple[Any, pa.Array]] = []
    for file in stored_files(lake):
        if file.table in NO_TEXTS:
            continue
        rows = rows_of(lake, file)
        if "record_id" not in rows.column_names:
            continue
        going = found.doomed.rows(file.dataset, file.table, rows)
        staying.append((file, pc.invert(going)))  # type: ignore[attr-defined]
        for text in texts_of(rows.filter(going), file.table):
            needles.add(text)
    for text in without_answers(around, found.doomed.calls if found.doomed.calls is not None else pa.array([])):
        for said in strings(text):
            needles.add(said)
    for file, stays in staying:
        if file.table != REJECTS:  # a reject that quotes what is erased goes with it
            needles = needles.without(needles.found_in(texts_of(rows_of(lake, file).filter(stays), file.table)))
    kept = set(found.kept_calls.to_pylist())
    for call, text in around.said():
        if call in kept:
            needles = needles.without(needles.found_in(strings(text)))
    return needles


def _forgotten(found: Scope, needles: Needles, around: Surroundings) -> pa.Array:
    """The calls whose answers go: those behind what goes, and those that no record has and that say the same."""
    calls = set(found.doomed.calls.to_pylist() if found.doomed.calls is not None else ())
    kept = set(found.kept_calls.to_pylist())
    calls |= {call for call, text in around.said() if call not in kept and needles.occur_in(strings(text))}
    return pa.array(sorted(calls), pa.binary())


def _tombstones(lake: Lake, found: Scope) -> Iterator[str]:
    """Marks of records, of the items they were read from and, if asked for, of their content."""
    secret = lake_key(lake.meta.database)
    for record_id in found.doomed.ids.to_pylist():
        yield mac(secret, "record", record_id.hex())
    gone: dict[tuple[str, str, str], list[Any]] = {}
    kept: set[tuple[str, str, str]] = set()
    for file in stored_files(lake):
        rows = rows_of(lake, file, ["record_id", "source", "parents", "attributes", "content_hash"])
        if "parents" not in rows.column_names or "content_hash" not in rows.column_names:
            continue
        going = found.doomed.rows(file.dataset, file.table, rows)
        if not pc.any(going).as_py():  # type: ignore[attr-defined]
            continue
        for is_going, row in zip(going.to_pylist(), rows.to_pylist(), strict=True):
            attributes = json.loads(row["attributes"] or "{}")
            if row["parents"] or "native_key" not in attributes:
                continue
            key = (file.dataset, row["source"], attributes["native_key"])
            if not is_going:
                kept.add(key)
                continue
            gone.setdefault(key, []).append(attributes.get("chunk", 0))
            if found.asked.everywhere:
                yield mac(secret, "content", row["content_hash"].hex())
    for key, ordinals in gone.items():
        if key not in kept:
            yield mac(secret, "key", *key)
        for ordinal in ordinals:
            yield mac(secret, "passage", *key, ordinal)


def _told(lake: Lake, asked: Asked) -> dict[str, Any]:
    """What was asked, as a receipt may say it: a record and a condition by keyed hashes."""
    secret = lake_key(lake.meta.database)
    hidden = {name: getattr(asked, name) for name in ("record", "where") if getattr(asked, name) is not None}
    source = {"source": asked.source} if asked.source else {}
    macs = {f"{name}_hmac": mac(secret, name, str(word)) for name, word in hidden.items()}
    return {"dataset": asked.dataset, "everywhere": asked.everywhere} | source | macs


def _others(around: Surroundings, exports: Iterable[Any]) -> dict[str, Any]:
    """The places of this machine that are searched beside the lake."""
    found = {f"export {folder}": folder for folder in exports if folder.is_dir()}
    if around.answer_file is not None:
        found["answers"] = around.answer_file
    if around.dagster is not None and around.dagster.is_dir():
        found["dagster"] = around.dagster
    return found


def _versions(lake: Lake) -> dict[str, int]:
    return {
        f"{dataset}/{table}": lake.snapshot(dataset, table)[1].version
        for dataset in lake.datasets()
        for table in lake.table_names(dataset)
    }


def _empty_logs(lake: Lake) -> None:
    """SQLite keeps old pages in its log until that is emptied."""
    from synth_dagster.lake.sqlite import SqliteDatabase

    if isinstance(lake.meta.database, SqliteDatabase):
        lake.meta.database.rows("pragma wal_checkpoint(truncate)")


def _unsearched(lake: Lake) -> list[str]:
    from synth_dagster.lake.sqlite import SqliteDatabase

    told: list[str] = []
    if not isinstance(lake.meta.database, SqliteDatabase):
        told.append("the metadata in Postgres, which by design holds no record text")
    if "://" in lake.store.url:
        told.append("old versions of objects, if the bucket keeps them, and copies of its files on other machines")
    return told


def _binary(digits: Iterable[str]) -> pa.Array:
    return pa.array([bytes.fromhex(one) for one in digits], pa.binary())
