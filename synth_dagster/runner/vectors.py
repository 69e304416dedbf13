"""Gives steps that ask nobody the vectors that a step `embed` has asked for; opened when one of them looks first."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.parts.similarity.chosen_vectors import EmbeddedText
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import TeacherSource
from synth_dagster.services import Vectors


class NoVectors:
    """Where nobody has asked for any."""

    model = ""

    def of(self, texts: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        raise MethodError("There are no vectors of a model here. Write 'vectors: words'.")


class Asking(Protocol):
    """Who looks for vectors: a run, or a command beside all runs."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def lake(self) -> Lake: ...
    @property
    def teachers(self) -> TeacherSource: ...


@dataclass(frozen=True)
class Beside:
    """A command that looks at what runs have made."""

    recipe: Recipe
    lake: Lake
    teachers: TeacherSource


@contextmanager
def known_vectors(context: Asking, stage: str, versions: Sequence[Candidate] = ()) -> Iterator[Vectors]:
    """The vectors of a stage's texts. `versions` are those of its batches that they are of.

    Looking at them raises SynthError where the recipe has another embedder now than the one that embedded a version.
    """
    with ExitStack() as stack:
        yield _WhenAsked(context, stage, versions, stack)


class _WhenAsked:
    """`services.Vectors`: most runs go by none, and open nothing for them."""

    def __init__(self, context: Asking, stage: str, versions: Sequence[Candidate], stack: ExitStack) -> None:
        self._context, self._stage, self._versions, self._stack = context, stage, versions, stack

    @property
    def model(self) -> str:
        return self._vectors.model

    def of(self, texts: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        return self._vectors.of(texts)

    @cached_property
    def _vectors(self) -> Vectors:
        recipe = self._context.recipe
        embeds = embedding_of(recipe, self._stage)
        if embeds is None:
            raise SynthError(f"'vectors: embedder' needs a step 'embed' in the stage '{self._stage}'. Add it.")
        opened = self._stack.enter_context(self._context.teachers.vectors(recipe, embeds.shown))
        for version in self._versions:
            self._check(version)
        return opened

    def _check(self, version: Candidate) -> None:
        made = self._context.lake.meta.made_by(version.code_version) or {}
        was = (made.get("teachers") or {}).get(EMBEDDER)
        now = self._context.teachers.identities(self._context.recipe).get(EMBEDDER)
        if was and now and any(was.get(name) != now.get(name) for name in ("models", "revision")):
            raise SynthError(
                f"The batch '{version.batch}' of '{version.stage}' was embedded by {_named(was)}, and the role "
                f"'{EMBEDDER}' is {_named(now)} now: their vectors cannot be compared. 'synth run' makes it anew."
            )


def embedding_of(recipe: Recipe, stage: str) -> EmbeddedText | None:
    """How a stage embeds its texts, if it does; the last step that does decides."""
    embeds = [step.method for step in recipe.stage(stage).steps if isinstance(step.method, EmbeddedText)]
    return embeds[-1] if embeds else None


EMBEDDER = "embedder"


def _named(identity: Mapping[str, Any]) -> str:
    names = ", ".join(f"'{model}'" for model in identity.get("models") or ())
    return f"{names} of revision '{identity['revision']}'" if identity.get("revision") else names
