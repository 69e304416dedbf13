"""A small world for recipes: a few methods and readers with known bounds, and a project folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from synth_dagster import catalog, readers
from synth_dagster.errors import Problem, RecipeError
from synth_dagster.method import (
    Augmenter,
    Deduplicator,
    Filter,
    Guard,
    InputPath,
    Measure,
    Method,
    Mixer,
    Refiner,
    Rules,
    Selector,
    Signals,
    Synthesizer,
)
from synth_dagster.recipe import Recipe, parse_recipe
from synth_dagster.records import Document, Instruction, Preference
from synth_dagster.services import Embedder, References, Teacher


class Pii(Refiner[Document]):
    redacts = True

    async def refine(self, record: Document, /) -> Document:
        return record


class GroundedQa(Synthesizer[Document, Instruction]):
    per_passage: int = Field(2, ge=1, le=20, description="Questions asked about one passage.")
    seed: int = Field(0, ge=0, description="The random stream.")

    async def synthesize(self, record: Document, /, *, teacher: Teacher) -> Sequence[Instruction]:
        return []


class EvolInstruct(Augmenter[Instruction, Instruction]):
    rounds: int = Field(4, ge=1, description="Rounds of evolution.")
    operations: tuple[Literal["deepen", "breadth"], ...] = Field(("deepen",), description="What may be done.")

    async def augment(self, record: Instruction, /, *, teacher: Teacher, critic: Teacher) -> Sequence[Instruction]:
        return []


class Ultrafeedback(Synthesizer[Instruction, Preference]):
    completions: int = Field(4, ge=2, le=16, description="Answers compared.")
    bonus: float | None = Field(None, ge=0, le=1, description="A bonus.")

    async def synthesize(self, record: Instruction, /, *, teacher: Teacher, judge: Teacher) -> Sequence[Preference]:
        return []


class Lengths(Filter):
    judges = (Document,)
    low: int = Field(1, ge=0, description="Fewest words.")
    high: int = Field(9, ge=0, description="Most words.")
    unit: Literal["words", "marks"] = Field("words", description="What is counted.")

    @model_validator(mode="after")
    def _in_order(self) -> "Lengths":
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self

    def signals(self) -> Signals:
        return {"length": f"{self.unit}(text)"}

    def rules(self) -> Rules:
        return {"too_short": f"length < {self.low}", "too_long": f"length > {self.high}"}

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"low", "high"})


class AnswerRules(Filter):
    judges = (Instruction, Preference)

    def rules(self) -> Rules:
        return {}


class Decontaminate(Filter):
    against: InputPath = Field(description="Texts to keep out.")

    def measure(self, flat, /, *, references: References) -> Mapping:
        return {}

    def rules(self) -> Rules:
        return {"seen": "share > 0.5"}


class Minhash(Deduplicator):
    bands: int = Field(14, ge=1, description="Bands.")


class Nearby(Selector):
    budget: int = Field(100, ge=1, description="How many.")

    def select(self, pool, /, *, embed: Embedder):
        return pool


class Temperature(Mixer):
    alpha: float = Field(0.5, gt=0, le=1, description="How flat.")
    weights: dict[str, float] = Field({}, description="Weights per domain.")


class Distinct(Measure):
    n: int = Field(2, ge=1, description="Words in a gram.")


class Warden(Guard):
    pass


METHODS: dict[str, type[Method]] = {
    "pii": Pii,
    "grounded_qa": GroundedQa,
    "evol_instruct": EvolInstruct,
    "ultrafeedback": Ultrafeedback,
    "lengths": Lengths,
    "answer_rules": AnswerRules,
    "decontaminate": Decontaminate,
    "minhash": Minhash,
    "nearby": Nearby,
    "temperature": Temperature,
    "distinct": Distinct,
    "warden": Warden,
}


class FakeReader(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Files(FakeReader):
    path: str = Field(description="A file or folder of the project.")
    optional: bool = Field(False, description="Whether it may be absent.")
    known: ClassVar[str] = "no setting"


class Reference(FakeReader):
    pass


READERS = {"files": Files, "python_reference": Reference}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods and readers above instead of the shipped ones."""
    for slug, method in METHODS.items():
        monkeypatch.setattr(method, "slug", slug)
    monkeypatch.setattr(catalog, "methods", lambda: METHODS)
    monkeypatch.setattr(readers, "known", lambda: tuple(READERS), raising=False)
    monkeypatch.setattr(readers, "reader", READERS.__getitem__, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a benchmark of one file."""
    (tmp_path / "recipes" / "held_out").mkdir(parents=True)
    (tmp_path / "recipes" / "held_out" / "quiz.jsonl").write_text('{"question": "What is a list?"}\n')
    return tmp_path


FULL = """\
dataset: python_help
sources:
  - {name: python_reference, reader: python_reference, license: PSF-2.0, chunk: {max_words: 220}}
  - {name: handbook, reader: files, path: inbox/handbook/, license: CC-BY-4.0, optional: true}
teachers:
  writer: {use: default}
stages:
  seed_corpus: [pii]
  generated_instructions:
    - grounded_qa: {per_passage: 3}
    - evol_instruct: {rounds: 1}
  preference_pairs:
    - ultrafeedback
  filtered_mix:
    of: preference_pairs
    filters: [answer_rules, {decontaminate: {against: recipes/held_out/}}]
    deduplicate: {minhash: {bands: 7}}
    select: nearby
    mix: {temperature: {alpha: 0.3}}
    measure: [distinct, {distinct: {n: 3}}]
budget: {usd_per_run: 5.00, tokens_per_run: 5_000_000}
expect: {min_keep_rate: 0.3}
seed: 7
"""


@pytest.fixture
def parse(world: None, root: Path) -> Callable[[str], Recipe]:
    return lambda text: parse_recipe(text, root / "recipes" / "r.yaml", root)


@pytest.fixture
def problems(parse: Callable[[str], Recipe]) -> Callable[[str], list[Problem]]:
    def of(text: str) -> list[Problem]:
        with pytest.raises(RecipeError) as caught:
            parse(text)
        return list(caught.value.problems)

    return of
