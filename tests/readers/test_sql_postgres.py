"""A query of a real Postgres server: its types as JSON has them, rows as they come, errors that show no password."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import Unreadable
from synth_dagster.readers.places import Places
from synth_dagster.readers.sql import Sql
from tests.postgres_server import PASSWORD

pytestmark = pytest.mark.prove
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (the extra is `sql`)")


@pytest.fixture(scope="module")
def database(postgres):
    """The address, as SQLAlchemy takes it, of a database of this module."""
    postgres.run("create database notes")
    return postgres.url("notes").replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def table(postgres):
    """Makes a table from the SQL of its rows, and gives its name."""
    made = []

    def make(rows):
        name = f"t{len(made)}"
        postgres.run(f"create table {name} as {rows}", "notes")
        made.append(name)
        return name

    yield make
    for name in made:
        postgres.run(f"drop table {name}", "notes")


@pytest.fixture
def read(database, tmp_path):
    def read_all(query, *, url=database, start=None, **settings):
        places = Places(tmp_path, variable={"NOTES_DB": url}.get)
        return list(Sql(query=query, url_env="NOTES_DB", **settings).items(places, start=start))

    return read_all


def test_rows_come_in_the_order_of_their_ids_and_reading_can_begin_at_any(table, read):
    name = table("select n as id, 'Text ' || n || '.' as text, 'en' as lang from generate_series(3, 1, -1) n")
    whole = read(f"select * from {name}")
    assert [(item.native_key, item.text, item.lang) for item in whole] == [
        (str(n), f"Text {n}.", "en") for n in (1, 2, 3)
    ]
    assert [read(f"select * from {name}", start=item.locator) for item in whole] == [whole[n:] for n in range(3)]


def test_ids_of_text_and_uuid_are_entered_again_by_the_order_of_the_database(table, read):
    words = table("select * from (values ('b', 'x'), ('B', 'y'), ('a', 'z'), ('ä', 'w'), ('a b', 'v')) t(id, text)")
    uuids = table("select md5(n::text)::uuid as id, 'x' as text from generate_series(1, 20) n")
    for name in (words, uuids):
        whole = read(f"select * from {name}")
        assert len({item.native_key for item in whole}) == len(whole)
        assert [read(f"select * from {name}", start=item.locator) for item in whole] == [
            whole[n:] for n in range(len(whole))
        ]


def test_types_that_json_has_not_are_kept_as_it_can_and_the_column_names_the_row(table, read):
    name = table(
        "select 7::bigint as key, 'text' as body, 1.50::numeric as price, true as good, null::int as nothing, "
        "timestamptz '2026-01-02 03:04:05+00' as at, date '2026-01-02' as day, array[1, 2] as list, "
        """'{"a": [1]}'::jsonb as json, decode('00ff', 'hex') as bytes, 'NaN'::float8 as nan"""
    )
    (item,) = read(f"select * from {name}", id_field="key", text_field="body")
    assert (item.native_key, item.text) == ("7", "text")
    found = item.attributes
    assert (found["good"], found["list"], found["json"]) == (True, [1, 2], {"a": [1]})
    assert (
        str(found["price"]) in ("1.50", "1.5") and found["at"].startswith("2026-01-02") and found["day"] == "2026-01-02"
    )
    assert "bytes" not in found
    json.dumps(found, allow_nan=False)


def test_rows_without_an_id_or_with_one_twice_are_rejects(table, read):
    name = table("select * from (values (1, 'a'), (1, 'b'), (null, 'c'), (2, 'd')) t(id, text)")
    found = read(f"select * from {name}")
    kinds = [item.reject.reason if isinstance(item, Unreadable) else item.native_key for item in found]
    assert kinds == ["missing_field", "1", "duplicate_key", "2"]


def test_a_changed_row_changes_that_item_alone(postgres, table, read):
    name = table("select n as id, 'Text ' || n as text from generate_series(1, 5) n")
    before = {item.native_key: item.identity() for item in read(f"select * from {name}")}
    postgres.run(f"update {name} set text = 'Changed' where id = 3", "notes")
    postgres.run(f"delete from {name} where id = 5", "notes")
    after = {item.native_key: item.identity() for item in read(f"select * from {name}")}
    assert {key for key in before if after.get(key) != before[key]} == {"3", "5"}


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_wrong_password_or_a_server_that_is_away_is_said_without_the_address(database, read):
    for url in (
        database.replace(PASSWORD, "planted-password"),
        "postgresql+psycopg://me:planted-password@127.0.0.1:9/x",
    ):
        with pytest.raises(SynthError, match="The database that NOTES_DB names cannot be opened") as told:
            read("select 1 as id, 'x' as text", url=url)
        assert "planted" not in str(told.value) and told.value.__cause__ is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("select * from absent", 'relation "absent" does not exist', id="no such table"),
        pytest.param("select 1 as id, missing as text", 'column "missing" does not exist', id="no such column"),
        pytest.param("select 1 as key, 'x' as text", 'column .*"?id"? does not exist', id="no id"),
        pytest.param("selec 1", "syntax error", id="no SQL"),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(read, query, words):
    with pytest.raises(SynthError, match=f"The database cannot read the query: .*{words}") as told:
        read(query)
    assert PASSWORD not in str(told.value) and "\n" not in str(told.value)


def test_a_database_is_only_read(postgres, table, read):
    name = table("select 1 as id, 'a' as text")
    for query in (
        f"delete from {name} returning id, text",
        f"with x as (delete from {name} returning *) select * from x",
    ):
        with pytest.raises(SynthError):
            read(query)
    assert postgres.run(f"select count(*) from {name}", "notes") == [(1,)]


# ----------------------------------------------------------------------------------------------------------- streaming

MANY = """
import sys
from pathlib import Path
from synth_dagster.readers.places import Places
from synth_dagster.readers.sql import Sql
from tests.peak_memory import peak_bytes

reader = Sql(query=sys.argv[1], url_env="NOTES_DB")
items = reader.items(Places(Path(".")))
next(items)
before = peak_bytes()
print(1 + sum(1 for _ in items), (peak_bytes() - before) / 1e6)
"""


def test_rows_are_streamed_and_not_held_together(database):
    """200 MB of rows pass through a process that grows by less than a quarter of that."""
    query = "select n as id, repeat(md5(n::text), 125) as text from generate_series(1, 50000) n"
    done = subprocess.run(
        [sys.executable, "-c", MANY, query],
        capture_output=True,
        text=True,
        check=False,
        env={"NOTES_DB": database, "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    rows, grown = done.stdout.split()
    assert int(rows) == 50_000 and float(grown) < 50
