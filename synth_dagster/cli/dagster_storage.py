"""Dagster's SQLite storage, with its event log's connections kept open while a command runs.

A run writes some hundred and fifty events. Dagster opens its database anew for each, several times, and closing the
last connection of a database in WAL mode writes it back as a whole: of a run's own costs that was the largest. The
files are Dagster's own and stay as they are; what overrides nothing, should Dagster rename it, is merely slow again.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KEPT = 4  # databases: the index of all runs, and the runs of this moment
PATIENT = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}


class KeptEventLog(SqliteEventLogStorage):
    """An event log that opens each of its databases once."""

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir)
        # Dagster makes the tables of a file that is not there. One whose maker was killed is there, and lacks some.
        # Not by a connection that is kept: an instance that only looks must not hold the file open.
        index = create_engine(self.conn_string_for_shard(INDEX_SHARD_NAME), poolclass=NullPool, connect_args=PATIENT)
        self._initdb(index)

    @contextmanager
    def _connect(self, shard: str) -> "Iterator[Connection]":
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> "Engine":
        engine = self._engines.pop(shard, None) or _opened(self.conn_string_for_shard(shard))
        self._engines[shard] = engine
        if len(self._engines) > KEPT:
            _, longest_unused = self._engines.popitem(last=False)
            longest_unused.dispose()
        return engine

    def wipe(self) -> None:
        self.dispose()
        super().wipe()

    def dispose(self) -> None:
        """Close the databases; they open again when they are asked for."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _opened(address: str) -> "Engine":
    """One connection, whose commits outlive the process at once and a power failure within the next ones.

    After a failure of power the file is whole and may lack its last events; the next run finds out which runs died.
    """
    engine = create_engine(address, poolclass=QueuePool, pool_size=1, connect_args=PATIENT)
    event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
    return engine


class KeptSqliteStorage(DagsterSqliteStorage):
    """Runs, events and schedules in Dagster's own files."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = KeptEventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "KeptSqliteStorage":
        return cls.from_local(inst_data=inst_data, **config_value)


def kept(storage: Any) -> Any:
    """A storage block of dagster.yaml, with connections kept where it is a SQLite one."""
    if not isinstance(storage, dict) or set(storage) != {"sqlite"}:
        return storage
    return {"custom": {"module": __name__, "class": KeptSqliteStorage.__name__, "config": storage["sqlite"]}}
