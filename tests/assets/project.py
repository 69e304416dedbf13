"""A project in a temporary folder, run in this process as `synth run` runs it, with programs as its teachers."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from shutil import copy, copytree, rmtree
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

import definitions
from synth_dagster.cli.project import Project
from synth_dagster.cli.run import Session, Told, quiet_dagster
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import RunContext, Silent, TeacherSource
from synth_dagster.services import Teacher
from synth_dagster.teacher.batches.ledger import Collected
from synth_dagster.teacher.usage import RoleUsage

HOME = Path(definitions.__file__).parent

# One sentence each, so that the embedded and the echo teacher have something to ask about.
LINES = (
    "The river Ard rises in the hills of Pell and it reaches the sea near the town of Corran.",
    "A lighthouse was built on the cape in 1871 and it was rebuilt of stone after the storm of 1902.",
    "The market of Sulmar sells wool and cheese and it opens on the first day of the month.",
    "The old bridge has seven arches and it was paid for by the guild of the weavers.",
    "The orchard above the village grows apples that keep well and that are pressed in October.",
    "The library holds four thousand books and it lends them to readers of the whole valley.",
)

ONLY_CORPUS = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
stages:
  seed_corpus: []
  filtered_mix:
    of: seed_corpus
    filters: [{gopher_quality: {min_words: 3}}]
"""

TAUGHT = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions:
    - grounded_qa: {per_passage: 1}
  filtered_mix:
    of: generated_instructions
    filters: [answer_rules]
expect: {min_keep_rate: 0.1}
"""


class Roles:
    """The open teachers of one run: every role is the same program, and what it was asked is counted."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self._before = teacher, _calls(teacher)

    def __getitem__(self, role: str) -> Teacher:
        return self.teacher

    @property
    def embedder(self) -> Any:
        raise AssertionError("no step of these tests embeds")

    def usage_by_role(self) -> Mapping[str, RoleUsage]:
        return {"writer": RoleUsage(calls=_calls(self.teacher) - self._before)}

    def check_whole(self) -> None:
        """Programs answer at once."""

    @contextmanager
    def recording(self) -> Iterator[list[bytes]]:
        yield []


class Programs:
    """A source of teachers that are programs of this process. `opened` counts the runs that asked for one."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.opened = teacher, 0

    def identities(self, recipe: Recipe) -> Mapping[str, Mapping[str, Any]]:
        return {role: {"models": list(self.teacher.models)} for role in recipe.roles()}

    @asynccontextmanager
    async def open(self, recipe: Recipe, *, run_id: str, **others: Any) -> AsyncIterator[Roles]:
        self.opened += 1
        yield Roles(self.teacher)

    async def collect(self, recipe: Recipe, batches: Any, *, wait_s: float = 600) -> Collected:
        return Collected()


def _calls(teacher: Any) -> int:
    return len(teacher.requests) if hasattr(teacher, "requests") else teacher.calls


@dataclass(frozen=True)
class Small(Project):
    """A project whose definitions are this checkout's; without `teachers` it has those of the environment."""

    teachers: Any = None
    env: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def definitions(self) -> ModuleType:
        return definitions

    @cached_property
    def environment(self) -> Any:
        return definitions.environment(self.root, self.env)

    @contextmanager
    def answering(self) -> Iterator[TeacherSource]:
        """The given teachers, or those of the environment as `synth run` opens them."""
        if self.teachers is not None:
            yield self.teachers
        else:
            with self.environment.gateway(os.environ) as gateway:
                yield gateway

    # ---------------------------------------------------------------------------------------------------- to change it

    def write_recipe(self, text: str, name: str = "tiny") -> None:
        (self.root / "recipes" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def deliver(self, lines: Sequence[str] | Mapping[str, str], file: str = "a.jsonl", source: str = "notes") -> Path:
        """A file of JSON lines in a source's folder, with a line's number or the given key as its id."""
        rows = dict(lines) if isinstance(lines, Mapping) else {str(n): line for n, line in enumerate(lines)}
        path = self.root / "inbox" / source / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in rows.items()))
        return path

    # ------------------------------------------------------------------------------------------------------- to run it

    def run(
        self,
        name: str = "tiny",
        *,
        batches: Sequence[str] = (),
        release: str | None = None,
        allow_missing: bool = False,
        retry_rejects: bool = False,
    ) -> Told:
        quiet_dagster()
        with self.instance() as instance, self.answering() as teachers:
            session = Session(self, self.recipe(name), instance, teachers, Silent(), retry_rejects=retry_rejects)
            return session.run(batches, release, allow_missing=allow_missing)

    def context(self, name: str = "tiny", *, run_id: str = "by-hand", teachers: Any = None) -> RunContext:
        """The runner's context, for a step without Dagster."""
        source = teachers or self.teachers
        return RunContext(
            recipe=self.recipe(name),
            lake=self.lake,
            teachers=source,
            places=self.environment.places,
            run_id=run_id,
            session_id=run_id,
        )

    def start(self, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        """`synth` as a process of its own, in the project."""
        command = [sys.executable, "-c", "from synth_dagster.cli import main; main()", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def synth(self, *arguments: str, **env: str) -> tuple[int, str]:
        """What `synth` answers: its exit code, and all that it printed."""
        process = self.start(*arguments, **env)
        out, _ = process.communicate(timeout=120)
        return process.returncode, out

    # ---------------------------------------------------------------------------------------------------- to look at it

    def rows(self, stage: str, dataset: str = "tiny", **more: Any) -> list[dict[str, Any]]:
        return self.lake.read(dataset, stage, **more).to_pylist()

    def versions(self, stage: str, dataset: str = "tiny") -> dict[str, str]:
        """Batch -> data version of what is accepted."""
        return {batch: one.data_version for batch, one in self.lake.accepted_all(dataset, stage).items()}

    def candidates(self, stage: str, dataset: str = "tiny") -> list[Any]:
        return self.lake.meta.candidates(dataset, stage)

    def releases(self, dataset: str = "tiny") -> list[str]:
        return [release.release for release in self.lake.meta.releases(dataset)]


def small_project(
    root: Path,
    recipe: str = ONLY_CORPUS,
    teachers: Any = None,
    *,
    env: Mapping[str, str] | None = None,
    databases: bool = True,
) -> Small:
    """A folder with a recipe and its own Dagster instance; definitions, assets and gates are the checkout's.

    Without `databases` Dagster makes its own at the first run, or keeps them elsewhere.
    """
    (root / "recipes").mkdir(parents=True)
    for mark in ("definitions.py", "workspace.yaml", "dagster.yaml"):
        copy(HOME / mark, root / mark)
    for folder in ("assets", "resources", "expectations"):
        (root / folder).symlink_to(HOME / folder)
    if databases:
        copytree(_unused_databases(), root / ".dagster")
    project = Small(root, teachers, env or {})
    project.write_recipe(recipe)
    return project


@cache
def _unused_databases() -> Path:
    """Dagster's databases before the first run: to make them takes as long as a small run, to copy them nothing."""
    root = Path(mkdtemp())
    atexit.register(rmtree, root, ignore_errors=True)
    copy(HOME / "dagster.yaml", root / "dagster.yaml")
    with Small(root).instance():
        return root / ".dagster"
