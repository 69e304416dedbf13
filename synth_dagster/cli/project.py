"""The project that a command works on: found from where one stands, loaded by path, with Dagster's instance opened."""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.storage.folder import is_full

if TYPE_CHECKING:
    import dagster as dg

    from synth_dagster.lake.lake import Lake
    from synth_dagster.recipe import Recipe

MARKS = ("definitions.py", "workspace.yaml")
DEFAULT_RECIPE = "python_help"


class NoProject(SynthError):
    """No project stands here or above."""

    exit_code = ExitCode.USAGE


class NoRecipe(SynthError):
    """No recipe was named, and none is the obvious one."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Project:
    """A folder with definitions.py, recipes and a lake."""

    root: Path

    @cached_property
    def definitions(self) -> ModuleType:
        """The project's definitions.py."""
        return self._module("definitions")

    @cached_property
    def environment(self) -> Any:
        """Where data stands, by SYNTH_ENV; the class is the project's own (`resources.environments`)."""
        return self._module("resources.environments").environment(self.root, os.environ)

    def _module(self, name: str) -> ModuleType:
        """A module of the project. It is found by the project's folder: the library imports no project by name."""
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        return importlib.import_module(name)

    @cached_property
    def lake(self) -> "Lake":
        return self.environment.open_lake()

    def recipe(self, name: str | None) -> "Recipe":
        """The recipe of that file or dataset. Raises RecipeError with all its mistakes, and UnknownName."""
        from synth_dagster.recipe import load_recipe

        return load_recipe(self._recipe_path(name or self._default()), root=self.root)

    def _recipe_path(self, name: str) -> Path:
        given = Path(name)
        if given.suffix in (".yaml", ".yml") and given.exists():
            return given.resolve()
        from synth_dagster.errors import UnknownName, nearest
        from synth_dagster.recipe.read import dataset_of

        known = {**self._gallery(), **self._recipes()}
        stem = given.stem if given.suffix in (".yaml", ".yml") else name
        if stem in known:
            return known[stem]
        for path in self._recipes().values():  # the file may be called otherwise than the dataset that it makes
            if (claim := dataset_of(path.read_text(encoding="utf-8", errors="replace"))) and claim[0] == name:
                return path
        # the gallery's names are meant by who misspells one, and are no list of what is here
        listed = known if nearest(name, known) else self._recipes()
        raise UnknownName("recipe", name, listed, f"Recipes stand in {self.root / 'recipes'}.")

    def _recipes(self) -> Mapping[str, Path]:
        return _recipes_in(self.root / "recipes")

    def _gallery(self) -> Mapping[str, Path]:
        """Small recipes, one for each method, that run when they are named and are no assets until then."""
        return _recipes_in(self.root / "recipes" / "gallery")

    def _default(self) -> str:
        known = self._recipes()
        if DEFAULT_RECIPE in known:
            return DEFAULT_RECIPE
        if len(known) == 1:
            return next(iter(known))
        if not known:
            raise NoRecipe(f"No recipe stands in {self.root / 'recipes'}. docs/recipes.md shows how to write one.")
        raise NoRecipe(f"Which recipe is meant: {', '.join(known)}? Name it, as in 'synth run {next(iter(known))}'.")

    def dataset(self, name: str | None) -> str:
        """The dataset that a reading command means: the named one, the only one, or that of the last run."""
        from synth_dagster.errors import UnknownName

        known = self.lake.datasets()
        if name is not None:
            if name not in known:
                raise UnknownName("dataset", name, known, "'synth run' makes one from a recipe.")
            return name
        if not known:
            raise SynthError("Nothing has been made yet. 'synth run' makes the default dataset.")
        last = self.lake.sessions.last()
        return last.dataset if last is not None and last.dataset in known else min(known)

    @contextmanager
    def instance(self) -> Iterator["dg.DagsterInstance"]:
        """The project's Dagster instance, the one that `make ui` opens. DAGSTER_HOME names another."""
        import dagster as dg
        from dagster._core.instance.ref import InstanceRef  # the public constructors cannot anchor relative paths

        from synth_dagster.cli.compute_logs import steady
        from synth_dagster.cli.dagster_storage import kept

        home = Path(os.environ.get("DAGSTER_HOME") or self.root)
        blocks = _storage(home)
        ours = {"storage": kept, "compute_logs": steady}
        overrides = {name: ours[name](block) if name in ours else block for name, block in blocks.items()}
        # one at a time: two processes that make Dagster's databases at once leave them broken for good (1.13.27)
        with self.lake.lease("dagster", "exclusive"), _in_words(home):
            opened = dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides))
        with opened as instance, _written_in_words(home):
            yield instance


def _recipes_in(folder: Path) -> Mapping[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.y*ml"))}


@contextmanager
def _in_words(home: Path) -> Iterator[None]:
    """What keeps Dagster's instance from opening, in one sentence: its database is down, or a variable is not set."""
    try:
        yield
    except Exception as error:  # of Dagster, of its storage, of that one's driver
        _raise_if_full(home, error)
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise SynthError(
            f"Dagster's instance of {home / 'dagster.yaml'} cannot be opened: {said}. Start its database, or correct "
            "that file and the variables that it names."
        ) from error


@contextmanager
def _written_in_words(home: Path) -> Iterator[None]:
    """A database of Dagster's that fails in the middle of a command, in one sentence."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, OSError) as error:
        _raise_if_full(home, error)
        if not isinstance(error, DBAPIError):
            raise
        said = str(error.orig or error).strip().split("\n", 1)[0]
        raise SynthError(
            f"Dagster's storage of {home / 'dagster.yaml'} failed: {said}. Repair its database and run the command "
            "again; what was accepted and what the teacher answered is kept."
        ) from error


def _raise_if_full(home: Path, error: Exception) -> None:
    """Dagster and SQLite say in several ways that there is no room."""
    folder = home / ".dagster" if (home / ".dagster").is_dir() else home
    if is_full(error, folder):
        raise SynthError(
            f"The disk under {folder} is full: Dagster cannot write down its runs. Make room and run the command "
            "again; what was accepted and what the teacher answered is kept."
        ) from error


STORAGE = ("storage", "local_artifact_storage", "compute_logs")


def _storage(home: Path) -> dict[str, Any]:
    """The storage blocks of dagster.yaml; their relative folders mean its own, from wherever a command is called."""
    import yaml

    file = home / "dagster.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8")) or {} if file.is_file() else {}
    return {name: _anchored(config[name], home) for name in STORAGE if name in config}


def _anchored(value: Any, home: Path) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: str(home / inner) if name == "base_dir" and isinstance(inner, str) else _anchored(inner, home)
        for name, inner in value.items()
    }


def open_project(given: Path | None) -> Project:
    """The project in a folder or the nearest one above. Raises NoProject with what to do."""
    start = (given or Path.cwd()).resolve()
    for folder in [start] if given else [start, *start.parents]:
        if all((folder / mark).is_file() for mark in MARKS):
            return Project(folder)
    raise NoProject(
        f"No project in {start}{'' if given else ' or above'}: it has {' and '.join(MARKS)}. "
        "Change into one, name it with --project, or begin one with 'synth new DIR'."
    )
