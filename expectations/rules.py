"""The rules of a gate that need SQL or lineage rather than columns: schema, ids, parents, yield, completeness.

Each rule looks at one candidate and returns a Finding: counts for the event log, and at most three ids to look at.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from expectations.judges import the_judge_is_steady
from synth_dagster.governance.checklist import checked
from synth_dagster.governance.judges import judges_pairs
from synth_dagster.governance.language_losses import lost_languages
from synth_dagster.governance.told_languages import tell_languages
from synth_dagster.governance.versions import pinned_by, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.record_tables import schema_of
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import SIGNALS
from synth_dagster.runner.deliveries import ERASED
from synth_dagster.runner.verdicts import VERDICTS
from synth_dagster.runner.yields import Yield, commonest, lost_of, reasons_of
from synth_dagster.services import Finding

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXAMPLES = 3


@dataclass(frozen=True)
class Gated:
    """A candidate at its gate, with what the rules may ask about it."""

    recipe: Recipe
    lake: Lake
    candidate: Candidate
    kind: RecordKind

    @cached_property
    def rows(self) -> pa.Table:
        return self.lake.candidate_table(self.candidate)

    @cached_property
    def current(self) -> pa.Table:
        """The rows that the next stage would read."""
        if "status" not in self.rows.column_names:
            return self.rows
        return self.rows.filter(pc.field("status") == "current")

    def sql(self, query: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
        """A query over the candidate as `records` and other tables by name."""
        for name, table in tables.items():
            self.connection.register(name, table)
        return self.connection.execute(query).fetchall()

    @cached_property
    def connection(self) -> "DuckDBPyConnection":
        """One for all rules: to open one costs more than most of their queries."""
        import duckdb

        connection = duckdb.connect()
        connection.register("records", self.rows)
        return connection


def has_the_columns_of_its_kind(gated: Gated) -> Finding:
    """Every column of the schema is there with its type; types are Arrow's, which Great Expectations cannot check."""
    there = {field.name: field.type for field in gated.rows.schema}
    wrong = [field.name for field in schema_of(gated.kind) if there.get(field.name) != field.type]
    return Finding("schema", passed=not wrong, counts={"columns": len(there), "wrong": len(wrong)})


def every_id_is_unique(gated: Gated) -> Finding:
    """An id names one record, and is sixteen bytes."""
    twice = gated.sql(f"select record_id from records group by record_id having count(*) > 1 limit {EXAMPLES}")
    malformed = gated.sql(
        "select count(*) from records where record_id is null or octet_length(record_id) <> 16"
        " or content_hash is null or octet_length(content_hash) <> 16"
    )[0][0]
    return Finding(
        "unique_ids",
        passed=not twice and not malformed,
        counts={"duplicated": len(twice), "malformed": malformed},
        examples=[row[0] for row in twice],
    )


def every_record_names_its_source(gated: Gated) -> Finding:
    """What a model wrote has a parent, and every parent stands in this candidate or in the version it was made from."""
    stage = gated.recipe.stage(gated.candidate.stage)
    known = _ids_above(gated, stage.reads)
    orphans = gated.sql(
        """
        with links as (
            select record_id, unnest(parents) as parent from records
        ), known as (
            select record_id, stage from above union all select record_id, $here from records
        )
        select record_id from records where len(parents) = 0 and (synthetic_depth > 0 or $below)
        union
        select links.record_id from links
        left join known on known.record_id = links.parent.record_id and known.stage = links.parent.stage
        where known.record_id is null
        """.replace("$here", f"'{stage.name}'").replace("$below", str(stage.reads is not None).lower()),
        above=known,
    )
    return Finding(
        "lineage",
        passed=not orphans,
        counts={"records": gated.rows.num_rows, "orphans": len(orphans)},
        examples=[row[0] for row in orphans[:EXAMPLES]],
    )


def _ids_above(gated: Gated, above: str | None) -> pa.Table:
    schema = pa.schema([("record_id", pa.binary()), ("stage", pa.string())])
    version = gated.lake.accepted(gated.recipe.dataset, above, gated.candidate.batch) if above else None
    if version is None:
        return schema.empty_table()
    ids = gated.lake.candidate_table(version, columns=["record_id"])["record_id"]
    return pa.table({"record_id": ids, "stage": pa.array([above] * len(ids), pa.string())})


def something_came_out(gated: Gated) -> Finding:
    """A stage that gives nothing is a closed gate, never a success; the examples say which inputs gave nothing.

    Of a corpus from which a step retrieves, a batch may hold nothing that is meant: then nothing was tried either. Nor
    is a gate closed by erasures that took all of a batch: no run can ever bring it back.
    """
    rows, tried = gated.current.num_rows, gated.rows.num_rows + gated.candidate.rejected
    passed = rows > 0 or (not tried and _is_chosen_from(gated)) or _is_erased(gated)
    return Finding("not_empty", passed=passed, counts={"records": rows}, examples=[] if passed else _barren(gated))


def _is_chosen_from(gated: Gated) -> bool:
    """Whether the stage, or one above it, takes only what it retrieves from the corpus."""
    _, *later = gated.recipe.waves
    return any(gated.candidate.stage in stages for stages in later)


def _is_erased(gated: Gated) -> bool:
    """Whether erasures took all that a batch held: here, or in the stage above, whose gate let nothing else through."""
    stage, candidate = gated.candidate.stage, gated.candidate
    if gated.rows.num_rows or stage == gated.recipe.mix.name:
        return False
    if above := gated.recipe.stage(stage).reads:
        version = gated.lake.accepted(gated.recipe.dataset, above, candidate.batch)
        return version is not None and not version.rows and not candidate.rejected
    reasons = gated.lake.candidate_rejects(candidate)["reason"].to_pylist()
    return set(reasons) == {ERASED.reason} or gated.lake.meta.is_left_by_an_erasure(candidate.candidate_id)


def enough_is_kept(gated: Gated) -> Finding:
    """Of what the stage made or tried, the share that the next stage can use is at least the recipe's."""
    came = _came(gated)
    least = gated.recipe.expect.min_keep_rate
    passed = came.rate >= least or _is_erased(gated)
    counts = {"kept": came.kept, "lost": came.lost, "rate": round(came.rate, 4), "at_least": least}
    return Finding(
        "keep_rate",
        passed=passed,
        counts=counts if passed else counts | commonest(came.reasons),
        examples=[] if passed else _barren(gated),
    )


def few_answers_are_rejected(gated: Gated) -> Finding:
    """Lines and answers that could not be used stay below the limit; what a method drops does not count."""
    came = _came(gated)
    most = gated.recipe.expect.max_reject_rate
    passed = came.unusable_rate <= most
    return Finding(
        "reject_rate",
        passed=passed,
        counts={
            "unusable": came.unusable,
            "rate": round(came.unusable_rate, 4),
            "at_most": most,
            **({} if passed else commonest(_unusable(gated))),
        },
        examples=[] if passed else _barren(gated),
    )


def _unusable(gated: Gated) -> Counter[str]:
    """What was wrong with lines and answers, so that a failed run says more than how many."""
    rejects = gated.lake.candidate_rejects(gated.candidate)
    return Counter(rejects.filter(pc.field("kind") == "unusable")["reason"].to_pylist())


def _came(gated: Gated) -> Yield:
    details = gated.candidate.details
    gone = gated.rows.filter(pc.field("status") == "eliminated").num_rows
    lost = lost_of(details, eliminated=gone, rejected=gated.candidate.rejected)
    return Yield(gated.current.num_rows, lost, int(details["unusable"]), reasons_of(details))


def _barren(gated: Gated) -> Sequence[bytes]:
    """Rejects and eliminated records to look at, one of each reason first."""
    rejects = gated.lake.candidate_rejects(gated.candidate)
    lost = [*zip(rejects["reject_id"].to_pylist(), rejects["reason"].to_pylist(), strict=True)]
    if "status" in gated.rows.column_names:
        gone = gated.rows.filter(pc.field("status") == "eliminated")
        lost += zip(gone["record_id"].to_pylist(), gone["reason"].to_pylist(), strict=True)
    firsts = {reason: place for place, (_, reason) in reversed([*enumerate(lost)])}
    order = sorted(range(len(lost)), key=lambda place: (firsts[lost[place][1]] != place, place))
    return [lost[place][0] for place in order[:EXAMPLES]]


def is_the_whole_batch(gated: Gated) -> Finding:
    """A try-out on a few inputs is never accepted; launch the batch again without `limit`."""
    limit = gated.candidate.details.get("limit")
    return Finding("whole", passed=limit is None, counts={} if limit is None else {"limit": limit})


def every_record_has_its_signals(gated: Gated) -> Finding:
    """Each current record of the mix's stage has one row of signals, and no other record has."""
    of = gated.lake.accepted(gated.recipe.dataset, gated.recipe.mix.of, gated.candidate.batch)
    if of is None:
        return Finding("complete", passed=False, counts={"records": 0})
    records = gated.lake.candidate_table(of, columns=["record_id", "status"])
    missing, extra, twice = gated.sql(
        """
        select count(*) filter (where records.record_id is null), count(*) filter (where wanted.record_id is null),
            (select count(*) - count(distinct record_id) from records)
        from (select record_id from stage where status = 'current') as wanted
        full join records on records.record_id = wanted.record_id
        """,
        stage=records,
    )[0]
    counts = {"missing": missing, "extra": extra, "twice": twice}
    return Finding("complete", passed=not any(counts.values()), counts=counts)


def every_record_has_one_verdict(gated: Gated) -> Finding:
    """There is one verdict for each record of the batches that the manifest names; the rows are the kept ones."""
    verdicts = _verdicts(gated)
    if verdicts is None:
        return Finding("verdicts", passed=False, counts={"verdicts": 0})
    missing, extra, twice, unlike, silent = gated.sql(
        """
        select
            count(*) filter (where verdicts.record_id is null),
            count(*) filter (where wanted.record_id is null),
            (select count(*) - count(distinct record_id) from verdicts),
            (select count(*) from records full join (select record_id from verdicts where verdict = 'kept') as kept
                on kept.record_id = records.record_id where kept.record_id is null or records.record_id is null),
            (select count(*) from verdicts where (verdict = 'dropped') <> (reason is not null))
        from wanted full join verdicts on wanted.record_id = verdicts.record_id
        """,
        wanted=_records_of_manifest(gated),
        verdicts=gated.lake.candidate_table(verdicts),
    )[0]
    counts = {"missing": missing, "extra": extra, "twice": twice, "unlike_rows": unlike, "without_reason": silent}
    return Finding("verdicts", passed=not any(counts.values()), counts=counts)


def _verdicts(gated: Gated) -> Candidate | None:
    dataset, release = gated.recipe.dataset, gated.candidate.batch
    return gated.lake.awaiting(dataset, VERDICTS, release) or gated.lake.accepted(dataset, VERDICTS, release)


def _records_of_manifest(gated: Gated, *more: str) -> pa.Table:
    manifest: Any = gated.candidate.details["manifest"]
    columns = ["record_id", *more]
    return pa.concat_tables(gated.lake.candidate_table(one, columns) for one in pinned_by(gated.lake, manifest))


def enough_passes_the_rules(gated: Gated) -> Finding:
    """Of the records a release judged, the share that quality rules dropped leaves at least the recipe's keep rate.

    What deduplication, selection and mixture leave out is a choice, not a loss of quality.
    """
    verdicts: Any = gated.candidate.details["verdicts"]
    chosen_away = {
        step.key for step in (gated.recipe.mix.deduplicate, gated.recipe.mix.select, gated.recipe.mix.mix) if step
    }
    by_rule = sum(
        n for reason, n in verdicts["dropped"].items() if reason.partition(":")[0] not in chosen_away | {"superseded"}
    )
    judged = verdicts["kept"] + sum(verdicts["dropped"].values()) - verdicts["dropped"].get("superseded", 0)
    rate = 1 - by_rule / judged if judged else 0.0
    least = gated.recipe.expect.min_keep_rate
    return Finding(
        "keep_rate",
        passed=rate >= least,
        counts={"judged": judged, "dropped_by_rules": by_rule, "rate": round(rate, 4)},
    )


def no_language_is_deleted(gated: Gated) -> Finding:
    """No step drops nine records of ten and more of one language while it lets most of another one through.

    Ten records of a language are needed to say so. Where a source declares none, it is what a filter or the words tell.
    Whether it is meant only people know, so it warns.
    """
    found = _verdicts(gated)
    if found is None:
        return Finding("languages", passed=True, severity="warning")
    manifest: Any = gated.candidate.details["manifest"]
    versions = pinned_by(gated.lake, manifest)
    above = [one for version in versions for one in list(upwards(gated.lake, version))[1:]]
    gated.sql(
        """
        create or replace table passing as
        select stage, record_id, lang, verdicts.reason from judged join verdicts using (record_id)
        where status <> 'superseded'
        union all
        select stage, record_id, lang, if(status = 'eliminated', reason, null) from above where status <> 'superseded'
        """,
        judged=_came_to(gated, versions),
        above=_came_to(gated, above),
        verdicts=gated.lake.candidate_table(found, columns=["record_id", "reason"]),
    )
    tell_languages(gated.connection, gated.lake, manifest, [*versions, *above])
    languages, lost = lost_languages(gated.connection)
    return Finding(
        "languages",
        passed=not lost,
        counts={"languages": languages} | {one.told(gated.recipe.mix.of): one.records for one in lost},
        severity="warning",
    )


def _came_to(gated: Gated, versions: Sequence[Candidate]) -> pa.Table:
    """What came to the stages of versions: narrow columns, and the stage."""
    columns = ["record_id", "lang", "status", "reason"]
    schema = pa.schema([(name, pa.binary() if name == "record_id" else pa.string()) for name in (*columns, "stage")])
    parts = [schema.empty_table()]
    for version in versions:
        table = gated.lake.candidate_table(version, columns)
        parts.append(table.append_column("stage", pa.repeat(version.stage, table.num_rows)))
    return pa.concat_tables(parts)


def it_may_be_published(gated: Gated) -> Finding:
    """A release that leaves the house has a licence tier, a way to have data removed, and counts of its drops."""
    if not gated.recipe.use.published:
        return Finding("publishable", passed=True)
    manifest: Any = gated.candidate.details["manifest"]
    blockers = checked(gated.lake, gated.candidate, manifest).blockers
    return Finding("publishable", passed=not blockers, counts=dict.fromkeys(blockers, 1))


Rule = Callable[[Gated], Finding]

ROW_RULES: tuple[Rule, ...] = (
    has_the_columns_of_its_kind,
    every_id_is_unique,
    every_record_names_its_source,
    something_came_out,
    enough_is_kept,
    few_answers_are_rejected,
    is_the_whole_batch,
)
SIGNAL_RULES: tuple[Rule, ...] = (every_record_has_its_signals,)
MIX_RULES: tuple[Rule, ...] = (
    something_came_out,
    every_record_has_one_verdict,
    enough_passes_the_rules,
    no_language_is_deleted,
    it_may_be_published,
)


def rules_for(stage: str, recipe: Recipe) -> tuple[Rule, ...]:
    """The rules of an asset's gate."""
    if stage == SIGNALS:
        return SIGNAL_RULES
    if stage == recipe.mix.name:
        return MIX_RULES
    return (*ROW_RULES, the_judge_is_steady) if judges_pairs(recipe, stage) else ROW_RULES
