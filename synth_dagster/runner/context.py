"""What a run carries with it: the recipe, the lake, the teachers, and who is asking."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.licences.registry import joined
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe
from synth_dagster.recipe.makeup import makeup_of
from synth_dagster.records import Json
from synth_dagster.runner.person import Person
from synth_dagster.sandbox.local import VARIABLE, LocalSandbox
from synth_dagster.scale.engine import Engine
from synth_dagster.services import Embedder, Sandbox, Teacher, Vectors
from synth_dagster.spending import SpendingLedger
from synth_dagster.storage import Store
from synth_dagster.teacher.batches.ledger import Collected, Ledger, StageLedger

SIGNALS = "quality_signals"  # the table, and the asset, of what the mix's rules read

# The tags of a Dagster run by which a session and its assets know each other.
SESSION_TAG = "synth/session"
OUTCOME_TAG = "synth/outcome"


class UsageLike(Protocol):
    """What a role has cost so far; `usd` is None when any price is unknown.

    `reasons` and `retries` count by kind what failed and what was sent again; `standing` says how its endpoint is asked
    just now.
    """

    @property
    def calls(self) -> int: ...
    @property
    def cached(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def reasons(self) -> Mapping[str, int]: ...
    @property
    def retries(self) -> Mapping[str, int]: ...
    @property
    def standing(self) -> str: ...
    @property
    def tokens_in(self) -> int: ...
    @property
    def tokens_out(self) -> int: ...
    @property
    def usd(self) -> float | None: ...


class OpenTeachers(Protocol):
    """The roles of a recipe, ready to answer."""

    def __getitem__(self, role: str, /) -> Teacher: ...

    @property
    def embedder(self) -> Embedder: ...

    def usage_by_role(self) -> Mapping[str, UsageLike]: ...

    def check_whole(self) -> None:
        """Raises Pending when an answer is still being made, whatever the method made of its absence."""
        ...

    def recording(self) -> AbstractContextManager[list[bytes]]:
        """Collects the call ids that the current task uses."""
        ...


class TeacherSource(Protocol):
    """Supplies the teachers of a recipe: the gateway in a deployment, a scripted one in tests."""

    def identities(self, recipe: Recipe) -> Mapping[str, Mapping[str, Json]]:
        """Per role, what can change its answers; part of a stage's code version."""
        ...

    def open(
        self,
        recipe: Recipe,
        *,
        run_id: str,
        session_id: str,
        spending: SpendingLedger,
        batches: StageLedger | None = None,
        retry_rejects: bool = False,
        holds: Callable[[], bool] | None = None,
    ) -> AbstractAsyncContextManager[OpenTeachers]:
        """The caps per run are over all runs of a session; `spending` knows what is left of every cap.

        `batches` is where provider batches are written down; without it every role is asked live. `retry_rejects` asks
        again for what was answered before and could not be used. `holds` says whether the step still holds its lease:
        after an erasure only then what it is answered is kept.
        """
        ...

    def vectors(self, recipe: Recipe, shown: Callable[[str], str]) -> AbstractContextManager[Vectors]:
        """The vectors that the role `embedder` was asked for before; `shown` is what of a text it was shown.

        Raises SynthError on entry where the role has no endpoint.
        """
        ...

    async def collect(self, recipe: Recipe, batches: Ledger, *, wait_s: float = 600) -> Collected:
        """Take what provider batches have answered into the cache."""
        ...


class Progress(Protocol):
    """Told how far a stage is; the terminal draws it, a log line says it. A `total` of 0 is not known."""

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None: ...


class SessionProgress(Progress, Protocol):
    """Told also which of a session's batches is begun."""

    def begin(self, batch: str, number: int, of: int) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def begin(self, batch: str, number: int, of: int) -> None:
        pass

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """One run of one recipe."""

    recipe: Recipe
    lake: Lake
    teachers: TeacherSource
    places: Places  # where the paths of a recipe lie
    run_id: str
    session_id: str = ""
    progress: Progress = field(default_factory=Silent)
    in_flight: int = 64  # records worked on at once; the calls of a role have their own ceiling
    own_spending: SpendingLedger | None = None  # instead of the lake's, where the lake is thrown away
    limit: int | None = None  # inputs of a stage at most, in a try-out; what is made so is never a whole batch
    retry_rejects: bool = False  # whether answers that could not be used are asked for once more
    builder: Person = field(default_factory=Person)  # who runs it, for those who approve what comes of it
    engine: Engine = field(default_factory=Engine)  # where heavy steps run
    live: bool = False  # whoever only looks does not wait a day: roles in provider batches are asked live too

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.places.root

    @property
    def sandbox(self) -> Sandbox:
        """Where what a model wrote is run; the variables say when no isolation is allowed."""
        return LocalSandbox(wanted=self.places.variable(VARIABLE))

    @property
    def shelf(self) -> Store:
        """Where models that steps have learnt are kept: the files of the lake."""
        return self.lake.store

    @property
    def spending(self) -> SpendingLedger:
        """The books of what teachers spend."""
        return self.own_spending or self.lake.spending

    def code_version(self, stage: str, batch: str) -> str:
        """What a batch's records depend on besides their inputs; of a corpus, the terms of its own source only."""
        teachers = self.teachers.identities(self.recipe)
        return self.recipe.fingerprint(stage, teachers=teachers, root=self.root, source=source_of(batch))

    def makeup(self, stage: str, batch: str) -> Mapping[str, Json]:
        """What that code version stands for, to name later what of it changed."""
        teachers = self.teachers.identities(self.recipe)
        return makeup_of(self.recipe, stage, teachers=teachers, root=self.root, source=source_of(batch))

    def terms(self, roles: Iterable[str]) -> str:
        """The terms of the providers whose models these roles ask, as a licence expression; empty for none."""
        if not roles:
            return ""
        identities = self.teachers.identities(self.recipe)
        return joined(str(identities.get(role, {}).get("terms", "")) for role in roles)


def source_of(batch: str) -> str:
    """The source that a batch was delivered by."""
    return batch.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of a stage came to: a candidate that was made, or the one that was already current."""

    candidate: Candidate
    made: bool

    @property
    def records(self) -> int:
        return self.candidate.rows
