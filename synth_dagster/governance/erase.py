"""Erase records with everything that was made from them, and prove it.

What is to be done is written down first (`erasures/ID/journal.json`), with what a search found before. From then on
every step may be done again, so an erasure that was killed is gone on with by the next one and by the next run. Nobody
writes meanwhile: erasures wait for each other, for the runs of the batches concerned, and then hold the lake alone. At
the end the same search has to find nothing, and a receipt without any text stays.
"""

import json
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast
from uuid import uuid4

import pyarrow as pa

from synth_dagster.errors import StorageError
from synth_dagster.governance.answer import plural
from synth_dagster.governance.erase_children import POLICIES, cost_of
from synth_dagster.governance.erase_dagster import FILES_OF_DAGSTER
from synth_dagster.governance.erase_journal import Journal
from synth_dagster.governance.erase_places import PAGES, Surroundings, exports_of, pages_to_remove, remove_export
from synth_dagster.governance.erase_receipt import receipt_of
from synth_dagster.governance.erase_scope import Asked, BadErasure, Scope, beside, scope
from synth_dagster.governance.erase_search import Found, Place, Tables, erase_old_versions, in_bucket, search
from synth_dagster.governance.erase_survey import surveyed
from synth_dagster.governance.erase_tombstones import marks_of
from synth_dagster.governance.release_seal import is_described, seal_release
from synth_dagster.lake.corpus_state import forget_found
from synth_dagster.lake.doomed import Doomed
from synth_dagster.lake.erasing import Eraser, is_cut_short, journals, unfinished
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.leases import Lease
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.remaking import mark_to_remake
from synth_dagster.lake.shingles import Needles
from synth_dagster.lake.signature_index import remove_index
from synth_dagster.lake.sqlite import SqliteDatabase
from synth_dagster.lake.tombstones import bury, lake_key, mac
from synth_dagster.runner.models import FOLDER as MODELS
from synth_dagster.runner.provider_batches import OPEN
from synth_dagster.scale.engine import SCRATCH, remove_scratch
from synth_dagster.signing import Signer
from synth_dagster.storage import NotThere
from synth_dagster.storage.fence import raise_fence

WAIT_S = 6 * 3600.0
TRIES = 5


def plan(lake: Lake, asked: Asked) -> Scope:
    """What an erasure would take; nothing is changed. Where a candidate gives way meanwhile, all is read anew."""
    for _ in range(TRIES):
        with suppress(NotThere):
            return scope(lake, asked)
    return scope(lake, asked)


def costs(found: Scope, around: Surroundings) -> dict[str, Any]:
    """What the answers that go have cost; and those of the children that a run would make anew."""
    gone = found.doomed.calls if found.doomed.calls is not None else pa.array([], pa.binary())
    theirs = cost_of(around, found.bereft.calls_among(gone)).as_json()
    return {"cost": cost_of(around, gone.to_pylist()).as_json(), "cost_of_children": theirs}


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
                _refuse_open(lake, found)
                if found.batches <= expected.batches:
                    journal = _begin(lake, found, around)
                    return _finish(lake, journal, around, signer, lease)
            expected = found  # batches have come since: wait for whoever works on them too


def resume(lake: Lake, around: Surroundings, signer: Signer | None) -> list[dict[str, Any]]:
    """Go on with what a kill has cut short; the receipts."""
    if not is_cut_short(lake):
        return []
    with lake.lease("erase", "exclusive", wait_s=WAIT_S):
        return _resume(lake, around, signer)


def _resume(lake: Lake, around: Surroundings, signer: Signer | None) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = []
    for erasure in unfinished(lake):
        journal = Journal.of_json(lake.store.read(f"erasures/{erasure}/journal.json"))
        with _alone(lake, journal.batches) as lease:
            receipts.append(_finish(lake, journal, around, signer, lease, resumed=True))
    for name in journals(lake):  # killed before it had begun, or when all was done
        lake.store.erase(name)
    return receipts


def _refuse_open(lake: Lake, found: Scope) -> None:
    """What comes back from a provider would say again what is erased, under calls that no record has yet."""
    waiting = open_batches(lake, found)
    if waiting:
        raise BadErasure(
            f"{len(waiting)} provider batches over what is to be erased are still open, and what comes back would say "
            "it again. 'synth batches' lists them: collect them with 'synth run', or give them up with 'synth batches "
            "--cancel ID', and erase again."
        )


def open_batches(lake: Lake, found: Scope) -> list[str]:
    """The provider batches that are open over a batch of records that holds what goes."""
    rows = lake.meta.database.rows(f"select key, dataset, batch from provider_batches where {OPEN}")
    return [row["key"] for row in rows if (row["dataset"], row["batch"]) in found.batches]


def _too_much(dataset: str) -> str:
    return (
        f"This would erase every record of '{dataset}'. If that is meant, give --yes-everything beside --yes; "
        "else say more closely what is to go."
    )


@contextmanager
def _alone(lake: Lake, batches: Collection[tuple[str, str]]) -> Iterator[Lease]:
    """Hold the lake, after whoever reads what is to go: else they would write what they make of it afterwards.

    A step takes the lease of its batch, lets an erasure end, and reads. So one that has read holds a lease that is seen
    here once nobody else comes in; it may be of a stage that has no table yet.
    """
    while True:
        with ExitStack() as held:
            waited_for = _leases_of(lake, batches) | _at_work(lake, batches)
            for name in [*sorted(waited_for), SCRATCH]:
                held.enter_context(lake.lease(name, "exclusive", wait_s=WAIT_S))
            lease = held.enter_context(lake.lease("lake", "exclusive", wait_s=WAIT_S))
            if _at_work(lake, batches) <= waited_for:
                yield lease
                return


def _leases_of(lake: Lake, batches: Collection[tuple[str, str]]) -> set[str]:
    """Of the stages that have a table; of releases, pages and exports."""
    datasets = {dataset for dataset, _ in batches}
    stages = {dataset: lake.stages(dataset) for dataset in datasets}
    names = {f"batch/{dataset}/{stage}/{batch}" for dataset, batch in batches for stage in stages[dataset]}
    return names | {f"{what}/{dataset}" for what in ("release", "telling") for dataset in datasets}


def _at_work(lake: Lake, batches: Collection[tuple[str, str]]) -> set[str]:
    """The leases that somebody holds on one of these batches."""
    held = (name.split("/", 3) for name in lake.leases_held("batch/"))
    return {"/".join(one) for one in held if (one[1], one[3]) in set(batches)}


# ------------------------------------------------------------------------------------------------------------ the steps


def _begin(lake: Lake, found: Scope, around: Surroundings) -> Journal:
    """Look for everything once, then write down what is to be done, then say that it has begun."""
    erasure = uuid4().hex
    around.raise_fence(erasure)  # what is put there from now on would not be found
    exports = exports_of(around.project, found.releases)
    passed_over = beside(lake, found.batches) if found.asked.search == "touched" else frozenset[str]()
    seen = surveyed(lake, found, around, _others(lake, around, exports), passed_over)
    doomed = Doomed(found.doomed.ids, found.doomed.sources, found.doomed.calls, seen.needles)
    journal = Journal(
        erasure,
        _told(lake, found.asked),
        found.as_json(),
        doomed,
        seen.forget,
        seen.embeddings,
        seen.rewrite,
        sorted(found.batches),
        seen.before.as_json(),
        seen.before.files,
        _versions(lake),
        found.to_remake,
    )
    data = journal.to_json().encode()
    lake.store.write(journal.name, lambda file: file.write(data), needed=len(data))
    marks = list(marks_of(lake, found))
    with lake.meta.database.transaction() as transaction:  # nothing is refused of an erasure that has not begun
        bury(transaction, erasure, marks)
        transaction.execute(
            "insert into erasures (erasure, state, started_at) values (?, 'begun', ?)", (erasure, time.time())
        )
    return journal


def _finish(
    lake: Lake, journal: Journal, around: Surroundings, signer: Signer | None, lease: Lease, *, resumed: bool = False
) -> dict[str, Any]:
    """Every step, whether it was done before a kill or not. What a kill has cut short is counted from there on."""
    raise_fence(lake.store, journal.erasure)  # workers may outlive a leader that died, and have read what goes
    eraser = Eraser(lake, journal.erasure, journal.doomed, lease)
    eraser.rewrite(journal.rewrite)
    mark_to_remake(lake, journal.remake, journal.erasure)
    releases = eraser.withdraw()
    held = [(one.dataset, one.release) for one, _ in releases]
    counts = {
        "answers_erased": around.forget(journal.forget.to_pylist()),
        "embeddings_erased": around.forget(journal.embeddings.to_pylist()),
        "pages_removed": _remove_pages(lake, journal, held),
        "scratch_files_removed": remove_scratch(lake.store),
        "runs_deleted": _delete_runs(journal, around, resumed),
    }
    exports = exports_of(around.project, held)
    removed = {str(folder): remove_export(folder) for folder in exports}
    lease.check()  # whoever has lost it may meet files here that others have just written and not named yet
    lake.sweep(older_than_s=-1.0)
    Lineage(lake).purge()
    Holdings(lake).catch_up()
    _forget_provider_lines(lake, journal)
    _forget_old_plans(lake, journal)
    _empty_logs(lake)
    counts["old_versions_removed"] = _erase_old_versions(lake, journal)
    passed_over = frozenset[str]()
    if journal.asked["search"] == "touched":
        passed_over = beside(lake, journal.batches, journal.erasure)
    others = _others(lake, around, exports)
    lease.check()
    after = search(lake, journal.wanted, others=others, but=[journal.name], clean=journal.clean, beside=passed_over)
    after.not_searched += [*around.unsearched(), *_unsearched(lake), *_embeddings_left(around), *_models_left(lake)]
    receipt = receipt_of(
        erasure=journal.erasure,
        asked=journal.asked,
        policy=POLICIES[journal.asked["children"]],
        counts=dict(journal.counts) | counts | {"exports": removed, "gone_on_with_after_a_kill": resumed},
        releases=[
            {"dataset": one.dataset, "withdrawn": one.release, "successor": next_one and next_one.release}
            for one, next_one in releases
        ],
        versions=(journal.versions, _versions(lake)),
        files=(journal.files, after.files),
        proof=_proof(journal, after),
        signer=signer,
    )
    told = _settle(lake, journal, receipt)
    for _, successor in releases:  # last: an erasure waits for no manifest
        if successor is not None and is_described(successor):
            seal_release(lake, successor, signer)
    return told


def _delete_runs(journal: Journal, around: Surroundings, resumed: bool) -> int:
    """Where Dagster was found to hold something, or may have written since."""
    held = [*journal.before["with_ids"], *journal.before["with_text"]]
    if around.dagster is None or not (resumed or any(name.startswith(FILES_OF_DAGSTER) for name in held)):
        return 0
    return around.dagster.clean(journal.wanted)


def _remove_pages(lake: Lake, journal: Journal, releases: list[tuple[str, str]]) -> int:
    """Pages of what is concerned, and others where something was found."""
    pages = set(pages_to_remove(lake, journal.batches, releases))
    found = {*journal.before["with_ids"], *journal.before["with_text"]}
    pages |= {name for name in found if name.startswith(PAGES) and "@" not in name}
    for name in sorted(pages):
        lake.store.remove(name)
    remove_index(lake.store)  # of duplicates: it holds ids, and is made again by the next release
    forget_found(lake.store)
    return len(pages)


def _erase_old_versions(lake: Lake, journal: Journal) -> int:
    """What a bucket keeps of removed files. The journal itself is written once and removed last."""
    try:
        return erase_old_versions(lake.store, journal.wanted, journal.clean)
    except StorageError:
        return 0  # the search after it says why


def _forget_provider_lines(lake: Lake, journal: Journal) -> None:
    """What was asked of providers in batches is known by the names of the calls and of the texts to embed."""
    gone = [one.hex() for one in (*journal.forget.to_pylist(), *journal.embeddings.to_pylist())]
    with lake.meta.database.transaction() as transaction:
        for one in gone:
            transaction.execute("delete from provider_lines where call_id = ?", (one,))


def _forget_old_plans(lake: Lake, journal: Journal) -> None:
    """Where batches began that no delivery holds any more: that names a file of theirs."""
    with lake.meta.database.transaction() as transaction:
        for place in journal.batches:
            where = "where dataset = ? and batch = ? and state = 'retired'"
            transaction.execute(f"update batches set start = '' {where}", place)


def _embeddings_left(around: Surroundings) -> list[str]:
    count = around.vectors()
    return [f"{count:,} embeddings of other texts: a vector does not tell what it was made of"] if count else []


def _models_left(lake: Lake) -> list[str]:
    """They are learnt from labelled files of the project, never from records."""
    count = sum(1 for _ in lake.store.entries(f"{MODELS}/"))
    told = f"labelled files of the project, and what {plural(count, 'trained model')} learnt from them"
    return [told] if count else []


def _settle(lake: Lake, journal: Journal, receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt is kept, then the erasure is over, then what was to be done is forgotten."""
    data = json.dumps(receipt, indent=2, sort_keys=True).encode()
    lake.store.write(f"erasures/{journal.erasure}.json", lambda file: file.write(data), needed=len(data))
    lake.meta.database.write(
        "update erasures set state = 'done', ended_at = ? where erasure = ?", (time.time(), journal.erasure)
    )
    lake.store.erase(journal.name)  # it names what is gone, so no version of it may stay
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


def _told(lake: Lake, asked: Asked) -> dict[str, Any]:
    """What was asked, as a receipt may say it: a record and a condition by keyed hashes."""
    secret = lake_key(lake.meta.database)
    hidden = {name: getattr(asked, name) for name in ("record", "where") if getattr(asked, name) is not None}
    source = {"source": asked.source} if asked.source else {}
    macs = {f"{name}_hmac": mac(secret, name, str(word)) for name, word in hidden.items()}
    told = {name: getattr(asked, name) for name in ("dataset", "everywhere", "children", "search")}
    return told | source | macs


def _others(lake: Lake, around: Surroundings, exports: Iterable[Any]) -> dict[str, Place]:
    """The places that are searched beside the lake's files."""
    found: dict[str, Place] = {f"export {folder}": folder for folder in exports if folder.is_dir()}
    found |= around.places
    if isinstance(lake.meta.database, SqliteDatabase):
        return found | {"metadata": lake.meta.database.path}
    return found | {"metadata": Tables(cast("Any", lake.meta.database).place)}


def _versions(lake: Lake) -> dict[str, int]:
    return {
        f"{dataset}/{table}": lake.snapshot(dataset, table)[1].version
        for dataset in lake.datasets()
        for table in lake.table_names(dataset)
    }


def _empty_logs(lake: Lake) -> None:
    """SQLite keeps old pages in its log until that is emptied."""
    if isinstance(lake.meta.database, SqliteDatabase):
        lake.meta.database.rows("pragma wal_checkpoint(truncate)")


def _unsearched(lake: Lake) -> list[str]:
    told = "copies of the lake's files on other machines, and ids in their indexes, which leave them with time"
    return [told] if in_bucket(lake) else []
