"""What stands behind a stage's fingerprint, in words: written down with the first version made by it, compared later.

A fingerprint says that something changed. This says what: "prompt EVOLVE[deepen] of evol_instruct was edited".
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synth_dagster.recipe.model import Recipe, Step, step_answerers, step_files
from synth_dagster.recipe.reading import read_for
from synth_dagster.recipe.wording import as_parts
from synth_dagster.records import Json

Makeup = Mapping[str, Any]


def makeup_of(
    recipe: Recipe,
    stage: str,
    *,
    teachers: Mapping[str, Mapping[str, Json]],
    root: Path,
    source: str,
) -> dict[str, Json]:
    """What the fingerprint of a stage's batch is made of; nothing for one that is taken over as it was delivered."""
    asked = recipe.stage(stage)
    if stage in recipe.adopting(source):
        return {}
    work = {step.key: step for step in asked.steps} | read_for(recipe.stages, stage)
    steps: dict[str, Json] = {key: _step(step, root) for key, step in work.items()}
    terms: Json = recipe.source(source).terms(root) if asked.reads is None else None
    return {"steps": steps, "teachers": step_answerers(work.values(), teachers), "terms": terms}


def _step(step: Step, root: Path) -> dict[str, Json]:
    method = step.method
    about: dict[str, Json] = {
        "slug": method.slug,
        "version": method.version,
        "settings": method.model_dump(mode="json"),
    }
    return about | {"files": list(step_files(step, root))} | as_parts(type(method))


def differences(before: Makeup, now: Makeup) -> list[str]:
    """What is not as it was, a phrase each; empty where nothing of it can be named."""
    return list(dict.fromkeys(_differences(before, now)))


def _differences(before: Makeup, now: Makeup) -> Iterator[str]:
    old, new = before.get("steps", {}), now.get("steps", {})
    for key, step in new.items():
        if key not in old or old[key]["slug"] != step["slug"]:
            yield f"{key} is new"
        else:
            yield from _of_step(step["slug"], old[key], step)
    yield from (f"{key} is no longer there" for key in old if key not in new)
    if list(old) != list(new) and set(old) == set(new):
        yield "the order of steps changed"
    were, are = before.get("teachers", {}), now.get("teachers", {})
    yield from (f"the role {role} changed" for role in sorted(were | are) if were.get(role) != are.get(role))
    if before.get("terms") != now.get("terms"):
        yield "what the recipe says of the source changed"


def _of_step(slug: str, old: Makeup, new: Makeup) -> Iterator[str]:
    for name in _edited(old["prompts"], new["prompts"]):
        yield f"prompt {name} of {slug} was edited"
    for name in _edited(old["forms"], new["forms"]):
        yield f"form {name} of {slug} was edited"
    for name in _changed(old["settings"], new["settings"]):
        yield f"{name} of {slug} changed"
    if old["version"] != new["version"]:
        yield f"{slug} is another version ({old['version']}, now {new['version']})"
    if old["files"] != new["files"]:
        yield f"a file that {slug} reads changed"


def _changed(old: Makeup, new: Makeup) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _edited(old: Makeup, new: Makeup) -> list[str]:
    """The names of what changed; a table of which several entries changed is named once."""
    names = _changed(old, new)
    tables = [name.partition("[")[0] for name in names]
    return list(dict.fromkeys(t if tables.count(t) > 1 else name for name, t in zip(names, tables, strict=True)))
