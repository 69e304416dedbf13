"""Either database keeps what is committed, for many processes, moves up with the program, and says what is wrong."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from synth_dagster.errors import LakeError
from synth_dagster.lake.database import Database, open_database
from synth_dagster.lake.meta_schema import MIGRATIONS
from synth_dagster.storage import postgres as postgres_module
from tests.lake.conftest import DATABASES, either
from tests.postgres_server import PASSWORD, PostgresServer, postgres_server

NOTES = "create table notes (number {number}, text text not null);\n"

ADDING = """
import sys
from synth_dagster.lake.database import open_database
database = open_database(sys.argv[1], [sys.argv[2]])
for _ in range(25):
    with database.transaction() as transaction:
        (row,) = transaction.execute("select count(*) as notes from notes").fetchall()
        transaction.execute("insert into notes (text) values (?)", (str(row["notes"]),))
"""

STUCK = """
import sys
from synth_dagster.lake.database import open_database
with open_database(sys.argv[1], [sys.argv[2]]).transaction() as transaction:
    transaction.execute("insert into notes (text) values ('never')")
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=DATABASES)
def where(request):
    return either(request)


def start(code: str, where: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, str(where), NOTES]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def texts(database: Database) -> list[str]:
    return [row["text"] for row in database.rows("select text from notes order by number")]


# ---------------------------------------------------------------------------------------------------------------- both


def test_a_migration_keeps_what_is_there(where):
    first = NOTES + "insert into notes (text) values ('kept');\n"
    open_database(where, [first]).close()
    newer = open_database(where, [first, "alter table notes add column stars bigint;\n"])
    assert [(row["text"], row["stars"]) for row in newer.rows("select * from notes")] == [("kept", None)]
    assert open_database(where, [first, "never again"]).rows("select * from notes")


def test_a_migration_that_fails_leaves_the_version_before_it(where):
    with pytest.raises(Exception, match="syntax error"):
        open_database(where, [NOTES, "create table other (text text);\nthis is not sql;\n"])
    database = open_database(where, [NOTES])  # it is at version 1, not newer
    with pytest.raises(Exception, match="other"):
        database.rows("select * from other")


def test_many_that_open_at_once_migrate_once(where):
    barrier = threading.Barrier(8)

    def open_it(_):
        barrier.wait()
        open_database(where, [NOTES + "insert into notes (text) values ('once');\n"]).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_it, range(8)))
    assert texts(open_database(where, [NOTES])) == ["once"]


def test_a_newer_database_is_refused_with_the_cure(where):
    open_database(where, [*MIGRATIONS, NOTES]).close()
    with pytest.raises(LakeError, match=rf"schema version {len(MIGRATIONS) + 1}.*knows {len(MIGRATIONS)}.*upgrade"):
        open_database(where, MIGRATIONS)


def test_what_a_transaction_has_read_stays_true_while_eight_processes_write(where):
    """Each of 8 processes writes 25 times how many rows it saw: 0 to 199, none twice."""
    processes = [start(ADDING, where) for _ in range(8)]
    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 8
    assert texts(open_database(where, [NOTES])) == [str(number) for number in range(200)]


def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_and_stops_nobody(where):
    open_database(where, [NOTES])
    process = start(STUCK, where)
    assert process.stdout and process.stdout.readline() == "inside\n"
    process.kill()
    process.communicate()
    database = open_database(where, [NOTES])
    database.write("insert into notes (text) values ('after')")
    assert texts(database) == ["after"]


def test_a_transaction_that_fails_leaves_nothing_and_one_sees_what_it_has_written(where):
    database = open_database(where, [NOTES])

    def fail():
        with database.transaction() as transaction:
            transaction.execute("insert into notes (text) values ('100% of this')")
            assert texts(database) == ["100% of this"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert texts(database) == [] and database.row("select * from notes") is None
    assert database.write("insert into notes (text) values (?)", ("kept",)) == 1


def test_an_address_that_is_neither_is_refused():
    with pytest.raises(LakeError, match=r"cannot be kept in a mysql:// address\. Give a file.*postgresql://"):
        open_database("mysql://root@localhost/lake", MIGRATIONS)


# -------------------------------------------------------------------------------------------------------------- SQLite


def test_a_damaged_file_is_refused_with_the_cure(tmp_path):
    (tmp_path / "meta.sqlite").write_bytes(b"this is not a database " * 100)
    with pytest.raises(LakeError, match="Restore it from a backup"):
        open_database(tmp_path / "meta.sqlite", MIGRATIONS)


def test_a_full_disk_is_said_and_changes_nothing(tmp_path):
    database = open_database(tmp_path / "meta.sqlite", [NOTES])
    database.rows("pragma max_page_count = 1")  # as if no further page fitted
    with pytest.raises(LakeError, match="is full"):
        database.write("insert into notes (text) values (?)", ("x" * 1_000_000,))
    assert texts(database) == []


def test_a_mistake_of_the_program_is_not_made_a_bad_day(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        open_database(tmp_path / "meta.sqlite", [NOTES]).write("insert into absent values (1)")


# ------------------------------------------------------------------------------------------------------------ Postgres


@pytest.fixture(scope="module")
def mortal():
    """A server that these tests stop and start."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(postgres_module, "PATIENCE_SECONDS", 0.0)


def test_a_server_that_was_restarted_meanwhile_is_found_again(mortal: PostgresServer):
    database = open_database(mortal.url(schema="restarted"), [NOTES])
    mortal.restart()
    database.write("insert into notes (text) values ('a')")
    mortal.restart()
    assert texts(database) == ["a"]


def test_a_server_that_is_coming_up_is_waited_for(mortal: PostgresServer):
    database = open_database(mortal.url(schema="coming"), [NOTES])
    mortal.stop()
    later = threading.Timer(1, mortal.start)
    later.start()
    try:
        assert texts(database) == []
    finally:
        later.join()


def test_a_server_that_is_down_is_one_sentence_without_the_password(mortal: PostgresServer, impatient):
    database = open_database(mortal.url(schema="down"), [NOTES])
    mortal.stop()
    try:
        for ask in (lambda: texts(database), lambda: open_database(mortal.url(), [NOTES])):
            with pytest.raises(LakeError, match=r"127.0.0.1:\d+/postgres .*cannot be reached.*SYNTH_METADATA") as told:
                ask()
            assert PASSWORD not in str(told.value) and "\n" not in str(told.value)
    finally:
        mortal.start()


def test_a_server_that_goes_away_in_a_transaction_has_kept_nothing_of_it(mortal: PostgresServer):
    database = open_database(mortal.url(schema="away"), [NOTES])

    def write_twice():
        with database.transaction() as transaction:
            transaction.execute("insert into notes (text) values ('never')")
            mortal.restart()
            transaction.execute("insert into notes (text) values ('never')")

    with pytest.raises(LakeError, match=r"was lost.*Run the command again"):
        write_twice()
    assert texts(database) == []


def test_two_lakes_on_one_server_do_not_see_or_hold_up_each_other(postgres: PostgresServer):
    one, two = (open_database(postgres.url(schema=name), [NOTES]) for name in ("lake_one", "lake_two"))
    with one.transaction() as transaction:
        transaction.execute("insert into notes (text) values ('one')")
        two.write("insert into notes (text) values ('two')")
    assert (texts(one), texts(two)) == (["one"], ["two"])


def test_the_password_and_the_user_are_checked(postgres: PostgresServer):
    for user in ("postgres:wrong", "nobody:here"):
        with pytest.raises(LakeError, match="password authentication failed") as told:
            open_database(postgres.url(user=user), [NOTES])
        assert "wrong" not in str(told.value)


def test_a_user_who_may_not_make_the_schema_is_told_what_to_ask_for(postgres: PostgresServer):
    postgres.run(f"create role guest login password '{PASSWORD}'")
    guest = postgres.url(user=f"guest:{PASSWORD}", schema="guests")
    with pytest.raises(LakeError, match="create schema guests authorization"):
        open_database(guest, [NOTES])
    postgres.run("create schema guests authorization guest")
    open_database(guest, [NOTES]).write("insert into notes (text) values ('a')")


def test_a_standby_and_a_full_disk_are_said(postgres: PostgresServer, schema):
    database = open_database(schema, [NOTES])
    standby = open_database(f"{schema}&options=-c%20default_transaction_read_only=on", [NOTES])
    with pytest.raises(LakeError, match=r"takes no writes.*Name the primary"):
        standby.write("insert into notes (text) values ('never')")
    full = "do $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$"
    with pytest.raises(LakeError, match=r"disk of the metadata database .* is full.*Nothing was changed"):
        database.write(full)


def test_a_database_that_cannot_keep_every_text_is_refused(postgres: PostgresServer):
    postgres.run("create database ascii encoding 'SQL_ASCII' template template0 locale 'C'")
    with pytest.raises(LakeError, match=r"is not in UTF8.*createdb --encoding UTF8"):
        open_database(postgres.url("ascii"), [NOTES])


def test_a_nul_is_refused_without_repeating_the_text(schema):
    with pytest.raises(LakeError, match="cannot keep a value") as told:
        open_database(schema, [NOTES]).write("insert into notes (text) values (?)", ("secret\0",))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        pytest.param("postgresql://me:se%zzcret@host/db", "cannot be read", id="not percent encoded"),
        pytest.param("postgresql://me:secret@host/db?colour=red", "cannot be read", id="unknown option"),
        pytest.param("postgresql://me:secret@host/db?schema=a;drop", "no name for a schema", id="schema"),
        pytest.param("postgresql://me:secret@host/db?schema=pg_catalog", "no name for a schema", id="system schema"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_without_the_password(url, cause):
    with pytest.raises(LakeError, match=cause) as told:
        open_database(url, [NOTES])
    assert "cret" not in str(told.value)


def test_without_its_package_one_sentence_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LakeError, match=r"pip install 'synth-dagster\[postgres\]'"):
        open_database("postgresql://host/db", [NOTES])
