"""Who answers when a method asks: the gateway to the endpoints of a recipe, or the embedded teacher on loopback.

The embedded teacher is started when a role needs it and stopped with the run. Keys are read from the environment when a
run opens its teachers and stay in memory.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import dagster as dg
from pydantic import Field

from synth_dagster.lake.meta import Usage
from synth_dagster.recipe import Recipe
from synth_dagster.records import Json
from synth_dagster.runner.context import OpenTeachers, TeacherSource
from synth_dagster.teacher.roles import EMBEDDER, Endpoint, RoleSettings, identity, resolve


class Gateway:
    """The teachers of any recipe, under one environment and one answer cache."""

    def __init__(self, cache: Path, env: Mapping[str, str]) -> None:
        self._cache, self._env = cache, env

    def endpoints(self, recipe: Recipe) -> dict[str, Endpoint]:
        """Role -> endpoint for the roles of a recipe. Raises TeacherError when the environment forbids one."""
        settings = {EMBEDDER: RoleSettings.model_validate({}), **recipe.teachers}
        return {role: resolve(role, role_settings, self._env) for role, role_settings in settings.items()}

    def identities(self, recipe: Recipe) -> Mapping[str, Mapping[str, Json]]:
        return {role: identity(endpoint) for role, endpoint in self.endpoints(recipe).items()}

    @asynccontextmanager
    async def open(self, recipe: Recipe, *, run_id: str, spent: Usage) -> AsyncIterator[OpenTeachers]:
        from synth_dagster.teacher.budget import Budget, Cost
        from synth_dagster.teacher.cache import AnswerCache
        from synth_dagster.teacher.client import Teachers

        with ExitStack() as stack:
            endpoints = self.served(recipe, stack)
            cache = stack.enter_context(AnswerCache.open(self._cache))
            budget = Budget.of(recipe.budget)
            usd = None if spent.usd is None else Decimal(str(spent.usd))
            budget.spent = Cost(usd, spent.tokens_in + spent.tokens_out, spent.calls)
            async with Teachers.open(endpoints, cache=cache, budget=budget, run_id=run_id) as teachers:
                yield teachers

    def served(self, recipe: Recipe, stack: ExitStack) -> dict[str, Endpoint]:
        """The endpoints with an address each: one embedded teacher, stopped with the stack, answers for its roles."""
        endpoints = self.endpoints(recipe)
        if all(endpoint.kind != "embedded" for endpoint in endpoints.values()):
            return endpoints
        from synth_dagster.teacher.embedded.server import EmbeddedTeacher

        server = stack.enter_context(EmbeddedTeacher.serve())
        return {
            role: endpoint.at(server.base_url) if endpoint.kind == "embedded" else endpoint
            for role, endpoint in endpoints.items()
        }


class TeachersResource(dg.ConfigurableResource[TeacherSource]):
    """Supplies the gateway to the assets of a run."""

    cache: str = Field(description="The file of the answer cache, which is the checkpoint of every run.")

    def create_resource(self, context: dg.InitResourceContext) -> TeacherSource:
        import os

        return Gateway(Path(self.cache), dict(os.environ))
