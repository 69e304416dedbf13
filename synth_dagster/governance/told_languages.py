"""What language a record is in whose source declares none: what a filter of the mix tells, else what its words do.

Words are only read where some step has dropped enough such records to have deleted a language, and of a bounded number.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.filter_labels import filter_labels
from synth_dagster.governance.versions import kind_with
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.parts.text.languages import languages_of
from synth_dagster.record_tables import CONTENT
from synth_dagster.scale.signals import flatten

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

FEW = 10  # records of a language that say something about a step
MOST_OF_IT = 0.9  # dropped by one step: as good as deleted
UNKNOWN = ("und", "none")
CHOSEN = ("other_language", "other_script", "no_settings")  # rules that say which languages are wanted
MOST_READ = 50_000  # records whose words are read, the first by id, which is a fair sample
SURE = 0.3  # what identify_language asks of a language before it writes it down

# A language for each record that something gives one: where two filters do, the first by name.
TOLD_ONCE = """select record_id, min_by(named, filter) as named from told
    where coalesce(named, 'und') not in ('', 'und') group by 1"""
# What a record is in: the language that was declared or found out before the mix, else what is told of it.
SPOKEN = "coalesce(nullif(nullif(lang, ''), 'und'), named, nullif(lang, ''), 'none')"

_WORDS = "words"  # in place of a filter's name


def tell_languages(
    connection: "DuckDBPyConnection", lake: Lake, manifest: Mapping[str, Any], versions: Sequence[Candidate]
) -> None:
    """Make the table `told`: record_id, filter, named. The connection has `passing`, whose records the versions hold:
    stage, record_id, lang, and the reason where it was dropped, once for each record and stage."""
    connection.register("telling", filter_labels(lake, manifest, lambda name: name.endswith("__lang")))
    connection.execute("create or replace table told as select * from telling")
    connection.unregister("telling")
    unknown = _unknown(connection)
    for version in versions if unknown.num_rows else ():
        own = unknown.filter(pc.equal(unknown["stage"], version.stage))["record_id"]
        connection.register("telling", _by_words(lake, version, own))
        connection.execute(f"insert into told select record_id, '{_WORDS}', named from telling")
        connection.unregister("telling")


def _unknown(connection: "DuckDBPyConnection") -> pa.Table:
    """The records (stage, record_id) without a language of the stages where a step may have deleted one of theirs."""
    return connection.sql(
        f"""with unknown as (
                select stage, record_id, reason, split_part(reason, ':', 1) as step,
                    reason is not null and split_part(reason, ':', 2) not in {CHOSEN} as counts
                from passing left join ({TOLD_ONCE}) using (record_id) where {SPOKEN} in {UNKNOWN}),
            emptying as (select distinct stage from unknown where counts
                group by stage, step having count(*) >= {FEW * MOST_OF_IT})
            select stage, record_id from unknown where stage in (select stage from emptying)
            order by record_id limit {MOST_READ}"""
    ).to_arrow_table()


def _by_words(lake: Lake, version: Candidate, ids: pa.ChunkedArray) -> pa.Table:
    kind = kind_with(lake.candidate_columns(version))
    table = lake.candidate_table(version, ["record_id", *(name for name, _, _ in CONTENT[kind])])
    flat = flatten(table.filter(pc.is_in(table["record_id"], ids.combine_chunks())), kind)
    found = languages_of(flat["text"])
    named = pa.array(found.names, pa.string(), mask=found.scores <= SURE)
    return pa.table({"record_id": flat["record_id"], "named": named})
