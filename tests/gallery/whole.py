"""A recipe of the gallery run as a person runs it: `synth run` in a project of their own, with every gate.

The recipe's program answers behind an endpoint on loopback; where the page was written by the embedded teacher, that
one does, in its own process.
"""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import dagster as dg

from synth_dagster.cli.project import Project
from tests.cli.project import Done, Place
from tests.gallery.answering import Embedded, teacher_of
from tests.gallery.example import PAGES, Example, left_behind
from tests.gallery.index import CALLS
from tests.gallery.served import Served


@dataclass(frozen=True)
class Standing:
    """What there is of a dataset: Dagster's runs of it, its releases, and how many requests its teachers ever got."""

    runs: Mapping[str, str]  # run id -> status
    releases: tuple[str, ...]
    requests: int


@dataclass(frozen=True)
class Whole:
    """Two runs of a recipe, one after the other."""

    first: Done
    after_first: Standing
    second: Done
    after_second: Standing
    left: Example
    paid: int  # requests of methods, without what the gateway asks of its own
    cached: int
    checks: Mapping[tuple[str, str], bool]  # asset, check -> whether it held, for those that may close a gate
    warnings: Mapping[tuple[str, str], bool]
    verified: Done
    traced: Done


def run_whole(place: Place, slug: str) -> Whole:
    """`synth run`, twice, then `synth verify`, and `synth trace` of a kept record."""
    program = teacher_of(slug)
    served = None if type(program) is Embedded else Served(program)
    with served or nullcontext():
        env = {} if served is None else addressed(served, slug)
        first = place.call("run", slug, **env)
        assert first.code == 0, first.out + first.err
        before = standing(place, slug, served)
        second = place.call("run", slug, **env)
    project = Project(place.root)
    recipe, lake = project.recipe(slug), project.lake
    left, usage = left_behind(recipe, lake, [], calls=0, tokens=0), lake.sessions.usage(dataset=slug)
    kept = max(row["record_id"] for row in left.kept).hex()
    blocking, informing = checked(project, before)
    return Whole(
        first=first,
        after_first=before,
        second=second,
        after_second=standing(place, slug, served),
        left=left,
        paid=usage.calls - (0 if served is None else served.repairs + len(served.probes)),
        cached=usage.cached,
        checks=blocking,
        warnings=informing,
        verified=place.call("verify", "latest", "--dataset", slug),
        traced=place.call("trace", kept, "--json"),
    )


def addressed(served: Served, slug: str) -> dict[str, str]:
    """The environment in which that program answers; what another of the same name has answered is not taken for it."""
    model = ",".join(served.program.models)
    return {"OPENAI_BASE_URL": served.url, "SYNTH_MODEL": model, "SYNTH_ANSWERS": f"answers/{slug}.sqlite"}


def standing(place: Place, slug: str, served: Served | None) -> Standing:
    project = Project(place.root)
    usage = project.lake.sessions.usage(dataset=slug)
    with project.instance() as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(tags={"dataset": slug}))
    return Standing(
        runs={run.run_id: run.status.value for run in runs},
        releases=tuple(one.release for one in project.lake.meta.releases(slug)),
        requests=usage.calls if served is None else served.calls,
    )


def checked(project: Project, standing: Standing) -> tuple[dict[tuple[str, str], bool], dict[tuple[str, str], bool]]:
    """What Dagster has on record of the checks of these runs: those that may close a gate, and those that inform."""
    blocking: dict[tuple[str, str], bool] = {}
    informing: dict[tuple[str, str], bool] = {}
    with project.instance() as instance:
        for run_id in standing.runs:
            for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                seen = entry.get_dagster_event().asset_check_evaluation_data
                of = blocking if seen.severity == dg.AssetCheckSeverity.ERROR else informing
                key = seen.asset_key.path[-1], seen.check_name
                of[key] = of.get(key, True) and seen.passed
    return blocking, informing


@dataclass(frozen=True)
class Told:
    """The numbers of a page of the gallery."""

    judged: int
    kept: int
    calls: float
    drops: Mapping[str, int]


def page_of(slug: str) -> Told:
    page = (PAGES / f"{slug}.md").read_text(encoding="utf-8")

    def number(name: str) -> str:
        found = re.search(rf"^\| {name} \| (.+) \|$", page, re.MULTILINE)
        assert found, name
        return found[1].replace(",", "")

    drops = re.findall(r"^\| `(\S+)` \| ([\d,]+) \|", page, re.MULTILINE)
    return Told(
        judged=int(number("records that were decided about")),
        kept=int(number("kept")),
        calls=float(number(CALLS).replace("none", "0")),
        drops={reason: int(count.replace(",", "")) for reason, count in drops},
    )


def seeds_of(traced: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a traced record came from that was made of nothing itself."""
    children = {edge["child"] for edge in traced["edges"]}
    everyone = [traced["record"], *traced["ancestors"]]
    return [one for one in everyone if one["record_id"] not in children]
