"""How far a source, a model, a prompt or a run reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synth_dagster.explorer.html import Html, figure, joined, link, part_of, section, table, tag, url
from synth_dagster.explorer.question import Question, Shown
from synth_dagster.explorer.record import RECORDS, of_record
from synth_dagster.governance.reach import Asked, Reach, first, reach

KINDS = {"source": "source", "model": "model_id", "prompt": "prompt_hash", "run": "run_id"}  # and its column
SOME = 20


def reach_page(kind: str, asked: Question) -> Shown:
    """What the records of a source, a model, a prompt or a run have become. Raises UnknownName with known names."""
    word = asked.path["word"]
    dataset = asked.query.get("dataset") or None
    with asked.explorer.reading_all():
        found = reach(asked.lake, replace(Asked(dataset=dataset), **{kind: word}), asked.now)
    some = first(asked.now, found, SOME)
    meant = found.asked[KINDS[kind]]
    title = f"{kind} {meant}"
    body = joined(
        [
            tag("h1", title),
            _links(kind, meant, dataset),
            section(
                "Its records",
                _stages(found.stages),
                _rejected(found),
                table(RECORDS, map(of_record, some), caption="By id" + part_of(len(some), len(found.found))),
            ),
            section(f"Made of them: {len(found.made_of_them):,} records", _stages(found.stages_below)),
            section("In releases", _releases(found.releases)),
            *_prompts(found),
        ]
    )
    return Shown(title, found.as_json() | {"first": some}, body)


def _links(kind: str, meant: str, dataset: str | None) -> Html:
    ways = [link("All its records", url("search", dataset=dataset, **{KINDS[kind]: meant}))]
    if kind == "source":
        ways.append(link("Erase preview", url("erase", dataset=dataset, source=meant)))
    ways.append(link("JSON", url(kind, meant, dataset=dataset, format="json")))
    return tag("p", *(joined([way, " · " if way is not ways[-1] else None]) for way in ways))


def _rejected(found: Reach) -> Html | None:
    """The pairs that name another model: the search, which goes by the name of a record, does not list them."""
    count = found.by_rejected_answer
    said = (
        f"Of {count:,} of them, pairs of answers, it wrote the rejected answer alone. The search does not list these."
    )
    return tag("p", said) if count else None


def _stages(stages: Sequence[Mapping[str, Any]]) -> Html:
    rows = [[one["dataset"], one["stage"], one["records"], one["batches"], figure(one["status"])] for one in stages]
    return table(("dataset", "stage", "records", "batches", "status"), rows, caption="By stage", empty="None.")


def _releases(releases: Sequence[Mapping[str, Any]]) -> Html:
    rows = [
        [
            link(one["release"], url("release", one["dataset"], one["release"])),
            one["state"] or "",
            one["kept"],
            figure(one["dropped"]),
        ]
        for one in releases
    ]
    heads = ("release", "state", "kept", "dropped")
    return table(heads, rows, caption="What releases decided about them", empty="No release has judged one of them.")


def _prompts(found: Reach) -> list[Html]:
    return [
        section(f"Prompt {hashed[:12]}", *(tag("pre", f"{part}\n{text}") for part, text in told.items()))
        for hashed, told in found.prompts.items()
    ]
