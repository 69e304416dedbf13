"""A recipe of the gallery, run through its real stages by programs: what came of it, and what that cost."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from synth_dagster.catalog import methods
from synth_dagster.lake.findings import held
from synth_dagster.lake.lake import Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe, load_recipe
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.tryout import try_out
from synth_dagster.runner.verdicts import VERDICTS
from tests.gallery.answering import Answering, teacher_of

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes/gallery"
PAGES = ROOT / "docs/gallery"
SHOWN = 3
ALL_OF_IT = 100_000  # more passages than any recipe of the gallery has

Row = Mapping[str, Any]


def slugs() -> list[str]:
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def is_chain(slug: str) -> bool:
    """Whether a recipe shows several methods that belong together, and not the one that it is named after."""
    return slug not in methods()


@dataclass(frozen=True)
class Example:
    """What a run of a gallery recipe left behind."""

    recipe: Recipe
    rows: Mapping[tuple[str, bytes], Row]  # by stage and record id, eliminated ones too
    kept: Sequence[Row]  # the release
    rejects: Sequence[Row]
    verdicts: Sequence[Row]
    held: Sequence[str]  # guard:kind of each record that a guard kept from the stages after it
    causes: Sequence[str]
    calls: int
    tokens: int

    @property
    def drops(self) -> Mapping[str, int]:
        """step:reason -> how many answers, inputs and records went no further for it, each counted once."""
        eliminated = {record for (_, record), row in self.rows.items() if row["status"] == "eliminated"}
        current = {record for (_, record), row in self.rows.items() if row["status"] == "current"}
        reasons = [f"{row['step']}:{row['reason']}" for row in self.rejects if row["record_id"] not in eliminated]
        reasons += [row["reason"] for row in self.rows.values() if row["status"] == "eliminated"]
        reasons += [
            row["reason"] for row in self.verdicts if row["verdict"] == "dropped" and row["record_id"] in current
        ]
        return dict(sorted(Counter([*reasons, *self.held]).items()))

    @property
    def judged(self) -> int:
        """How many records of the mix's stage were decided about."""
        return sum(stage == self.recipe.mix.of and row["status"] == "current" for (stage, _), row in self.rows.items())

    @property
    def written(self) -> int:
        """How many of what was kept a model wrote; where it only judged, all."""
        return sum(row["model_id"] is not None for row in self.kept) or len(self.kept)

    def shown(self) -> list[Row]:
        """Three of what was kept, of different makers and spread over the release."""
        order = sorted(self.kept, key=lambda row: (row["synthetic_depth"] == 0, row["record_id"]))
        written = [row for row in order if row["synthetic_depth"]]
        written = written or [row for row in order if row["method"] == self.recipe.dataset] or order
        step = max(1, len(written) // SHOWN)
        return written[::step][:SHOWN]

    def origins(self, row: Row) -> list[Row]:
        """What a record was made from: its parents, or theirs where a step only took them over."""
        found: list[Row] = []
        for parent in self.rows[self.recipe.mix.of, row["record_id"]]["parents"]:
            record = self.rows.get((parent["stage"], parent["record_id"]))
            found += [record] if record and record["method"] != "carry" else self.origins(record) if record else []
        return found


@cache
def example(slug: str) -> Example:
    """The recipe, run once in this process."""
    recipe = load_recipe(RECIPES / f"{slug}.yaml", root=ROOT)
    teachers = Answering(teacher_of(slug))
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(folder)
        context = RunContext(
            recipe=recipe, lake=lake, teachers=teachers, places=Places(ROOT), run_id="gallery", session_id="gallery"
        )
        causes = try_out(context, ALL_OF_IT).causes
        return Example(
            recipe=recipe,
            rows={(stage, row["record_id"]): row for stage in recipe.stages for row in _rows(lake, recipe, stage)},
            kept=_rows(lake, recipe, recipe.mix.name),
            rejects=_rows(lake, recipe, "rejects"),
            verdicts=_rows(lake, recipe, VERDICTS),
            held=_held(lake, recipe),
            causes=causes,
            calls=teachers.metered.usage.calls,
            tokens=teachers.metered.usage.tokens_in + teachers.metered.usage.tokens_out,
        )


def _rows(lake: Lake, recipe: Recipe, stage: str) -> list[Row]:
    there = stage in lake.table_names(recipe.dataset)
    return lake.read(recipe.dataset, stage).to_pylist() if there else []


def _held(lake: Lake, recipe: Recipe) -> list[str]:
    """Of the stages before the last: what is held there has a verdict, too."""
    earlier = [stage for stage in recipe.stages if stage != recipe.mix.of]
    versions = [one for stage in earlier for one in lake.accepted_all(recipe.dataset, stage).values()]
    return [why for version in versions for why in held(lake, version).values()]
