"""Constraints that a program can check: length, keyword, case, form, language and pattern, named in the recipe.

Our own, after the verifiable instructions of IFEval (arXiv:2311.07911) and the checkers that UltraIF's judge is
measured against (arXiv:2502.04153). Each name is a reason; the answer of an instruction, the chosen one of a pair and
the text of a document are checked.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
from pydantic import Field, field_validator

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.text.constraints import Constraint
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Preference

_OWN = ("no_text", "has_text")


class ConstraintRules(Filter):
    """One signal and one rule for each constraint; without constraints only what says nothing is dropped."""

    paper = "interpretation"
    proof = Proof(
        "equation by hand", "Two texts for each kind of constraint, one on each side of its bound, counted by hand."
    )
    judges = (Document, Instruction, Preference)
    topics: ClassVar[tuple[str, ...]] = ("IFEval", "instruction following", "verifiable instructions", "format")

    constraints: Mapping[str, Constraint] = Field(
        default_factory=dict,
        description="Reason -> what has to hold, as {too_long: {kind: length, unit: words, at_most: 200}}.",
    )

    @field_validator("constraints")
    @classmethod
    def _are_columns(cls, constraints: Mapping[str, Constraint]) -> Mapping[str, Constraint]:
        for name in constraints:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in _OWN:
                raise ValueError(f"'{name}' is no name of a rule: small letters, digits and _, as in too_long")
        return constraints

    def threshold_settings(self) -> frozenset[str]:
        return frozenset()

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        column = flat["response" if "response" in flat.column_names else "text"]
        texts = [text or "" for text in column.to_pylist()]
        met = {name: pa.array(one.holds(texts), pa.bool_()) for name, one in self.constraints.items()}
        return {"has_text": pa.array([not is_blank(text) for text in texts], pa.bool_()), **met}

    def rules(self) -> Rules:
        return {"no_text": "not has_text"} | {name: f"not {name}" for name in self.constraints}
