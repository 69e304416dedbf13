"""What the columns of each table mean, and which columns of the stages above they come from.

Dagster shows both on an asset's page. A column's lineage is of the schema; that of a record stands in its parents.
"""

from collections.abc import Iterable, Mapping

import dagster as dg
import pyarrow as pa

from synth_dagster.recipe import Recipe
from synth_dagster.record_tables import CONTENT, describe, schema_of
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import SIGNALS
from synth_dagster.runner.verdicts import VERDICT

# joined by the runner from the parents
INHERITED = ("source", "license", "consent", "synthetic_depth", "human_share", "lang")
MIX_COLUMNS = {
    "release": (pa.string(), "The release that the record is in."),
    "copies": (pa.int32(), "How often the mixture asks for the record; a trainer repeats it that many times."),
    "score": (pa.float64(), "The selection's score, where the recipe selects."),
    "rank": (pa.int64(), "The place in the order of selection, where the recipe selects."),
}
VERDICT_COLUMNS = {
    "record_id": "The record that is judged.",
    "stage": "The stage that it stands in.",
    "batch": "The batch that it stands in.",
    "source": "The source that its oldest ancestor came from.",
    "verdict": "kept or dropped.",
    "reason": "The method and the rule that dropped it; null when kept.",
    "duplicate_of": "The record that it duplicates.",
    "cluster_size": "How many records say the same, this one too; null where nobody looked.",
    "score": "The selection's score, where the recipe selects.",
    "rank": "The place in the order of selection.",
    "copies": "How often the mixture asks for it; 0 when dropped.",
    "tokens": "Its length in tokens.",
    "run_id": "The run that judged it.",
    "created_at": "When that was.",
    "release": "The release that it was judged for.",
}
SIGNAL_COLUMNS = {
    "record_id": "The record that is measured.",
    "stage": "The stage that it stands in.",
    "source": "The source that its oldest ancestor came from.",
    "batch": "The delivered file or shard.",
    "run_id": "The run that measured it.",
    "created_at": "When that was.",
}


def column_schema(recipe: Recipe, stage: str) -> dg.TableSchema:
    """The columns of a row stage's table, or of the mix's, with what they mean."""
    of_mix = stage == recipe.mix.name
    kind = recipe.stage(recipe.mix.of if of_mix else stage).record_kind
    meanings = describe(kind)
    columns = [_column(field.name, field.type, meanings.get(field.name)) for field in schema_of(kind)]
    more = [_column(name, type_, meaning) for name, (type_, meaning) in MIX_COLUMNS.items()] if of_mix else []
    return dg.TableSchema(columns=[*columns, *more])


def verdict_schema() -> dg.TableSchema:
    """The columns of the table that says what became of each record."""
    return dg.TableSchema(columns=[_column(field.name, field.type, VERDICT_COLUMNS[field.name]) for field in VERDICT])


def signal_schema(recipe: Recipe, schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table of signals: those of the records, then each filter's own."""
    filters = {step.key: type(step.method).summary() for step in recipe.mix.filters}
    return dg.TableSchema(columns=[_column(field.name, field.type, _signal(field.name, filters)) for field in schema])


def _signal(name: str, filters: Mapping[str, str]) -> str | None:
    key, _, signal = name.partition("__")
    if signal and key in filters:
        return f"Signal '{signal}' of {key}. {filters[key]}"
    return SIGNAL_COLUMNS.get(name)


def _column(name: str, type_: pa.DataType, meaning: str | None) -> dg.TableColumn:
    return dg.TableColumn(name=name, type=str(type_), description=meaning)


# ------------------------------------------------------------------------------------------------------------- lineage


def column_lineage(recipe: Recipe, stage: str, columns: Iterable[str]) -> dg.TableColumnLineage:
    """Column -> the columns of the stage above that it is made from; none where it comes from outside."""
    if stage == recipe.mix.name:
        return _lineage(recipe, recipe.mix.of, _of_mix(recipe, columns))
    if stage == SIGNALS:
        return _lineage(recipe, recipe.mix.of, _of_signals(recipe, columns))
    above = recipe.stage(stage).reads
    return _lineage(recipe, above, _of_row_stage(recipe, stage, above)) if above else dg.TableColumnLineage({})


def _lineage(recipe: Recipe, above: str, deps: Mapping[str, Iterable[str]]) -> dg.TableColumnLineage:
    key = dg.AssetKey([recipe.dataset, above])
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=key, column_name=name) for name in names]
            for column, names in deps.items()
            if names
        }
    )


def _of_row_stage(recipe: Recipe, stage: str, above: str) -> dict[str, list[str]]:
    texts = _content(recipe.stage(above).record_kind)
    made = _content(recipe.stage(stage).record_kind)
    return (
        {name: [name] for name in INHERITED}
        | dict.fromkeys(made, texts)
        | {"parents": ["record_id"], "record_id": ["record_id"], "content_hash": texts, "batch": ["batch"]}
    )


def _of_signals(recipe: Recipe, columns: Iterable[str]) -> dict[str, list[str]]:
    texts = _content(recipe.stage(recipe.mix.of).record_kind)
    same = {name: [name] for name in ("record_id", "source", "batch")}
    return same | {name: texts for name in columns if name not in SIGNAL_COLUMNS}


def _of_mix(recipe: Recipe, columns: Iterable[str]) -> dict[str, list[str]]:
    texts = _content(recipe.stage(recipe.mix.of).record_kind)
    same = {name: [name] for name in columns if name not in MIX_COLUMNS}
    return same | {"score": texts, "rank": texts, "copies": ["source", *texts]}


def _content(kind: RecordKind) -> list[str]:
    """The columns that hold the words of a record."""
    return [name for name, _, _ in CONTENT[kind]]
