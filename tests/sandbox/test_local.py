"""Programs and queries end as they should, the same each time, and never without isolation unless a person said so."""

import asyncio

import pytest

from synth_dagster.errors import SandboxRefused
from synth_dagster.sandbox import local
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.sandbox.process import carry_out
from synth_dagster.services import Limits, Table

TOWNS = Table(("town", "people", "share"), (("Arbel", 10, 0.5), ("Cordan", 30, 1), ("Elfan", None, None)))


def ran(program, sandbox=None, **limits):
    return asyncio.run((sandbox or LocalSandbox()).run(program, limits=Limits(**limits)))


def queried(statement, tables=None, **limits):
    tables = {"towns": TOWNS} if tables is None else tables
    return asyncio.run(LocalSandbox().query(statement, tables=tables, limits=Limits(**limits)))


# ------------------------------------------------------------------------------------------------------------- programs


@pytest.mark.parametrize(
    ("program", "ending", "output", "error"),
    [
        pytest.param("print(6 * 7)", "finished", "42\n", "", id="prints"),
        pytest.param("", "finished", "", "", id="nothing"),
        pytest.param("def f(:", "failed", "", "SyntaxError", id="does not parse"),
        pytest.param("print(1)\n1 / 0", "failed", "1\n", "ZeroDivisionError", id="raises after it printed"),
        pytest.param("import sys\nsys.exit(3)", "failed", "", "", id="an exit code"),
        pytest.param("exit()", "finished", "", "", id="exits well"),
        pytest.param("import numpy", "failed", "", "ModuleNotFoundError", id="only the standard library"),
        pytest.param("class E(Exception): pass\nraise E('x')", "failed", "", "E", id="an error of its own"),
        pytest.param("def f(): f()\nf()", "failed", "", "RecursionError", id="endless recursion"),
        pytest.param("print('\\u00e9\\u4e2d')", "finished", "\u00e9\u4e2d\n", "", id="any letters"),
        pytest.param("print('\\ud800')", "failed", "", "UnicodeEncodeError", id="half a character"),
        pytest.param("x = 1\x00", "failed", "", "SyntaxError", id="a null character"),
        pytest.param("input()", "failed", "", "EOFError", id="nobody types"),
        pytest.param("import ctypes\nctypes.string_at(0)", "killed", "", "", id="crashes"),
        pytest.param("print(__name__)", "finished", "__main__\n", "", id="is the main program"),
        pytest.param(
            "import fractions, decimal, itertools, re, json, math, datetime\nprint(fractions.Fraction(1, 3))",
            "finished", "1/3\n", "", id="imports the library",
        ),
    ],
)  # fmt: skip
def test_how_a_program_ends(program, ending, output, error):
    found = ran(program)
    assert (found.ending, found.output, found.error) == (ending, output, error)


def test_errors_name_the_program_and_nothing_of_ours():
    found = ran("def f():\n    return 1 / 0\nf()")
    lines = [line.strip() for line in found.errors.splitlines() if line.strip().startswith("File")]
    assert lines == ['File "program.py", line 3, in <module>', 'File "program.py", line 2, in f']


def test_the_same_program_prints_the_same():
    program = "import random\nprint(random.random(), [hash(word) for word in 'abc'], {'x', 'y', 'z'}, list({'p', 'q'}))"
    assert ran(program) == ran(program)


def test_many_at_once_answer_for_themselves():
    async def together():
        sandbox = LocalSandbox()
        return await asyncio.gather(*(sandbox.run(f"print({n} ** 2)") for n in range(12)))

    assert [one.output for one in asyncio.run(together())] == [f"{n * n}\n" for n in range(12)]


# -------------------------------------------------------------------------------------------------------------- queries


def test_a_query_answers_over_the_tables_that_it_is_given():
    found = queried("SELECT town, people * 2 AS twice FROM towns WHERE people > 5 ORDER BY people DESC")
    assert found.table == Table(("town", "twice"), (("Cordan", 60), ("Arbel", 20)))
    # types of the columns: text, whole number, and whole with broken ones is broken
    kinds = queried("SELECT typeof(town), typeof(people), typeof(share) FROM towns LIMIT 1").table
    assert kinds.rows == (("VARCHAR", "BIGINT", "DOUBLE"),)


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        pytest.param("SELECT now() > timestamptz '2020-01-01'", (True,), id="compared"),
        pytest.param(
            "SELECT timestamptz '2020-01-01 01:30:00+02' AS \"ä;\", 7 AS t; -- two; of 'a' name",
            ("2019-12-31 23:30:00+00", 7),
            id="beside others",
        ),
        pytest.param("SELECT [timestamptz '2020-01-01 00:00:00+00']", ("['2020-01-01 00:00:00+00']",), id="in a list"),
    ],
)
def test_a_time_with_a_zone_comes_as_text_in_universal_time(statement, row):
    found = queried(statement)
    assert found.table is not None, found.errors
    assert found.table.rows == (row,)
    assert queried("SELECT now()").ending == "finished"


def test_names_of_tables_and_columns_may_be_anything():
    odd = Table(('a "b"; drop', "select"), ((1, "x"),))
    assert queried('SELECT "select" FROM "my ""table"" "', {'my "table" ': odd}).table.rows == (("x",),)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELEC 1", id="does not parse"),
        pytest.param("SELECT nothing FROM towns", id="no such column"),
        pytest.param("SELECT '\ud800'", id="half a character"),
        pytest.param("SELECT 1; SELECT 2", id="two statements"),
        pytest.param("", id="none"),
        pytest.param("CREATE TABLE t (a int)", id="no select"),
        pytest.param("COPY towns TO 'x.csv'", id="writes a file"),
        pytest.param("SELECT * FROM '/etc/passwd'", id="reads a file by name"),
        pytest.param("SELECT * FROM read_text('/etc/passwd')", id="reads a file"),
        pytest.param("SELECT * FROM glob('/*')", id="lists a folder"),
        pytest.param("SELECT getenv('PATH')", id="the environment"),
        pytest.param("ATTACH '/tmp/x.db'", id="attaches a file"),
        pytest.param("INSTALL httpfs", id="installs"),
        pytest.param("SET enable_external_access = true", id="opens itself up"),
        pytest.param("SELECT * FROM 'https://127.0.0.1/x.parquet'", id="asks a server"),
    ],
)
def test_what_is_no_plain_query_is_refused(statement):
    found = queried(statement)
    assert found.ending == "failed" and found.table is None and found.errors


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(Table(("a",), ((2**70,),)), id="a number beyond 64 bits"),
        pytest.param(Table(("a", "A"), ((1, 2),)), id="two columns of one name"),
        pytest.param(Table(("",), ((1,),)), id="a column without a name"),
        pytest.param(Table((), ()), id="no column"),
        pytest.param(Table(("a",), (("\ud800",),)), id="half a character"),
        pytest.param(Table(("a", "b"), ((1,),)), id="a short row"),
    ],
)
def test_a_table_that_the_engine_cannot_hold_fails_the_query_and_not_the_sandbox(table):
    found = asyncio.run(LocalSandbox().query("SELECT 1", tables={"t": table}))
    assert (found.ending, found.table) == ("failed", None) and found.errors


def test_a_query_without_end_ends_at_the_limit():
    endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b"
    assert queried(endless, cpu_s=1).ending == "time"
    assert queried("SELECT list(i) FROM range(1000000000) t(i)", memory_mb=300, cpu_s=30).ending == "memory"
    assert queried("SELECT * FROM range(1001)").ending == "output"  # one more than 1,000 rows
    assert queried("SELECT repeat('x', 1000000)").ending == "output"


# ------------------------------------------------------------------------------------------------------------ isolation


def without_any(monkeypatch):
    monkeypatch.setattr(local, "why_not", lambda isolation: f"the kernel refuses {isolation}")


def test_without_isolation_nothing_runs(monkeypatch):
    without_any(monkeypatch)
    with pytest.raises(SandboxRefused, match=r"namespaces: the kernel refuses.*SYNTH_SANDBOX=none"):
        ran("print(1)")


def test_without_isolation_a_person_may_run_it_with_limits_only(monkeypatch):
    without_any(monkeypatch)
    bare = LocalSandbox(wanted="none")
    assert bare.isolation == "none" and ran("print(1)", bare).output == "1\n"
    assert ran("while True: pass", bare, cpu_s=1).ending == "time"


def test_an_isolation_that_leaks_does_not_count(monkeypatch):
    """Believed is what a program found out, not what the kernel said."""
    local.why_not.cache_clear()
    monkeypatch.setattr(local, "carry_out", lambda job, isolation, limits: carry_out(job, "none", limits))
    try:
        assert "reads a file of the user" in local.why_not("landlock")
    finally:
        local.why_not.cache_clear()


def test_a_name_that_is_no_isolation_is_refused():
    with pytest.raises(SandboxRefused, match="SYNTH_SANDBOX is 'docker'"):
        LocalSandbox(wanted="docker")


def test_a_wall_that_cannot_be_built_runs_nothing(monkeypatch):
    monkeypatch.setattr(LocalSandbox, "isolation", "namespaces")
    monkeypatch.setattr(local, "packages", lambda: ["/nowhere"])
    with pytest.raises(SandboxRefused, match="could not be set up: ModuleNotFoundError"):
        queried("SELECT 1")
