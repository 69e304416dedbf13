"""Who answers when a method asks: the gateway to the endpoints of a recipe, or the embedded teacher on loopback.

The embedded teacher is started when a role needs it and stopped with the run. Keys are read from the environment when a
run opens its teachers and stay in memory.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Self

import dagster as dg
from pydantic import Field

from synth_dagster.lake.meta import Usage
from synth_dagster.recipe import Recipe
from synth_dagster.records import Json
from synth_dagster.runner.context import OpenTeachers, TeacherSource
from synth_dagster.teacher.batches.ledger import Collected, Ledger, StageLedger
from synth_dagster.teacher.roles import EMBEDDER, Endpoint, RoleSettings, identity, resolve

if TYPE_CHECKING:
    from synth_dagster.teacher.embedded.process import TeacherProcess
    from synth_dagster.teacher.rehearsal import Rehearsal


class Gateway:
    """The teachers of any recipe, under one environment and one answer cache. Closing it stops the embedded teacher."""

    def __init__(self, cache: Path, env: Mapping[str, str]) -> None:
        self._cache, self._env = cache, env
        self._embedded: TeacherProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None

    def endpoints(self, recipe: Recipe) -> dict[str, Endpoint]:
        """Role -> endpoint for the roles of a recipe. Raises TeacherError when the environment forbids one."""
        settings = {EMBEDDER: RoleSettings.model_validate({}), **recipe.teachers}
        return {role: resolve(role, role_settings, self._env) for role, role_settings in settings.items()}

    def identities(self, recipe: Recipe) -> Mapping[str, Mapping[str, Json]]:
        return {role: identity(endpoint) for role, endpoint in self.endpoints(recipe).items()}

    @asynccontextmanager
    async def open(
        self, recipe: Recipe, *, run_id: str, spent: Usage, batches: StageLedger | None = None
    ) -> AsyncIterator[OpenTeachers]:
        from synth_dagster.teacher.budget import Budget, Cost
        from synth_dagster.teacher.cache import AnswerCache
        from synth_dagster.teacher.client import Teachers

        budget = Budget.of(recipe.budget)
        usd = None if spent.usd is None else Decimal(str(spent.usd))
        budget.spent = Cost(usd, spent.tokens_in + spent.tokens_out, spent.calls)
        with AnswerCache.open(self._cache) as cache:
            roles = self.served(recipe)
            async with Teachers.open(roles, cache=cache, budget=budget, run_id=run_id, batches=batches) as teachers:
                yield teachers

    @contextmanager
    def rehearsing(self, recipe: Recipe) -> Iterator["Rehearsal"]:
        """The recipe's teachers for a plan: nothing is sent, and what is kept of their answers is only read."""
        from synth_dagster.teacher.cache import AnswerCache
        from synth_dagster.teacher.prices import Prices
        from synth_dagster.teacher.rehearsal import Rehearsal

        with ExitStack() as stack:
            # opening begins a cache where there is none, and a plan leaves no trace
            kept = stack.enter_context(AnswerCache.open(self._cache)) if self._cache.exists() else None
            yield Rehearsal(self.endpoints(recipe), kept=kept, prices=Prices.load())

    async def collect(self, recipe: Recipe, batches: Ledger, *, wait_s: float = 600) -> Collected:
        """Take what the recipe's provider batches have answered into the cache."""
        from synth_dagster.teacher.batches.desk import Desk
        from synth_dagster.teacher.cache import AnswerCache
        from synth_dagster.teacher.prices import Prices

        with AnswerCache.open(self._cache) as cache:
            return await Desk(self.endpoints(recipe), cache, batches, Prices.load()).collect(wait_s=wait_s)

    def served(self, recipe: Recipe) -> dict[str, Endpoint]:
        """The endpoints with an address each; one embedded teacher answers for all roles that use it."""
        return {
            role: endpoint.at(self._embedded_address()) if endpoint.kind == "embedded" else endpoint
            for role, endpoint in self.endpoints(recipe).items()
        }

    def _embedded_address(self) -> str:
        from synth_dagster.teacher.embedded.process import TeacherProcess

        if self._embedded is None or not self._embedded.is_running():
            self._embedded = TeacherProcess.start()
        return self._embedded.base_url


class TeachersResource(dg.ConfigurableResource[TeacherSource]):
    """Supplies the gateway to the assets of a run."""

    cache: str = Field(description="The file of the answer cache, which is the checkpoint of every run.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TeacherSource]:
        import os

        with Gateway(Path(self.cache), dict(os.environ)) as gateway:
            yield gateway
