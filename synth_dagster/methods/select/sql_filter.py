"""Keeps records by conditions in SQL over what the filters of the mix measured, joined by AND or by OR.

Paper: arXiv:2409.18164 (Data Prep Kit, its transform `filter`): annotators measure and never delete, one step deletes.
Set the limits of the filters so that they drop nothing, and say here what is kept:
`gopher_quality__words >= 50 and fineweb_edu__score > 2`. A condition that has no value does not hold.
"""

import re
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from synth_dagster.errors import MethodError
from synth_dagster.method import Proof, Selector
from synth_dagster.parts.selections import places_by_id, selection

_SIGNAL = re.compile(r"\b[a-z][a-z0-9_]*__[a-z][a-z0-9_]*\b")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_QUERY = re.compile(r";|\b(?:select|from|with|copy|attach|install|load|pragma|set)\b", re.IGNORECASE)


class SqlFilter(Selector):
    """A record that is kept has the score 1; the others say `criteria`."""

    paper = "arXiv:2409.18164"
    proof = Proof("equation by hand", "Two criteria over five records keep one with AND and four with OR.")
    topics = ("SQL", "criteria", "annotation", "where")

    criteria: tuple[str, ...] = Field((), description="Conditions over signals, source, tokens and text.")
    join: Literal["and", "or"] = Field("and", description="Whether all conditions must hold, or one.")

    @field_validator("criteria")
    @classmethod
    def _are_conditions(cls, criteria: tuple[str, ...]) -> tuple[str, ...]:
        for one in criteria:
            if not one.strip() or _QUERY.search(_TEXT.sub("''", one)):
                raise ValueError(f"a criterion is one condition, such as language__score > 0.9, and no query: {one!r}")
        return criteria

    def signals_read(self) -> tuple[str, ...]:
        named = (name for one in self.criteria for name in _SIGNAL.findall(_TEXT.sub("''", one)))
        return tuple(sorted(set(named)))

    def select(self, pool: pa.Table, /) -> pa.Table:
        kept = self._held(pool)
        best_first = np.lexsort((places_by_id(pool["record_id"]), ~kept))
        return selection(pool["record_id"], kept.astype(float), best_first, kept, "criteria")

    def _held(self, pool: pa.Table) -> np.ndarray:
        import duckdb

        if not self.criteria or not pool.num_rows:
            return np.ones(pool.num_rows, bool)
        joined = f" {self.join} ".join(f"coalesce(({one}\n), false)" for one in self.criteria)
        numbered = pool.append_column("_row", pa.array(range(pool.num_rows), pa.int64()))
        with duckdb.connect() as connection:
            connection.execute("set enable_external_access = false")
            connection.register("pool", numbered)
            try:
                found = connection.sql(f"select {joined} as held from pool order by _row").to_arrow_table()
            except duckdb.Error as error:
                raise MethodError(
                    f"sql_filter: a criterion is no condition over the pool ({type(error).__name__}). There are "
                    f"source, text, tokens and {', '.join(self.signals_read()) or 'signals of filters'}; correct it."
                ) from None  # the cause may quote record text
        return found["held"].to_numpy(zero_copy_only=False).astype(bool)
