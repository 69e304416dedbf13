"""Dagster's own databases, logs and files, wherever its instance keeps them: searched, and cleaned of runs.

Nothing of ours writes record text there, but a method that prints what it reads does. An event cannot be changed, so a
run that says something of what is erased is deleted with all of its events.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth_dagster.errors import LakeError, SynthError
from synth_dagster.governance.erase_look import SQLITE, Seen, Wanted, look_at_file, look_at_rows
from synth_dagster.governance.erase_search import Place, Tables
from synth_dagster.storage.postgres import Schema, Used, schema_at

if TYPE_CHECKING:
    import dagster as dg

STORAGE = Used("storage of Dagster", "dagster.yaml", LakeError)
FILES_OF_DAGSTER = "dagster"  # so begin the names of its places in a search
LATEST = (
    "last_materialization"  # a copy of an asset's latest event, which outlives its run; without it Dagster looks again
)
DRIVERS = ("postgresql+psycopg2://", "postgresql+psycopg://", "postgres://", "postgresql://")


@dataclass(frozen=True, slots=True)
class Dagster:
    """What an instance writes to. `instance` opens it, for the runs that have to go."""

    places: Mapping[str, Place] = field(default_factory=dict, repr=False)
    unsearched: Collection[str] = ()
    instance: "Callable[[], AbstractContextManager[dg.DagsterInstance]] | None" = None

    def clean(self, wanted: Wanted) -> int:
        """Delete the runs and the files that hold something of what is looked for; how many runs."""
        runs: set[str] = set()
        for place in self.places.values():
            if isinstance(place, Tables):
                runs |= _runs_on_server(place.schema, wanted)
            elif isinstance(place, Path):
                runs |= _runs_in_folder(place, wanted)
        if runs and self.instance is not None:
            with self.instance() as instance:
                for run_id in sorted(runs):
                    run = instance.get_run_by_id(run_id)
                    if run is None or run.is_finished:  # one that goes on writes on; what it says is found afterwards
                        instance.delete_run(run_id)
        for place in self.places.values():
            if isinstance(place, Path):
                _forget_latest_in_folder(place, wanted)
                _empty_pages(place, wanted)
            elif isinstance(place, Tables):
                forgotten = _forget_latest_on_server(place.schema, wanted)
                place.schema.empty_pages([*(place.schema.tables_with("run_id") if runs else ()), *forgotten])
        return len(runs)


def dagster_of(instance: "dg.DagsterInstance", more: Mapping[str, Path]) -> tuple[dict[str, Place], list[str]]:
    """Where an instance keeps things, and what of it cannot be searched. `more` are folders that it had before."""
    found: dict[str, Place] = {f"{FILES_OF_DAGSTER} {name}": path for name, path in more.items()}
    unsearched: list[str] = []
    parts = {
        "runs": instance.run_storage,
        "events": instance.event_log_storage,
        "schedules": instance.schedule_storage,
        "artifacts": instance._local_artifact_storage,  # Dagster says where only in the names of single files
        "compute logs": instance.compute_log_manager,
    }
    for name, part in parts.items():
        place = _place_of(part)
        if place is not None:
            found[f"{FILES_OF_DAGSTER} {name}"] = place
        elif type(part).__name__ not in ("NoOpComputeLogManager", "NoneType"):
            unsearched.append(f"Dagster's {name}, kept by {type(part).__module__}.{type(part).__name__}")
    return _each_once(found), unsearched


def _place_of(part: Any) -> Place | None:
    """Where a storage of Dagster's keeps what it is given; None for one that is not known here."""
    inner = getattr(part, "_storage", None)  # of one that is a view of a whole storage
    if address := getattr(part, "postgres_url", None):
        return Tables(_schema(str(address)))
    folder = getattr(part, "storage_dir", None)  # of artifacts; beside it may be what is not Dagster's
    folder = folder or getattr(part, "base_dir", None) or getattr(part, "_base_dir", None)
    if isinstance(folder, str | Path):
        return Path(folder)
    address = str(getattr(part, "_conn_string", ""))
    if address.startswith("sqlite:///"):
        return Path(address.removeprefix("sqlite:///").partition("?")[0]).parent
    return _place_of(inner) if inner is not None and inner is not part else None


def _schema(address: str) -> Schema:
    for driver in DRIVERS:
        if address.startswith(driver):
            return schema_at(f"postgresql://{address.removeprefix(driver)}", STORAGE, own=False)
    raise SynthError(f"The storage of Dagster is a {address.partition('://')[0]}:// address, which cannot be read.")


def _each_once(found: Mapping[str, Place]) -> dict[str, Place]:
    """Runs, events and schedules are often in one place, or one below another."""
    kept: dict[str, Place] = {}
    for name, place in found.items():
        folders = [one for one in kept.values() if isinstance(one, Path)]
        is_below = isinstance(place, Path) and any(place.is_relative_to(one) for one in folders)
        if place not in kept.values() and not is_below:
            kept[name] = place
    return kept


# -------------------------------------------------------------------------------------------------------------- runs


def _runs_on_server(schema: Schema, wanted: Wanted) -> set[str]:
    """The runs whose rows hold something."""
    found: set[str] = set()
    for table in schema.tables_with("run_id"):
        at = schema.columns(table).index("run_id")
        for rows in schema.rows(table):
            found |= {row[at] for row in rows if row[at] and _holds(row, wanted)}
    return found


def _runs_in_folder(folder: Path, wanted: Wanted) -> set[str]:
    """The runs whose rows hold something; files that are no database and hold something go at once."""
    found: set[str] = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        seen = look_at_file(path, wanted)
        if seen.has_id or seen.hits:
            if _is_database(path):
                found |= _runs_in(path, wanted)
            elif not path.name.endswith(("-wal", "-shm")):
                path.unlink(missing_ok=True)
    return found


def _runs_in(path: Path, wanted: Wanted) -> set[str]:
    found: set[str] = set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            rows = connection.execute(f'select * from "{table}"')
            names = [column[0] for column in rows.description]
            if "run_id" in names:
                at = names.index("run_id")
                found |= {row[at] for row in rows if row[at] and _holds(row, wanted)}
    return found


def _forget_latest_on_server(schema: Schema, wanted: Wanted) -> list[str]:
    """Take the copy of its latest event out of each asset where that holds something; the tables that had any."""
    changed: list[str] = []
    for table in schema.tables_with(LATEST):
        columns = schema.columns(table)
        key, latest = columns.index("asset_key"), columns.index(LATEST)
        rows = (row for some in schema.rows(table) for row in some)
        if holding := [row[key] for row in rows if row[latest] and _holds((row[latest],), wanted)]:
            schema.update(f"update {table} set {LATEST} = null where asset_key = any(%s)", holding)
            changed.append(table)
    return changed


def _forget_latest_in_folder(folder: Path, wanted: Wanted) -> None:
    for path in sorted(path for path in folder.rglob("*.db") if _is_database(path)):
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            columns = [row[1] for row in connection.execute("pragma table_info(asset_keys)")]
            if LATEST not in columns:
                continue
            rows = connection.execute(
                f"select asset_key, {LATEST} from asset_keys where {LATEST} is not null"
            ).fetchall()
            holding = [(key,) for key, latest in rows if _holds((latest,), wanted)]
            with connection:
                connection.executemany(f"update asset_keys set {LATEST} = null where asset_key = ?", holding)


def _holds(row: tuple[Any, ...], wanted: Wanted) -> bool:
    seen = Seen()
    look_at_rows([row], wanted, seen)
    return seen.has_id or bool(seen.hits)


def _empty_pages(folder: Path, wanted: Wanted) -> None:
    """SQLite keeps what was deleted in free pages and in its log."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _is_database(path):
            log = path.with_name(f"{path.name}-wal")
            seen = [look_at_file(one, wanted) for one in (path, log) if one.is_file() and one.stat().st_size]
            if any(one.has_id or one.hits for one in seen):
                with (
                    suppress(sqlite3.OperationalError),  # held by another program: the search finds what is left
                    closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection,
                ):
                    connection.execute("vacuum")
                    connection.execute("pragma wal_checkpoint(truncate)")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE
