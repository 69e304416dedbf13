"""What AgentInstruct (arXiv:2407.03502) makes of a text: skills, the forms that a seed takes, and the kinds of task.

The paper names 17 skills and more than 100 kinds of task, and publishes neither prompts nor the list of kinds. All of
its skills are here, named after its table as two published notes on the paper list that; kinds and words are ours.
Fifteen are also parts of the data set that its authors released, microsoft/orca-agentinstruct-1M-v1, as its page lists
them; that has none for tool use and none for web agents. They are data, lines of agent_skills.txt: skill | part | name
| how. A project adds its own as rows of a file with these fields. A part is a form, a kind of task about the text, or a
free kind, a task that the text only gives rise to: whoever does it does not have the text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from synth_dagster.errors import MethodError, no_such

T = TypeVar("T")

Part: TypeAlias = Literal["form", "kind", "free"]
IDENTITY = "identity"  # the form of a seed that stays as it is
TOOL_USE = "tool_use"
ABSTAINS = frozenset({"missing_function", "missing_argument"})  # kinds of tool use in which nothing can be called


@dataclass(frozen=True, slots=True)
class Skill:
    """The forms and kinds of a skill: name -> what is asked for; and which kinds are done without the text."""

    forms: Mapping[str, str]
    kinds: Mapping[str, str]
    free: frozenset[str] = frozenset()


def skills_of(rows: Iterable[Mapping[str, object]] = ()) -> dict[str, Skill]:
    """The skills that come with the project, and those of a file. Raises MethodError for a row that is none."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for skill, part, name, how in [*_lines(), *map(_of_row, rows)]:
        found.setdefault(skill, {one: {} for one in get_args(Part)})[part][name] = how
    return {name: _skill(name, parts) for name, parts in found.items()}


def chosen(
    known: Mapping[str, Skill], skills: Sequence[str], forms: Sequence[str], kinds: Sequence[str]
) -> dict[str, Skill]:
    """The skills of these names with their forms and kinds of these names; where none is named, all."""
    found = {
        name: Skill(_named(one.forms, forms), _named(one.kinds, kinds), one.free)
        for name, one in _named(known, skills).items()
    }
    return {name: one for name, one in found.items() if one.forms and one.kinds}


def no_such_name(
    known: Mapping[str, Skill], skills: Sequence[str], forms: Sequence[str], kinds: Sequence[str]
) -> str | None:
    """What is wrong with the first of these names that is none, or None."""
    those = _named(known, skills).values()
    there = {
        "skill": (skills, set(known)),
        "form of these skills": (forms, {name for one in those for name in one.forms}),
        "kind of these skills": (kinds, {name for one in those for name in one.kinds}),
    }
    told = (no_such(what, name, names) for what, (asked, names) in there.items() for name in asked if name not in names)
    return next(told, None)


def _named(there: Mapping[str, T], names: Sequence[str]) -> Mapping[str, T]:
    """Those of the names, or all where none is named."""
    return {name: how for name, how in there.items() if name in names or not names}


def _skill(name: str, parts: Mapping[str, Mapping[str, str]]) -> Skill:
    kinds = {**parts["kind"], **parts["free"]}
    if not kinds:
        raise MethodError(f"The skill '{name}' has forms and no kind of task. Add a row with 'part': 'kind' or 'free'.")
    return Skill(parts["form"] or {IDENTITY: ""}, kinds, frozenset(parts["free"]))


def _lines() -> list[tuple[str, str, str, str]]:
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    cells = (tuple(cell.strip() for cell in line.split("|")) for line in lines)
    return [(skill, part, name, how) for skill, part, name, how in cells]


def _of_row(row: Mapping[str, object]) -> tuple[str, str, str, str]:
    skill, part, name, how = (str(row.get(key) or "").strip() for key in ("skill", "part", "name", "how"))
    if part not in get_args(Part) or not skill or not name or not (how or name == IDENTITY):
        raise MethodError(
            "A row of a taxonomy needs 'skill', 'part' (form, kind or free), 'name' and 'how', and one has "
            f"{sorted(row)} with part '{part}'. Complete it."
        )
    return skill, part, name, how
