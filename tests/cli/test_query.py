"""`synth query`: SQL over the tables of a dataset, which sees those and nothing else."""

import pytest

from tests.cli.project import LINES


def test_tables_are_joined_and_counted(made):
    sql = """
        select s.source, count(*) as records, count(*) filter (v.verdict = 'kept') as kept
        from quality_signals s join verdicts v using (record_id)
        where v.release = 'r0002' group by 1
    """
    (row,) = made.call("query", sql, "--json").json()
    assert row["source"] == "notes" and row["records"] >= row["kept"] > 0
    lines = made.call("query", sql).out.splitlines()
    assert lines[0].split() == ["source", "records", "kept"]
    assert lines[1].split() == ["notes", str(row["records"]), str(row["kept"])]


def test_rows_beyond_the_limit_are_spoken_of(made):
    sql = "select text from seed_corpus order by text"
    shown = made.call("query", sql, "--limit", "2")
    assert "These are the first 2 rows; --limit shows more." in shown.out
    assert [row["text"] for row in made.call("query", sql, "--limit", "2", "--json").json()] == sorted(LINES)[:2]
    assert "--limit" not in made.call("query", sql, "--limit", str(len(LINES))).out
    assert "No row fits." in made.call("query", "select text from seed_corpus where false").out


def test_a_run_of_before_is_asked_as_it_was(made):
    (run,) = made.call("query", "select distinct run_id from verdicts where release = 'r0001'", "--json").json()
    (then,) = made.call(
        "query", "select count(*) as n from seed_corpus", "--as-of", run["run_id"][:13], "--json"
    ).json()
    assert then["n"] == 3 < len(LINES)


def test_values_of_every_type_are_printed_and_their_marks_are_no_markup(made):
    sql = "select '[bold]x' as mark, repeat('a', 99) as long from preference_pairs limit 1"
    assert made.call("query", sql).out.splitlines()[1].split() == ["[bold]x", "a" * 59 + "…"]
    sql = """
        select record_id, parents, created_at, null as none, 1.5 as half, date '2026-03-01' as day
        from preference_pairs limit 1
    """
    assert "1.5" in made.call("query", sql).out
    (row,) = made.call("query", sql, "--json").json()
    assert (row["half"], row["day"]) == (1.5, "2026-03-01")
    assert len(row["record_id"]) == 32 and row["none"] is None and row["parents"][0]["batch"] == "notes:start"


def test_columns_that_do_not_fit_stand_below_each_other(made):
    sql = "select * from seed_corpus order by text limit 2"
    lines = made.call("query", sql).out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("row")] == [["row", "1"], ["row", "2"]]
    assert " ".join(" ".join(lines).split()).count(min(LINES)) == 1
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        pytest.param("delete from seed_corpus", 1, "This SQL cannot be used", id="no select"),
        pytest.param("select 1; select 2", 1, "This is 2 statements", id="two statements"),
        pytest.param("select * from read_text('/etc/passwd')", 1, "read_text() reaches outside", id="a file"),
        pytest.param("select * from '/etc/passwd'", 2, "No table is called", id="a file by name"),
        pytest.param("copy seed_corpus to '/tmp/x.csv'", 1, "This SQL cannot be used", id="writing"),
        pytest.param("select getenv('HOME') from seed_corpus", 1, "getenv() reaches outside", id="environment"),
        pytest.param("select * from seed_corpsu", 2, "Did you mean 'seed_corpus'?", id="table"),
        pytest.param("select nothing from seed_corpus", 1, "This SQL cannot be used on 'tiny'", id="column"),
        pytest.param("select sorce from seed_corpus", 1, 'Candidate bindings: "source"', id="the columns there are"),
        pytest.param("", 1, "statements", id="empty"),
    ],
)
def test_what_cannot_be_asked_says_why(made, sql, code, said):
    done = made.call("query", sql)
    assert (done.code, done.out) == (code, "")
    assert said in done.err and "Traceback" not in done.err
