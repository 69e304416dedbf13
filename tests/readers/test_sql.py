"""A query's rows come in in the order of their ids, from files of the project or from a database."""

import sqlite3

import duckdb
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import Unreadable
from synth_dagster.readers.places import Places
from synth_dagster.readers.sql import Sql

ROWS = [(3, "third", "de"), (1, "first", "en"), (2, "second", "en")]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "inbox" / "x").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("create table t (id int, text varchar, lang varchar)")
        connection.executemany("insert into t values (?, ?, ?)", ROWS)
        connection.execute(f"copy t to '{tmp_path}/inbox/x/a.parquet'")
    return tmp_path


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (id int, text varchar, lang varchar)")
        connection.executemany("insert into t values (?, ?, ?)", ROWS)
    monkeypatch.setenv("NOTES_DB", f"sqlite:///{path}")
    return path


@pytest.fixture
def read(tmp_path):
    def read_all(query, *, start=None, places=None, **settings):
        return list(Sql(query=query, **settings).items(places or Places(tmp_path), start=start))

    return read_all


FILES = "select * from read_parquet('inbox/x/*.parquet')"
TABLE = "select * from t"


@pytest.fixture(params=["files", "database"])
def both(request, files, database, read):
    """The same rows from files and from a database: a reader of `select <columns> <more>`."""

    def read_from(columns="*", more="", **given):
        if request.param == "files":
            return read(f"select {columns} from read_parquet('inbox/x/a.parquet') t {more}", **given)
        return read(f"select {columns} from t {more}", url_env="NOTES_DB", **given)

    return read_from


def test_rows_come_in_the_order_of_their_ids(both):
    assert [(item.native_key, item.text, item.lang) for item in both()] == [
        ("1", "first", "en"),
        ("2", "second", "en"),
        ("3", "third", "de"),
    ]


def test_reading_can_begin_at_any_row_also_among_rows_of_one_id(both):
    whole = both()
    assert [both(start=item.locator) for item in whole] == [whole[number:] for number in range(3)]
    doubled = both("1 as id, text", "union all select 1, 'again' union all select 2, 'last'")
    reasons = [item.reject.reason if isinstance(item, Unreadable) else item.native_key for item in doubled]
    assert reasons == ["1", *["duplicate_key"] * 3, "2"]
    later = both("1 as id, text", "union all select 1, 'again' union all select 2, 'last'", start=doubled[2].locator)
    assert [item.native_key for item in later] == [item.native_key for item in doubled[2:]]


def test_rows_without_an_id_are_one_reject(both):
    found = both("case when id = 1 then null else id end as id, text")
    assert [isinstance(item, Unreadable) for item in found] == [True, False, False]
    assert found[0].reject.reason == "missing_field"


def test_a_query_without_the_id_or_with_a_mistake_is_told_in_the_words_of_the_database(both):
    with pytest.raises(SynthError, match=r"cannot read the query: .*\bid\b"):
        both("text")
    with pytest.raises(SynthError, match=r"cannot read the query: .*nothing"):
        both("id, nothing")


def test_a_colon_in_a_query_is_not_a_parameter(database, read):
    (item, *_) = read("select id, ':first \\ ' || text as text from t", url_env="NOTES_DB")
    assert item.text == ":first \\ first"


# ------------------------------------------------------------------------------------------------ what a query may not


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_parquet('/etc/passwd')",
        "select * from read_csv('../secret.csv')",
        "select 1 as id, 'x' as text; drop table t",
        "drop table t",
        "copy (select 1) to 'out.csv'",
        "select 1 as id, getenv('HOME') as text",
        "select * from read_text('inbox/x/a.parquet')",
        "select * from 'inbox/x/a.parquet'",
        "select * from read_parquet('inbox/' || 'x')",
        "select * from t",
        "attach 'x.db'",
        "selec 1",
    ],
)
def test_a_query_of_files_reads_files_of_the_project_and_does_nothing_else(query, files, read):
    with pytest.raises(SynthError):
        read(query)


def test_a_file_that_links_out_of_the_project_is_refused(files, read, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "b.parquet"
    outside.write_bytes((files / "inbox" / "x" / "a.parquet").read_bytes())
    (files / "inbox" / "x" / "b.parquet").symlink_to(outside)
    with pytest.raises(SynthError, match=r"b\.parquet cannot be read: It is a link that leaves"):
        read(FILES)


def test_an_inbox_that_was_moved_is_found(files, read, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "deliveries"
    (files / "inbox").rename(moved)
    assert [item.text for item in read(FILES, places=Places(files, moved))] == ["first", "second", "third"]


def test_a_database_is_only_read(database, read):
    for query in ("delete from t", "select 1 as id, 'a' as text; delete from t", "select 1) x; delete from t; --"):
        with pytest.raises(SynthError):
            read(query, url_env="NOTES_DB")
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (3,)


def test_the_address_is_named_never_written_and_never_shown(read, monkeypatch):
    with pytest.raises(ValueError, match="url_env"):
        Sql(query="select 1", url_env="postgresql://user:planted@host/db")
    with pytest.raises(SynthError, match="The variable NO_SUCH_DB is not set"):
        read("select 1 as id", url_env="NO_SUCH_DB")
    monkeypatch.setenv("BAD_DB", "nosuch+driver://user:planted@host/db")
    with pytest.raises(SynthError, match="The database that BAD_DB names cannot be opened") as told:
        read("select 1 as id", url_env="BAD_DB")
    assert "planted" not in str(told.value) + repr(told.value.__cause__)
