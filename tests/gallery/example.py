"""A recipe of the gallery, run through its real stages by programs: what came of it, and what that cost."""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from synth_dagster.catalog import methods
from synth_dagster.lake.findings import held
from synth_dagster.lake.lake import Lake
from synth_dagster.readers.base import Item
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe, load_recipe
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.deliveries import passages
from synth_dagster.runner.plan import source_items
from synth_dagster.runner.tryout import try_out
from synth_dagster.runner.verdicts import VERDICTS
from tests.gallery.answering import Answering, teacher_of
from tests.gallery.gone import gone

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
    delivered: Mapping[bytes, str] = field(default_factory=dict)  # the passages as they came, also what was emptied

    @cached_property
    def _gone(self) -> list[tuple[str, str]]:
        return list(gone(self.rows, self.rejects, self.verdicts))

    @property
    def drops(self) -> Mapping[str, int]:
        """step:reason -> how many answers, inputs and records went no further for it, each counted once."""
        return dict(sorted(Counter([*(reason for reason, _ in self._gone), *self.held]).items()))

    @property
    def dropped(self) -> Mapping[str, str]:
        """step:reason -> one of the texts that went no further for it; of what a guard holds none is told."""
        return {reason: text for reason, text in sorted(self._gone, reverse=True) if text.strip()}

    @property
    def judged(self) -> int:
        """How many records of the mix's stage were decided about."""
        return sum(stage == self.recipe.mix.of and row["status"] == "current" for (stage, _), row in self.rows.items())

    @property
    def written(self) -> int:
        """How many of what was kept a model wrote; where it only judged, all."""
        return sum(row["model_id"] is not None for row in self.kept) or len(self.kept)

    def shown(self) -> list[Row]:
        """Three of what was kept, spread over the release and as unlike in makers, origins and attributes as may be."""
        order = sorted(self.kept, key=lambda row: (row["synthetic_depth"] == 0, row["record_id"]))
        own = [row for row in order if row["method"] == self.recipe.dataset]
        written = [row for row in order if row["synthetic_depth"]]
        candidates = own if len(own) >= SHOWN else written or own or order
        step = max(1, len(candidates) // SHOWN)
        ahead = [*candidates[::step], *(row for place, row in enumerate(candidates) if place % step)]
        chosen, seen = ahead[:1], self._traits(ahead[0])
        while len(chosen) < min(SHOWN, len(ahead)):
            rest = [row for row in ahead if row not in chosen]
            chosen.append(min(rest, key=lambda row: len(seen & self._traits(row))))
            seen |= self._traits(chosen[-1])
        return chosen

    def _traits(self, row: Row) -> set[str]:
        """What two examples should not share."""
        made = {f"from {one['record_id'].hex()}" for one in self.origins(row)}
        told = {f"{name}: {value}" for name, value in json.loads(row["attributes"]).items()}
        return made | told | {f"by {row['method']}"}

    def origins(self, row: Row) -> list[Row]:
        """What a record was made from: its parents, or theirs where a step only took them over."""
        found: list[Row] = []
        for parent in self.rows[self.recipe.mix.of, row["record_id"]]["parents"]:
            record = self.rows.get((parent["stage"], parent["record_id"]))
            found += [record] if record and record["method"] != "carry" else self.origins(record) if record else []
        return found

    def before(self, row: Row) -> list[Row]:
        """What a record was made from, of which the text is still known: where the lake has emptied it, as it came."""
        known: list[Row] = []
        for one in {one["record_id"]: one for one in self.origins(row)}.values():
            delivered = self.delivered.get(one["record_id"])
            known += [one] if one.get("text") != "" else [{**one, "text": delivered}] if delivered else self.before(one)
        return known


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
        usage = teachers.metered.usage
        left = left_behind(recipe, lake, causes, calls=usage.calls, tokens=usage.tokens_in + usage.tokens_out)
        return replace(left, delivered=_delivered(context))


def left_behind(recipe: Recipe, lake: Lake, causes: Sequence[str], *, calls: int, tokens: int) -> Example:
    """What stands in the lake after a run."""
    return Example(
        recipe=recipe,
        rows={(stage, row["record_id"]): row for stage in recipe.stages for row in _rows(lake, recipe, stage)},
        kept=_rows(lake, recipe, recipe.mix.name),
        rejects=_rows(lake, recipe, "rejects"),
        verdicts=_rows(lake, recipe, VERDICTS),
        held=_held(lake, recipe),
        causes=causes,
        calls=calls,
        tokens=tokens,
    )


def _delivered(context: RunContext) -> dict[bytes, str]:
    """The text of each passage, as its source has it."""
    name = context.recipe.dataset
    items = [(source, item) for source in context.recipe.sources for item in source_items(context, source)]
    roots = [passages(name, "", source, "", item) for source, item in items if isinstance(item, Item)]
    return {root.record_id: root.body for some in roots for root in some}


def _rows(lake: Lake, recipe: Recipe, stage: str) -> list[Row]:
    there = stage in lake.table_names(recipe.dataset)
    return lake.read(recipe.dataset, stage).to_pylist() if there else []


def _held(lake: Lake, recipe: Recipe) -> list[str]:
    """Of the stages before the last: what is held there has a verdict, too."""
    earlier = [stage for stage in recipe.stages if stage != recipe.mix.of]
    versions = [one for stage in earlier for one in lake.accepted_all(recipe.dataset, stage).values()]
    return [why for version in versions for why in held(lake, version).values()]
