"""Reads a recipe's text into a Recipe, and collects every mistake on the way instead of stopping at the first.

Each section is read as far as it can be. What hangs on something broken is left alone, so that one mistake is one
problem.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, create_model

from synth_dagster.errors import RecipeError, no_such
from synth_dagster.licences.terms import Terms
from synth_dagster.recipe.draft import NAME_RULE, Draft, is_name, known_readers, problem_of, role_settings
from synth_dagster.recipe.model import Recipe, Source
from synth_dagster.recipe.publication import NOTHING_SAID, PublicationSettings
from synth_dagster.recipe.sections import (
    ApprovalSettings,
    BudgetSettings,
    Expectations,
    Freshness,
    SourceSettings,
    UseSettings,
)
from synth_dagster.recipe.settings import SECRET, shown, shown_name
from synth_dagster.recipe.stages import Graph, read_stages
from synth_dagster.recipe.steps import input_fault
from synth_dagster.recipe.tree import NotYaml, Plain, Where, read_yaml

if TYPE_CHECKING:
    from synth_dagster.readers.base import Reader
    from synth_dagster.teacher.roles import RoleSettings

M = TypeVar("M", bound=BaseModel)

TOP = (
    *("dataset", "sources", "teachers", "stages", "budget", "expect", "fresh"),
    *("use", "approval", "publication", "licences", "seed"),
)
USUAL_ROLES = ("writer", "judge", "embedder")
ENVIRONMENT = re.compile(r"\$\{\w+\}|^\$[A-Z_]+$")


def read_recipe(text: str, path: Path, root: Path) -> Recipe:
    """The recipe that a text says. Raises RecipeError with all of its mistakes, in the order of the file."""
    file = shown_path(path, root)
    try:
        tree = read_yaml(text)
    except NotYaml as error:
        raise RecipeError([problem_of(file, error.flaw)]) from None
    draft = Draft(tree, file, root)
    recipe = _recipe(draft, text, path)
    if recipe is None or draft.problems:
        raise RecipeError(sorted(draft.problems, key=lambda problem: problem.line))
    return recipe


def dataset_of(text: str) -> tuple[str, int] | None:
    """The dataset that a text claims to make and the line where it does, even if the rest of it is wrong."""
    try:
        tree = read_yaml(text)
    except NotYaml:
        return None
    name = tree.data.get("dataset") if isinstance(tree.data, dict) else None
    return (name, tree.line(("dataset",))) if isinstance(name, str) else None


def shown_path(path: Path, root: Path) -> str:
    """A path as a person of the project names it."""
    for one, base in ((path.absolute(), root.absolute()), (path.parent.resolve() / path.name, root.resolve())):
        if one.is_relative_to(base):
            return one.relative_to(base).as_posix()
    return path.as_posix()


def _recipe(draft: Draft, text: str, path: Path) -> Recipe | None:
    data = draft.tree.data
    if data is None:
        draft.say((), "The file is empty.", "A recipe says at least dataset, sources and stages; see docs/recipes.md.")
        return None
    found = draft.mapping(data, (), "a recipe", TOP)
    if found is None:
        return None
    _refuse_secrets(draft, found, ())
    for name in (name for name in ("dataset", "sources", "stages") if name not in found):
        draft.say((), f"The recipe has no '{name}'.", f"Add '{name}:'; docs/recipes.md shows how.")
    dataset = _dataset(draft, found["dataset"]) if "dataset" in found else None
    seed = _seed(draft, found.get("seed", 0))
    sources = _sources(draft, found["sources"]) if "sources" in found else ()
    all_join = _all_join(found.get("sources"))
    graph = read_stages(draft, found["stages"], seed, all_join=all_join) if "stages" in found else Graph()
    _check_joins(draft, found, graph)
    teachers = _teachers(draft, found.get("teachers", {}), graph)
    budget = _section(draft, BudgetSettings, found, "budget")
    expect = _section(draft, Expectations, found, "expect")
    fresh = _section(draft, Freshness, found, "fresh")
    use = _section(draft, UseSettings, found, "use")
    approval = _section(draft, ApprovalSettings, found, "approval")
    publication = _publication(draft, found, sources)
    own_licences = _licences(draft, found.get("licences", {}))
    if draft.problems or dataset is None or graph.mix is None or not (budget and expect and fresh and use and approval):
        return None
    return Recipe(
        dataset=dataset,
        sources=sources,
        teachers=teachers,
        stages=graph.stages,
        mix=graph.mix,
        budget=budget,
        expect=expect,
        fresh=fresh,
        use=use,
        approval=approval,
        publication=publication or NOTHING_SAID,
        own_licences=own_licences,
        seed=seed,
        path=path,
        text=text,
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        budget_lines={name: draft.tree.line(("budget", name)) for name in BudgetSettings.model_fields},
    )


# ------------------------------------------------------------------------------------------------------- the sections


def _dataset(draft: Draft, value: Plain) -> str | None:
    if is_name(value):
        return str(value)
    draft.say(("dataset",), f"{shown(value)} is no name of a dataset.", NAME_RULE)
    return None


def _seed(draft: Draft, value: Plain) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
        return value
    draft.say(("seed",), f"'seed' is {shown(value)}, and must be a whole number from 0 to {2**31 - 1:_}.")
    return 0


def _section(draft: Draft, model: type[M], found: Mapping[str, Any], name: str) -> M | None:
    values = draft.mapping(found.get(name, {}), (name,), f"'{name}'")
    return draft.settings(model, values, (name,), f"'{name}'") if values is not None else None


def _publication(draft: Draft, found: Mapping[str, Any], sources: Sequence[Source]) -> PublicationSettings | None:
    said = _section(draft, PublicationSettings, found, "publication")
    names = [source.name for source in sources]
    for setting in ("reasons", "public_sources", "translated") if said and sources else ():
        for name in getattr(said, setting):
            if name not in names:
                draft.say(("publication", setting, name), no_such("source", shown_name(name), names))
    return said


def _licences(draft: Draft, value: Plain) -> dict[str, str]:
    """Licence -> its terms in words."""
    found = draft.mapping(value, ("licences",), "'licences'") or {}
    for name, words in found.items():
        try:
            Terms.of("?" if not isinstance(words, str) else words, name)
        except ValueError as error:
            draft.say(("licences", name), f"The terms of {shown_name(name)} cannot be read: {error}.")
    return {str(name): words for name, words in found.items() if isinstance(words, str)}


def _sources(draft: Draft, value: Plain) -> tuple[Source, ...]:
    entries = draft.sequence(value, ("sources",), "'sources'")
    if value == []:
        draft.say(
            ("sources",), "The recipe has no source.", "Add one: - {name: ..., reader: files, path: ..., license: ...}"
        )
    found = [source for number, entry in enumerate(entries) if (source := _source(draft, entry, number))]
    names = [(entry.get("name"), number) for number, entry in enumerate(entries) if isinstance(entry, dict)]
    for name, times in Counter(name for name, _ in names if isinstance(name, str)).items():
        for number in [number for other, number in names if other == name][1:] if times > 1 else ():
            draft.say(("sources", number, "name"), f"Two sources are called {shown(name)}.", "Give one another name.")
    return tuple(found)


def _source(draft: Draft, entry: Plain, number: int) -> Source | None:
    where: Where = ("sources", number)
    values = draft.mapping(entry, where, "a source")
    if values is None:
        return None
    what = f"source '{shown_name(values['name'])}'" if isinstance(values.get("name"), str) else "a source"
    reader = _reader_class(draft, values.get("reader"), where)
    common = {name: item for name, item in values.items() if name in SourceSettings.model_fields}
    if reader is None:  # what else the source says cannot be judged
        draft.settings(SourceSettings, common, where, what)
        return None
    settings = draft.settings(_both(reader), values, where, what)
    if settings is None:
        return None
    read = reader.model_validate({name: getattr(settings, name) for name in reader.model_fields})
    terms = {name: getattr(settings, name) for name in SourceSettings.model_fields if name != "reader"}
    if terms["signals"] and (fault := input_fault(draft.root, terms["signals"])):
        draft.say((*where, "signals"), f"'signals' of {what}: {fault[0]}", fault[1])
        return None
    return Source(**terms, reader=read, reader_name=str(values["reader"]), line=draft.tree.line(where))


def _all_join(sources: Plain) -> bool:
    """Whether every source brings finished records, so that no step has to make any."""
    entries = sources if isinstance(sources, list) else []
    return bool(entries) and all(isinstance(entry, dict) and entry.get("joins") for entry in entries)


def _check_joins(draft: Draft, found: Mapping[str, Any], graph: Graph) -> None:
    """A source joins a row stage that exists, and is then not cut."""
    entries = found["sources"] if isinstance(found.get("sources"), list) else ()
    stages = found["stages"] if isinstance(found.get("stages"), dict) else {}
    unread = set(stages) - {*graph.stages, graph.mix.name if graph.mix else ""}
    for number, entry in enumerate(entries):
        joined = entry.get("joins") if isinstance(entry, dict) else None
        if not isinstance(joined, str) or joined in unread:
            continue  # a stage that could not be read is a problem of its own
        where: Where = ("sources", number)
        if joined not in graph.stages:
            cure = "A source joins a row stage of this recipe; leave 'joins' out for the corpus."
            draft.say((*where, "joins"), no_such("row stage", shown_name(joined), graph.stages, cure))
        elif made := _documents_on_the_way(graph, joined):
            cause = f"Conversations cannot pass '{made}', which holds documents made from others."
            draft.say((*where, "joins"), cause, "Let the source join a stage that does not stand on it.")
        elif graph.stages[joined].reads and entry.get("chunk") is not None:
            cause = f"The source joins '{joined}' with whole conversations, and 'chunk' cuts texts."
            draft.say((*where, "chunk"), cause, "Remove 'chunk', or 'joins'.")


def _documents_on_the_way(graph: Graph, stage: str) -> str | None:
    """The first stage from here up to the sources that holds documents and reads another stage."""
    above: str | None = stage
    while above is not None and above in graph.stages:
        there = graph.stages[above]
        if there.kind == "corpus" and there.reads:
            return there.name
        above = there.reads
    return None


@cache
def _both(reader: type["Reader"]) -> type[BaseModel]:
    """What a source may say: what every source says, and what its reader wants to know."""
    return create_model(reader.__name__, __base__=(reader, SourceSettings))


def _reader_class(draft: Draft, slug: Plain, where: Where) -> type["Reader"] | None:
    readers = known_readers()
    if isinstance(slug, str) and slug in readers:
        return readers[slug]
    if isinstance(slug, str):
        draft.say((*where, "reader"), no_such("reader", shown_name(slug), readers))
    return None


def _teachers(draft: Draft, value: Plain, graph: Graph) -> Mapping[str, "RoleSettings"]:
    model = role_settings()
    values = draft.mapping(value, ("teachers",), "'teachers'") or {}
    used = sorted(graph.roles)
    found = {role: model.model_validate({}) for role in used}
    fallbacks = {
        role: said["fallback"] for role, said in values.items() if isinstance(said, dict) and "fallback" in said
    }
    for role, said in values.items():
        where = ("teachers", role)
        if graph.complete and role not in {*used, *USUAL_ROLES, *map(str, fallbacks.values())}:
            draft.say(
                where, no_such("role", shown_name(role), used or USUAL_ROLES, "No step of this recipe asks for it.")
            )
        settings = draft.mapping(said, where, f"teacher '{shown_name(role)}'")
        if settings is not None and (read := draft.settings(model, settings, where, f"teacher '{shown_name(role)}'")):
            found[role] = read
    _check_fallbacks(draft, {role: one.fallback for role, one in found.items() if one.fallback}, values)
    return dict(sorted(found.items()))


def _check_fallbacks(draft: Draft, fallbacks: Mapping[str, str], declared: Mapping[str, Plain]) -> None:
    """A fallback is another declared role, and going from one to the next comes to an end."""
    circles: set[frozenset[str]] = set()
    for role, fallback in fallbacks.items():
        where = ("teachers", role, "fallback")
        if fallback not in declared:
            draft.say(where, no_such("role", shown_name(fallback), declared, "Declare it under 'teachers'."))
        elif "embedder" in (role, fallback):
            draft.say(where, "The vectors of two models cannot be compared, so the embedder has no part in a fallback.")
        elif role in (way := _way(role, fallbacks)) and frozenset(way) not in circles:
            circles.add(frozenset(way))
            draft.say(where, f"The fallbacks go in a circle: {' -> '.join([role, *way])}.", "Leave one of them out.")


def _way(role: str, fallbacks: Mapping[str, str]) -> list[str]:
    """The roles that are asked after this one, up to the first that comes again."""
    way: list[str] = []
    while (role := fallbacks.get(role, "")) and role not in way:
        way.append(role)
    return way


# --------------------------------------------------------------------------------------------------- what is refused


def _refuse_secrets(draft: Draft, value: Plain, where: Where) -> None:
    """A recipe is stored, hashed and shown: it holds no secret, and reads none."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_secrets(draft, name, (*where, name))
            _refuse_secrets(draft, item, (*where, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_secrets(draft, item, (*where, number))
    elif isinstance(value, str) and SECRET.match(value):
        draft.say(
            where,
            "This looks like a secret, and a recipe is stored and shown.",
            "Keep it in an environment variable, and name that in 'api_key_env'. Replace this one: it was in a file.",
        )
    elif isinstance(value, str) and ENVIRONMENT.search(value):
        draft.say(where, f"A recipe reads no environment variables ({shown(value)}).", "Write the value itself.")
