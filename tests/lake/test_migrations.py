"""A metadata database of each earlier schema, with a row in every table, moves up and loses nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from synth_dagster.lake.database import open_database
from synth_dagster.lake.meta_schema import MIGRATIONS

VALUES = {"text": "said then", "integer": 7, "bigint": 7, "double precision": 1.5}


def tables(database: sqlite3.Connection) -> list[str]:
    listed = database.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")
    return [name for (name,) in listed]


def plant(path: Path) -> None:
    """A row in every table, by its columns as that schema declares them."""
    with closing(sqlite3.connect(path)) as database, database:
        for table in tables(database):
            columns = database.execute(f"pragma table_info({table})").fetchall()
            values = [VALUES[kind.lower()] for _, _, kind, *_ in columns]
            database.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)


def everything(path: Path) -> dict[str, list[dict]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return {table: [dict(row) for row in database.execute(f"select * from {table}")] for table in tables(database)}


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_all_that_an_older_schema_holds_is_there_after_it_moved_up(tmp_path, version):
    path = tmp_path / "meta.sqlite"
    open_database(path, MIGRATIONS[:version]).close()
    plant(path)
    before = everything(path)
    assert all(len(rows) == 1 for rows in before.values())
    open_database(path, MIGRATIONS).close()
    after = everything(path)
    for table, (row,) in before.items():
        (now,) = after[table]
        assert {name: now[name] for name in row} == row, table
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)
