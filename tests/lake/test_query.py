"""A question in SQL stays a question, however it is written."""

import pytest

from synth_dagster.errors import LakeError, SynthError
from synth_dagster.lake.query import select_only, where_only

TABLES = {"corpus", "pairs"}


@pytest.mark.parametrize(
    "sql",
    [
        "select * from corpus",
        "from corpus select count(*)",
        "with long as (select * from corpus where length(text) > 9) select * from long join pairs using (batch)",
        "select text from corpus union all select text from pairs",
        "select * from corpus where batch in (select batch from pairs)",
        "select unnest(parents) from corpus",
        "select * from corpus, unnest([1, 2])",
        "select 'delete from corpus; drop table pairs' as words",
        "select list_transform([1], lambda x: x + 1), n.a from (select {'a': 1} as n)",
        "with recursive up (n) as (select 1 union all select n + 1 from up where n < 3) select * from up",
    ],
)
def test_questions_are_answered(sql):
    assert select_only(sql, TABLES) == sql


@pytest.mark.parametrize(
    "sql",
    [
        "delete from corpus",
        "drop view corpus",
        "select 1; select 2",
        "select 1; drop view corpus",
        "copy corpus to '/tmp/x'",
        "attach '/tmp/x.db'",
        "pragma database_list",
        "set memory_limit = '1GB'",
        "install httpfs",
        "call pragma_version()",
        "explain select 1",
        "select * from '/etc/passwd'",
        'select * from "notes.parquet"',
        "select * from read_text('/etc/passwd')",
        "select * from READ_CSV /* quiet */ ('/etc/passwd')",
        "select (select content from read_text('/etc/passwd'))",
        "select * from corpus where text in (select content from read_text('/etc/passwd'))",
        "with x as (select * from glob('/*')) select * from x",
        "with x as (delete from corpus returning *) select * from x",
        "select * from corpus union select * from read_blob('/etc/passwd')",
        "select getenv('HOME')",
        "select current_setting('home_directory')",
        "select * from query('select 1')",
        "select * from information_schema.tables",
        "select * from duckdb_settings()",
        "select * from elsewhere",
        "show tables",
        "describe corpus",
        "summarize corpus",
        "selec 1",
        "",
    ],
)
def test_what_is_more_than_a_question_is_refused(sql):
    with pytest.raises(SynthError):
        select_only(sql, TABLES)


def test_a_file_is_no_table_even_when_any_table_will_do():
    assert select_only("select * from anything")
    with pytest.raises(LakeError, match="not a table of the dataset"):
        select_only("select * from 'notes.parquet'")


@pytest.mark.parametrize("where", ["true", "length(text) > 3 and lang = 'en' -- why", "text like '%); drop table x'"])
def test_conditions_are_used(where):
    assert where_only(where) == where


@pytest.mark.parametrize(
    "where",
    [
        "true) union select * from corpus where (true",
        "true) order by (text",
        "true) group by (text",
        "true); drop view corpus; select (1",
        "text in (select content from read_text('/etc/passwd'))",
        "exists (from corpus)",
        "getenv('HOME') = ''",
        "",
        "text =",
    ],
)
def test_what_is_more_than_a_condition_is_refused(where):
    with pytest.raises(LakeError):
        where_only(where)


def test_a_deep_condition_is_no_crash():
    deep = " or ".join(f"length(text) = {number}" for number in range(600))
    assert where_only(deep) == deep


def test_one_too_deep_to_judge_is_refused():
    with pytest.raises(LakeError):
        where_only("abs(" * 900 + "1" + ")" * 900 + " = 1")


def test_a_sealed_connection_reads_the_dataset_and_nothing_else(lake, write, tmp_path):
    lake.accept(write("notes:1"))
    (tmp_path / "other.csv").write_text("a\n1\n")
    connection = lake.connect("demo", sealed=True)
    assert connection.execute("select count(*) from corpus").fetchall() == [(3,)]
    for outside in (
        f"select * from read_csv('{tmp_path}/other.csv')",
        f"copy corpus to '{tmp_path}/out.parquet'",
        "set enable_external_access = true",
        f"select * from read_text('{lake.store.folder}/meta.sqlite')",
    ):
        with pytest.raises(Exception, match=r"disabled|locked"):
            connection.execute(outside)


def test_views_skip_what_a_question_does_not_need(lake, write):
    lake.accept(write("notes:1"))
    lake.accept(write("notes:2"))
    plan = lake.connect("demo").execute("explain select record_id from corpus where batch = 'notes:2'").fetchall()
    assert "title" not in plan[0][1]  # only the columns asked for are read
    assert "1/2" in plan[0][1]  # and only the file of that batch


def test_a_root_with_signs_of_its_own(tmp_path):
    from synth_dagster.lake.lake import Lake
    from tests.lake.conftest import documents, write_to

    lake = Lake.open(tmp_path / "env=prod" / "it's [one]*")
    lake.accept(write_to(lake, "notes:1", documents("notes:1", 2)))
    connection = lake.connect("demo")
    assert connection.execute("select count(*) from corpus").fetchall() == [(2,)]
    assert "env" not in [row[0] for row in connection.execute("describe corpus").fetchall()]
    assert lake.read("demo", "corpus", where="true").num_rows == 2
