"""What the judgments of pairs say of the judge who gave them: whether the order of answers sways it, or their length.

arXiv:2306.05685, section 4. Counted over all that it judged, ties and judgments without a verdict too, since a judge
that always prefers what it is shown first leaves no pair behind, and so nothing to see among those that stayed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import pyarrow as pa

from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.parts.asking.judging import Winner, about_the_judge
from synth_dagster.recipe import Recipe

JUDGE = "judge_pairwise"
JUDGED_BY = ("attributes", "chosen", "rejected")


def judges_pairs(recipe: Recipe, stage: str) -> bool:
    """Whether a judge looks at the pairs of a stage."""
    known = recipe.stages.get(stage)
    return known is not None and any(step.slug == JUDGE for step in known.steps)


def judged_by_stage(
    lake: Lake, recipe: Recipe | None, chains: Iterable[Sequence[Candidate]]
) -> dict[str, Mapping[str, float]]:
    """Stage -> what is said of its judge, over the versions of its batches."""
    tables: dict[str, list[pa.Table]] = {}
    for version in (version for chain in chains for version in chain):
        if recipe and judges_pairs(recipe, version.stage):
            tables.setdefault(version.stage, []).append(lake.candidate_table(version, JUDGED_BY))
    return {stage: of_judge(pa.concat_tables(parts)) for stage, parts in tables.items()}


def of_judge(pairs: pa.Table) -> Mapping[str, float]:
    """The numbers of `about_the_judge` over the pairs that have judgments."""
    matches: list[tuple[Winner, Winner]] = []
    lengths: list[tuple[int, int]] = []
    own, gaps = 0, list[float]()
    for attributes, *sides in zip(*(pairs[name].to_pylist() for name in JUDGED_BY), strict=True):
        known = json.loads(attributes) if attributes else {}
        found = known.get(JUDGE)
        if not found:
            continue
        sizes = [sum(len(turn["content"] or "") for turn in side) for side in sides]
        # a pair that was turned round stands the other way round now
        matches.append(tuple(found["games"]))
        lengths.append((sizes[1], sizes[0]) if found.get("turned") else (sizes[0], sizes[1]))
        gaps += [abs(found["swap_gap"])] if "swap_gap" in found else []
        own += family(found["judge"]) in {family(known.get(side)) for side in ("chosen_model", "rejected_model")}
    if not matches:
        return {}
    gap = {"swap_gap": round(fmean(gaps), 4)} if gaps else {}  # of judgments by log-probabilities alone
    return {**about_the_judge(matches, lengths), "of_its_own_family": own, **gap}


def family(model: str | None) -> str | None:
    """The name of a model up to its first number, mark or size: gpt of "openai/gpt-4o-mini"."""
    if not model:
        return None
    name = model.lower().rsplit("/", 1)[-1]
    return name[: next((place for place, sign in enumerate(name) if not sign.isalpha()), len(name))] or name
