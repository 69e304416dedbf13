"""Small tables, with questions about them whose SQL is known; statements and questions that are broken on purpose."""

import re
import sqlite3
from collections.abc import Mapping
from random import Random
from typing import Any

from synth_dagster.parts.text.tables import table_of
from synth_dagster.records import Document, digest
from synth_dagster.services import Limits, Queried, Ran, Table
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

_KINDS = (
    # fact, statement, question
    (
        "One {key} has the largest {column} of all.",
        'SELECT "{key}" FROM data ORDER BY "{column}" DESC, "{key}" LIMIT 1',
        "Which {key} has the highest value of {column}?",
    ),
    (
        "One {key} has the smallest {column} of all.",
        'SELECT "{key}" FROM data ORDER BY "{column}", "{key}" LIMIT 1',
        "Which {key} has the lowest value of {column}?",
    ),
    (
        "There is a total of {column}, each {key} counted.",
        'SELECT sum("{column}") FROM data',
        "What is the total of {column} over all rows?",
    ),
    (
        "Some have more {column} than the mean {key} has.",
        'SELECT count(*) FROM data WHERE "{column}" > (SELECT avg("{column}") FROM data)',
        "In how many rows is {column} above its mean?",
    ),
)
BROKEN = {
    # what is planted: the statement in place of a sound one, and why it has to go
    "syntax": ("SELEC 1 FROM data", "invalid_sql"),
    "missing_column": ("SELECT altitude FROM data", "invalid_sql"),
    "empty": ("SELECT 1 FROM data WHERE 1 = 2", "empty_result"),
    "everything": ("SELECT 1 FROM data AS a, data AS b, data AS c", "too_many_rows"),
}
_TOWNS = "Aldo Brin Cove Dorn Elva Fenn Gard Holm Isle Jark Kelp Lorn"
UNANSWERABLE = "Which {key} had the most sunshine in March?"


def tables(count: int) -> list[Document]:
    """Tables of towns, six rows each."""
    return [_table(place, Random(place)) for place in range(count)]


def _table(place: int, rng: Random) -> Document:
    names = rng.sample(_TOWNS.split(), 6)
    rows = [f"{name},{rng.randint(100, 9_999)},{rng.randint(1, 99)}" for name in names]
    body = "\n".join(["town,visitors,boats", *rows])
    return Document(
        body=body, title=f"Harbours, year {1900 + place}", record_id=digest("table", place), source="tables", stage="a"
    )


class TableWorld:
    """Writes facts, statements and questions, and finds answers again in a share `skill` of all tries.

    `planted` says by the text of a table what is wrong about its question: one of BROKEN, or `unanswerable`, which the
    curator then gets right by luck alone, in a share `luck` of the tries.
    """

    def __init__(self, *, planted: Mapping[str, str] | None = None, skill: float = 1.0, luck: float = 0.0) -> None:
        self.planted, self.skill, self.luck = planted or {}, skill, luck
        self._sql: dict[tuple[str, str], str] = {}  # table and question -> the statement behind it

    def answer(self, request: Request) -> dict[str, Any] | None:
        table = request.tag("table")
        if request.task == "fact":
            known = _known(table)
            return {"fact": known[int(len(known) * share(request.key, "fact"))][0]}
        if request.task == "query":
            fact = request.tag("fact")
            return {"sql": self._stated(table, fact) if fact else self._tried(table, request)}
        statement = request.tag("statement")
        return {"question": self._asked(table, statement)} if request.task == "rephrase" and statement else None

    def _stated(self, table: str, fact: str) -> str:
        sound = next(sql for known, sql, _ in _known(table) if known == fact)
        broken = BROKEN.get(self.planted.get(table, ""))
        return broken[0] if broken else f"```sql\n{sound};\n```"

    def _asked(self, table: str, statement: str) -> str:
        sound = next((asked for _, sql, asked in _known(table) if sql == statement.rstrip(";")), "What is it?")
        fault = self.planted.get(table)
        question = UNANSWERABLE.format(key=_header(table)[0]) if fault == "unanswerable" else sound
        self._sql[table, question] = statement
        return question

    def _tried(self, table: str, request: Request) -> str:
        chance = self.luck if self.planted.get(table) == "unanswerable" else self.skill
        right = share(request.key, "try") < chance
        return self._sql[table, request.tag("question")] if right else "SELECT 'nobody knows' AS answer"


class SqliteSandbox:
    """A sandbox for the statements of this world, which are ours: the standard library's engine, without a process."""

    isolation = "none"

    async def run(self, program: str, /, *, limits: Limits = Limits()) -> Ran:
        raise AssertionError("this world has no programs")

    async def query(self, statement: str, /, *, tables: Mapping[str, Table], limits: Limits = Limits()) -> Queried:
        engine = sqlite3.connect(":memory:")
        try:
            for name, table in tables.items():
                names = ", ".join(f'"{column}"' for column in table.columns)
                engine.execute(f'CREATE TABLE "{name}" ({names})')
                engine.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(table.columns))})', table.rows)
            found = engine.execute(statement)
            rows = found.fetchmany(limits.rows + 1)
            columns = tuple(column[0] for column in found.description)
        except sqlite3.Error as error:
            return Queried("failed", None, f"{type(error).__name__}: {error}")
        finally:
            engine.close()
        return Queried("output") if len(rows) > limits.rows else Queried("finished", Table(columns, tuple(rows)))


def _known(table: str) -> list[tuple[str, str, str]]:
    """All that this world can say about a table: fact, statement and question of each kind and column of numbers."""
    names = _header(table)
    read = table_of(table)
    assert read is not None
    numbers = [name for place, name in enumerate(names) if place and isinstance(read.rows[0][place], int | float)]
    filled = [[text.format(key=names[0], column=column) for text in kind] for kind in _KINDS for column in numbers]
    return [(fact, sql, question) for fact, sql, question in filled]


def _header(table: str) -> list[str]:
    return [name.strip() for name in re.split(r"[,;\t]", table.partition("\n")[0])]
