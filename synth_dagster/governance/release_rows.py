"""The records behind a release as narrow tables in DuckDB: what it judged and all that this was made from.

Texts stay in the lake. What does not fit into the memory limit goes to a temporary folder, so a release of millions of
records is counted like a small one.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from synth_dagster.governance.told_languages import SPOKEN, TOLD_ONCE, tell_languages
from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.parts.sql import quoted
from synth_dagster.runner.verdicts import VERDICT, VERDICTS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "1GB"
PLAIN = ("record_id", "batch", "source", "status", "reason", "license", "consent", "lang", "method", "method_version")
PLAIN += ("model_id", "prompt_hash", "synthetic_depth", "human_share", "created_at")
OPTIONAL = {
    "url": "lower(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?([^/?#:]+)', 1)) as host",
    "evidence": "coalesce(len(evidence), 0) as spans",
}
ABSENT = {"url": "'' as host", "evidence": "0 as spans"}
# A topic as a delivery has it in its attribute of that name, else the one that a judge gave the largest share.
TOPIC = """coalesce(
    case when json_type(attributes, '$.topic') = 'VARCHAR' then json_extract_string(attributes, '$.topic') end,
    list_first(list_reverse_sort(list_zip(
        list_transform(json_extract(attributes, '$.weborganizer.topic.*'), lambda share: try_cast(share as double)),
        json_keys(attributes, '$.weborganizer.topic')))) [2])"""
JUDGED = ("record_id", "verdict", "reason", "duplicate_of", "score", "rank", "copies", "tokens")
# What came to each stage, with the reason where its steps, or those of the mix, dropped it.
PASSING = """
    create view passing as
        select stage, record_id, lang,
            if(stage = of, verdicts.reason, if(status = 'eliminated', records.reason, null)) as reason
        from records cross join this left join verdicts using (record_id)
        where status <> 'superseded' and (stage <> of or verdicts.record_id is not null)
"""
VIEWS = f"""
    create view judged as
        select records.*, verdict, verdicts.reason as why, duplicate_of, tokens, copies, {SPOKEN} as spoken
        from records join verdicts using (record_id) left join ({TOLD_ONCE}) using (record_id)
        where stage = (select of from this);
    create view kept as select * from judged where verdict = 'kept';
    create view writers as
        select record_id, stage, model_id as model from records where status = 'current' and model_id <> ''
        union select record_id, stage, rejected_model from records
            where status = 'current' and rejected_model <> '';
    create view roots as select * from records where is_root;
"""

KEPT_BY = "(select model from writers semi join kept using (record_id, stage))"
"""The models of the kept records, once for each record that one wrote in."""


class ReleaseRows:
    """`records` (`place` is the stage's number from the top), `edges`, `verdicts`, `told`, and the views over them.

    Of these `passing` has what came to each stage, and `judged` what the mix decided about.
    """

    def __init__(self, connection: "DuckDBPyConnection", chains: Sequence[Sequence[Candidate]]) -> None:
        self.connection, self.chains = connection, chains

    @property
    def versions(self) -> list[Candidate]:
        """Each version once, those of the first stage first."""
        found = {one.candidate_id: one for chain in self.chains for one in reversed(chain)}
        return list(found.values())

    def ask(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query; it must be one that adds up, since they become Python's."""
        return self.connection.sql(sql, params=list(values)).to_arrow_table().to_pylist()

    def one(self, sql: str, *values: object) -> dict[str, Any]:
        """The only row of a query."""
        (row,) = self.ask(sql, *values)
        return row

    def counts(self, view: str, column: str) -> dict[str, int]:
        """How many rows have each value, the most frequent first; nothing is said of those without one."""
        rows = self.ask(
            f"""select {quoted(column)}::varchar as value, count(*) as records from {view}
                where {quoted(column)} is not null group by 1 order by 2 desc, 1"""
        )
        return {row["value"]: row["records"] for row in rows}


@contextmanager
def release_rows(lake: Lake, release: Release) -> Iterator[ReleaseRows]:
    """The rows of a release, for the length of a block. Raises LakeError where a version that it rests on is gone."""
    import duckdb

    chains = [list(upwards(lake, version)) for version in pinned(lake, release)]
    with TemporaryDirectory(prefix="synth-rows-") as spill, duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute("set temp_directory = ?", [spill])
        connection.execute("create table this as select ? as of", [release.manifest["of"]])
        rows = ReleaseRows(connection, chains)
        _add_records(lake, rows)
        _add_verdicts(lake, rows, release)
        connection.execute(PASSING)
        tell_languages(connection, lake, release.manifest, rows.versions)
        connection.execute(VIEWS)
        yield rows


def _add_records(lake: Lake, rows: ReleaseRows) -> None:
    rows.connection.execute(_TABLES)
    places = {one.candidate_id: place for chain in rows.chains for place, one in enumerate(reversed(chain))}
    schemas: dict[str, list[str]] = {}
    for version in rows.versions:
        names = schemas.setdefault(version.stage, lake.snapshot(version.dataset, version.stage)[1].schema.names)
        there = [name for name in OPTIONAL if name in names]
        part = lake.candidate_table(version, [*PLAIN, "parents", "attributes", *there])
        _add_part(rows.connection, part, version.stage, places[version.candidate_id], there)


_TABLES = """
    create table records (stage varchar, place integer, record_id blob, batch varchar, source varchar, status varchar,
        reason varchar, license varchar, consent varchar, lang varchar, method varchar, method_version varchar,
        model_id varchar, prompt_hash varchar, synthetic_depth integer, human_share double, created_at timestamptz,
        host varchar, spans integer, pii varchar, topic varchar, rejected_model varchar,
        declared boolean, is_root boolean);
    create table edges (child blob, parent blob, stage varchar, batch varchar, relation varchar);
"""


def _add_part(connection: "DuckDBPyConnection", part: pa.Table, stage: str, place: int, there: Sequence[str]) -> None:
    more = ", ".join(OPTIONAL[name] if name in there else ABSENT[name] for name in OPTIONAL)
    connection.register("part", part)
    connection.execute(
        f"""insert into records select ?, ?, {", ".join(PLAIN)}, {more},
            json_extract(attributes, '$.pii')::varchar, {TOPIC},
            json_extract_string(attributes, '$.rejected_model'),
            json_extract(attributes, '$.language.score') is null, coalesce(len(parents), 0) = 0 from part""",
        [stage, place],
    )
    connection.execute(
        """insert into edges select child, parent.record_id, parent.stage, parent.batch, parent.relation
           from (select record_id as child, unnest(parents) as parent from part)"""
    )
    connection.unregister("part")


def _add_verdicts(lake: Lake, rows: ReleaseRows, release: Release) -> None:
    schema = pa.schema([VERDICT.field(name) for name in JUDGED])
    parts = lake.stream(release.dataset, VERDICTS, batches=[release.release], columns=list(JUDGED))
    rows.connection.register("parts", pa.RecordBatchReader.from_batches(schema, parts))
    rows.connection.execute("create table verdicts as select * from parts")
    rows.connection.unregister("parts")


def nested(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Rows of `name`, `value` and `records` as name -> value -> records."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["name"], {})[row["value"]] = row["records"]
    return found
