"""What the facts of a release hold is bounded: of many sites the largest, and how many there are."""

import duckdb

from synth_dagster.governance import facts


class Roots:
    """Stands for the rows of a release: its first records, by source and host."""

    def __init__(self, *hosts):
        self.database = duckdb.connect()
        self.database.execute("create table roots (source varchar, host varchar)")
        self.database.executemany("insert into roots values (?, ?)", hosts)

    def ask(self, sql, *values):
        found = self.database.execute(sql, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_of_many_sites_the_largest_are_named_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(facts, "MOST_HOSTS", 2)
    pages = [("web", f"{name}.example") for name in "abbbccd"] + [("web", ""), ("notes", "")]
    hosts, sites = facts._hosts(Roots(*pages))
    assert hosts == {"web": {"b.example": 3, "c.example": 2}}
    assert sites == {"web": 4}
