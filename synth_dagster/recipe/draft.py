"""A recipe on its way: the tree, the problems found so far, and what there is to choose from."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from synth_dagster.errors import Problem, no_such
from synth_dagster.method import Method
from synth_dagster.recipe.sections import NAME
from synth_dagster.recipe.settings import checked, shown, shown_name
from synth_dagster.recipe.tree import Flaw, Plain, Tree, Where

if TYPE_CHECKING:
    from synth_dagster.readers.base import Reader
    from synth_dagster.teacher.roles import RoleSettings

M = TypeVar("M", bound=BaseModel)

NAME_RULE = "It must begin with a small letter and hold only small letters a-z, digits and _, at most 60 in all."


@dataclass
class Draft:
    """A recipe on its way: the tree, and the problems found so far."""

    tree: Tree
    file: str
    root: Path
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems.extend(problem_of(self.file, flaw) for flaw in self.tree.flaws)
        self._refused = {flaw.line for flaw in self.tree.flaws}

    def say(self, where: Where, cause: str, cure: str = "") -> None:
        """Note a mistake. What was refused as YAML is no value, so nothing more is said about its line."""
        line = self.tree.line(where)
        problem = Problem(self.file, line, cause[:1].upper() + cause[1:], cure)
        if line not in self._refused and problem not in self.problems:
            self.problems.append(problem)

    def mapping(self, value: Plain, where: Where, what: str, known: Collection[str] = ()) -> dict[str, Any] | None:
        """The value if it is a mapping; names that are not known are problems and are left out."""
        if not isinstance(value, dict):
            self.say(where, f"{what} must be names with values, and is {shown(value)}.", "Write 'name: value' lines.")
            return None
        unknown = [name for name in value if known and name not in known]
        for name in unknown:
            self.say((*where, name), no_such(f"setting of {what}", shown_name(name), known))
        return {name: item for name, item in value.items() if name not in unknown}

    def sequence(self, value: Plain, where: Where, what: str) -> list[Any]:
        """The value if it is a list, else an empty one and a problem."""
        if isinstance(value, list):
            return value
        cure = "Write [] for none." if value is None else "Write each on a line of its own that begins with '- '."
        self.say(where, f"{what} must be a list, and is {shown(value)}.", cure)
        return []

    def settings(self, model: type[M], values: Mapping[str, Plain], where: Where, what: str) -> M | None:
        """The settings as their model; each wrong one is a problem at its own line."""
        result = checked(model, values, what)
        if not isinstance(result, list):
            return result
        for fault in result:
            self.say((*where, *fault.where), fault.cause, fault.cure)
        return None


def is_name(value: Plain) -> bool:
    """Whether a dataset, source or stage may be called so. `fullmatch`: a final newline is no part of a name."""
    return isinstance(value, str) and len(value) <= 60 and re.fullmatch(NAME.strip("^$"), value) is not None


def problem_of(file: str, flaw: Flaw) -> Problem:
    return Problem(file, flaw.line, flaw.cause, flaw.cure)


# ---- what there is, found when it is asked for


def known_methods() -> Mapping[str, type[Method]]:
    from synth_dagster import catalog

    return catalog.methods()


def known_readers() -> Mapping[str, type["Reader"]]:
    from synth_dagster import readers

    return {slug: readers.reader(slug) for slug in readers.known()}


def role_settings() -> type["RoleSettings"]:
    from synth_dagster.teacher.roles import RoleSettings

    return RoleSettings
