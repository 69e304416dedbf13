"""Every record that a release decides about, one narrow row each, with licences and filters told already."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError, no_such
from synth_dagster.lake.lake import Candidate
from synth_dagster.method import Mixer, Selector
from synth_dagster.parts.sql import quoted
from synth_dagster.parts.text.tokens import token_count_sql
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.duplicates import standing_sql
from synth_dagster.runner.licences import unlicensed
from synth_dagster.runner.release_inputs import Inputs
from synth_dagster.runner.signals import filter_steps
from synth_dagster.scale.signals import column_name, flatten, judge


@dataclass
class Pool:
    """Every record of the stage, narrow: one row each, with what has been decided about it."""

    table: pa.Table  # record_id, batch, source, license, origin, text, tokens, standing
    reason: list[str | None]
    filtered: list[bool]  # whether the reason is a filter's
    judged: list[bool]  # whether filters had a say
    duplicate_of: list[bytes | None]
    cluster_size: list[int | None]
    score: list[float | None]
    rank: list[int | None]
    copies: list[int]

    def alive(self) -> pa.Table:
        """The rows that nothing has dropped yet, with the size of their clusters."""
        table = self.table.append_column("cluster_size", pa.array(self.cluster_size, pa.int64()))
        return table.filter(pa.array([reason is None for reason in self.reason], pa.bool_()))

    def places(self) -> dict[bytes, int]:
        return {record_id: place for place, record_id in enumerate(self.table["record_id"].to_pylist())}


def pool_of(context: RunContext, inputs: Inputs) -> Pool:
    table = pa.concat_tables(
        _judged(context, rows, marks, inputs.held.get(batch, {})) for batch, (rows, marks) in inputs.batches.items()
    )
    table = table.sort_by("record_id")
    rows = table.num_rows
    reasons = unlicensed(context.recipe, table)
    filtered = [bool(rule) and rule == reason for rule, reason in zip(table["rule"].to_pylist(), reasons, strict=True)]
    return Pool(
        table.drop_columns(["reason", "rule", "status", "consent"]),
        reason=reasons,
        filtered=filtered,
        judged=[reason is None or dropped for reason, dropped in zip(reasons, filtered, strict=True)],
        duplicate_of=[None] * rows,
        cluster_size=[None] * rows,
        score=[None] * rows,
        rank=[None] * rows,
        copies=[1] * rows,
    )


# what became of a record before the mix, else why it is in quarantine, else the first rule of the recipe that drops it
_JUDGED = f"""
    select record_id, batch, source, license, consent, status, text, {token_count_sql("text")} as tokens,
        [standing] as standing[reads][signals],
        case synthetic_depth when 0 then 'real' else 'synthetic' end as origin,
        case when status = 'current' and away is null then rule end as rule,
        case status when 'current' then coalesce(away, rule) when 'superseded' then status
            else coalesce(reason, status) end as reason
    from records join texts using (record_id) left join held using (record_id) left join signals using (record_id)
    left join (select record_id, arg_min(rule, place) as rule from ruled group by record_id) using (record_id)
"""


def _judged(context: RunContext, rows: Candidate, marks: Candidate, away: Mapping[bytes, str]) -> pa.Table:
    """One batch, narrow: the columns of the pool, and the reason of the first rule that drops each record."""
    import duckdb

    full, signals = context.lake.candidate_table(rows), context.lake.candidate_table(marks)
    standing, reads = standing_sql(context.recipe.mix.deduplicate, signals.schema), _read_by_selection(context)
    texts = flatten(full, context.recipe.stage(rows.stage).record_kind).select(["record_id", "text"])
    with duckdb.connect() as connection:
        connection.register(
            "records",
            full.select(list(dict.fromkeys([*_RECORD, "status", "reason", *reads]))),
        )
        signals = signals.select([name for name in signals.column_names if "__" in name or name == "record_id"])
        asked = "".join(f", signals.{quoted(name)}" for name in _signals_read(context, signals.schema))
        connection.register("signals", signals)
        connection.register("texts", texts)
        connection.register("ruled", _ruled(context, signals))
        connection.register(
            "held", pa.Table.from_pydict({"record_id": [*away], "away": [*away.values()]}, schema=_HELD)
        )
        return connection.sql(
            _JUDGED.replace("[standing]", standing)
            .replace("[reads]", "".join(f", {name}" for name in reads))
            .replace("[signals]", asked)
        ).to_arrow_table()


def _read_by_selection(context: RunContext) -> tuple[str, ...]:
    """The columns of documents that the selection asks for beside those that all selections have."""
    step = context.recipe.mix.select
    asked = step.method.reads if step and isinstance(step.method, Selector) else ()
    return tuple(name for name in asked if name != "cluster_size")


def _signals_read(context: RunContext, there: pa.Schema) -> list[str]:
    """The signals that selection and mixture go by. Raises MethodError for one that no filter of the mix computes."""
    select, mix = context.recipe.mix.select, context.recipe.mix.mix
    names = list(select.method.signals_read()) if select and isinstance(select.method, Selector) else []
    names += [mix.method.by] if mix and isinstance(mix.method, Mixer) and "__" in mix.method.by else []
    known = [name for name in there.names if "__" in name]
    for name in names:
        if name not in known:
            raise MethodError(no_such("signal", name, known, f"The filters of the mix compute {', '.join(known)}."))
    return list(dict.fromkeys(names))


_RECORD = ("record_id", "batch", "source", "license", "consent", "synthetic_depth", "attributes")
_HELD = pa.schema([("record_id", pa.binary()), ("away", pa.string())])
_RULED = pa.schema([("record_id", pa.binary()), ("rule", pa.string()), ("place", pa.int32())])


def _ruled(context: RunContext, table: pa.Table) -> pa.Table:
    """A row for each record and rule that drops it: method:rule, and the filter's place in the recipe."""
    parts = [_RULED.empty_table()]
    for place, (key, method) in enumerate(filter_steps(context).items()):
        prefix = column_name(key, "")
        signals = {name.removeprefix(prefix): table[name] for name in table.column_names if name.startswith(prefix)}
        verdicts = judge(method, pa.table({"record_id": table["record_id"], **signals}))
        dropped = verdicts.filter(pc.field("reason").is_valid())
        rules = pa.array([f"{key}:{reason}" for reason in dropped["reason"].to_pylist()], pa.string())
        places = pa.array([place] * dropped.num_rows, pa.int32())
        parts.append(pa.table({"record_id": dropped["record_id"], "rule": rules, "place": places}).cast(_RULED))
    return pa.concat_tables(parts)
