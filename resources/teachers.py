"""Who answers when a method asks: the gateway to the endpoints of a recipe, or the embedded teacher on loopback.

The embedded teacher is started when a role needs it and stopped with the run. Keys are read from the environment when a
run opens its teachers and stay in memory.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import dagster as dg
from pydantic import Field

from synth_dagster.errors import Problem, RecipeError, TeacherError
from synth_dagster.licences.registry import joined
from synth_dagster.recipe import Recipe
from synth_dagster.records import Json
from synth_dagster.runner.context import OpenTeachers, TeacherSource
from synth_dagster.services import Vectors
from synth_dagster.spending import SpendingLedger
from synth_dagster.storage import is_bucket
from synth_dagster.teacher.batches.ledger import Collected, Ledger, ProviderBatch, StageLedger
from synth_dagster.teacher.roles import EMBEDDER, Endpoint, RoleSettings, identity, resolve

if TYPE_CHECKING:
    from synth_dagster.teacher.cache import AnswerCache
    from synth_dagster.teacher.embedded.process import TeacherProcess
    from synth_dagster.teacher.prices import Prices
    from synth_dagster.teacher.rehearsal import Rehearsal
    from synth_dagster.teacher.telemetry import Telemetry

log = logging.getLogger(__name__)


class Gateway:
    """The teachers of any recipe, under one environment and one answer cache. Closing it stops the embedded teacher."""

    def __init__(self, cache: Path | str, env: Mapping[str, str], prices: Path | None = None) -> None:
        self._cache, self._env, self._own_prices = cache, env, prices
        self._embedded: TeacherProcess | None = None
        self._telemetry: Telemetry | None = None
        self._has_telemetry = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None
        if self._telemetry is not None:
            self._telemetry.close()
            self._telemetry, self._has_telemetry = None, False

    def endpoints(self, recipe: Recipe) -> dict[str, Endpoint]:
        """Role -> endpoint for the roles of a recipe. Raises TeacherError when the environment forbids one."""
        settings = {EMBEDDER: RoleSettings.model_validate({}), **recipe.teachers}
        return {role: resolve(role, role_settings, self._env) for role, role_settings in settings.items()}

    def asked(self, recipe: Recipe) -> dict[str, Endpoint]:
        """The endpoints that a run may ask: those of its steps' roles, and their fallbacks."""
        declared = self.endpoints(recipe)
        roles = list(recipe.roles())
        for role in roles:  # grows while it is walked
            fallback = declared[role].fallback
            if fallback and fallback not in roles:
                roles.append(fallback)
        return {role: endpoint for role, endpoint in declared.items() if role in roles}

    def identities(self, recipe: Recipe) -> Mapping[str, Mapping[str, Json]]:
        endpoints = self.endpoints(recipe)
        return {role: _identity(endpoint, endpoints) for role, endpoint in endpoints.items()}

    @cached_property
    def prices(self) -> "Prices":
        """What tokens cost. Raises TeacherError for a price file that cannot be used."""
        from synth_dagster.teacher.prices import Prices

        return Prices.load(self._own_prices)

    def admit(self, recipe: Recipe) -> None:
        """Refuses caps that cannot be held: money where a price is unknown. Raises RecipeError, with file and line."""
        from synth_dagster.teacher.budget import caps_of, price_cure, shared_caps, unknown_price

        asked = self.asked(recipe).values()
        models = {model for endpoint in asked if endpoint.kind == "endpoint" for model in endpoint.models}
        unknown = self.prices.unknown(models)
        money = [cap for cap in caps_of(recipe.budget.model_dump()) if cap.unit == "usd"]
        if unknown and money:
            cap = money[0].name
            cause = f"'{cap}' caps money, and the price of {', '.join(unknown)} is unknown."
            raise RecipeError([Problem(_shown(recipe.path), recipe.budget_lines.get(cap, 1), cause, price_cure(cap))])
        if unknown and (shared := [cap.name for cap in shared_caps(self._env) if cap.unit == "usd"]):
            raise TeacherError(unknown_price(unknown, shared[0]))
        if aged := self.prices.aged(models, datetime.now(UTC).date()):
            _say_once(aged)

    @asynccontextmanager
    async def open(
        self,
        recipe: Recipe,
        *,
        run_id: str,
        session_id: str,
        spending: SpendingLedger,
        batches: StageLedger | None = None,
        retry_rejects: bool = False,
        holds: Callable[[], bool] | None = None,
    ) -> AsyncIterator[OpenTeachers]:
        from synth_dagster.teacher.budget import Budget, shared_caps
        from synth_dagster.teacher.client import Teachers
        from synth_dagster.teacher.limits.shares import shares_folder

        self.admit(recipe)
        place = {"session": session_id, "dataset": recipe.dataset, "shared": shared_caps(self._env)}
        budget = Budget.of(recipe.budget, prices=self.prices, ledger=spending, **place)
        with budget, self._answers() as cache:
            cache.holds = holds
            options = {"cache": cache, "budget": budget, "run_id": run_id, "batches": batches}
            options |= {"retry_rejects": retry_rejects, "shares": shares_folder(self._env)}
            async with Teachers.open(self._reached(recipe), telemetry=self._told(), **options) as teachers:
                yield teachers

    def _told(self) -> "Telemetry | None":
        """Where the environment wants to hear of calls; asked once."""
        if not self._has_telemetry:
            from synth_dagster.teacher.telemetry import telemetry_of

            self._telemetry, self._has_telemetry = telemetry_of(self._env), True
        return self._telemetry

    @contextmanager
    def rehearsing(self, recipe: Recipe) -> Iterator["Rehearsal"]:
        """The recipe's teachers for a plan: nothing is sent, and what is kept of their answers is only read."""
        from synth_dagster.teacher.rehearsal import Rehearsal

        with ExitStack() as stack:
            # opening begins a cache where there is none, and a plan leaves no trace
            begun = isinstance(self._cache, str) or self._cache.exists()
            kept = stack.enter_context(self._answers()) if begun else None
            yield Rehearsal(self.endpoints(recipe), kept=kept, prices=self.prices)

    @contextmanager
    def vectors(self, recipe: Recipe, shown: Callable[[str], str]) -> Iterator[Vectors]:
        """The vectors that the recipe's embedder was asked for before; nobody is asked."""
        from synth_dagster.teacher.known_vectors import KnownVectors

        with self._answers() as cache:
            yield KnownVectors(cache, self.endpoints(recipe)[EMBEDDER], shown)

    async def collect(self, recipe: Recipe, batches: Ledger, *, wait_s: float = 600) -> Collected:
        """Take what the recipe's provider batches have answered into the cache."""
        from synth_dagster.teacher.batches.desk import Desk

        with self._answers() as cache:
            return await Desk(self.endpoints(recipe), cache, batches, self.prices).collect(wait_s=wait_s)

    async def give_up(self, recipe: Recipe, batches: Ledger, batch: ProviderBatch) -> Collected:
        """Have the provider of one of the recipe's roles end a batch, and take what it has answered into the cache."""
        from synth_dagster.teacher.batches.desk import Desk

        with self._answers() as cache:
            return await Desk(self.endpoints(recipe), cache, batches, self.prices).give_up(batch)

    def served(self, recipe: Recipe) -> dict[str, Endpoint]:
        """All roles that the recipe names or asks, with an address each; those of the embedded teacher share one."""
        declared = {role: one for role, one in self.endpoints(recipe).items() if role in recipe.teachers}
        return self._with_addresses(declared)

    def _reached(self, recipe: Recipe) -> dict[str, Endpoint]:
        """The same with an address each. The lexical embedder computes in the run, so nothing is started for it."""
        asked = {role: endpoint for role, endpoint in self.asked(recipe).items() if not endpoint.is_lexical}
        return self._with_addresses(asked)

    def _with_addresses(self, endpoints: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
        return {
            role: endpoint.at(self._embedded_address()) if endpoint.kind == "embedded" else endpoint
            for role, endpoint in endpoints.items()
        }

    def _answers(self) -> "AnswerCache":
        from resources.buckets import s3_options
        from synth_dagster.teacher.cache import AnswerCache

        return AnswerCache.open(self._cache, s3_options(self._env) if is_bucket(self._cache) else None)

    def _embedded_address(self) -> str:
        from synth_dagster.teacher.embedded.process import TeacherProcess

        if self._embedded is None or not self._embedded.is_running():
            self._embedded = TeacherProcess.start()
        return self._embedded.base_url


class TeachersResource(dg.ConfigurableResource[TeacherSource]):
    """Supplies the gateway to the assets of a run."""

    cache: str = Field(description="Where answers are kept, the checkpoint of every run: a file, Postgres or a bucket.")
    prices: str | None = Field(None, description="A price file of one's own; null: the prices that are shipped.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TeacherSource]:
        import os

        place = self.cache if is_bucket(self.cache) else Path(self.cache)
        with Gateway(place, dict(os.environ), Path(self.prices) if self.prices else None) as gateway:
            yield gateway


def _identity(endpoint: Endpoint, endpoints: Mapping[str, Endpoint]) -> Mapping[str, Json]:
    """A role's identity. What its fallback writes is under the fallback's terms, so those count as well."""
    terms, other = [endpoint.terms], endpoints.get(endpoint.fallback or "")
    while other is not None:
        terms.append(other.terms)
        other = endpoints.get(other.fallback or "")
    return identity(replace(endpoint, terms=joined(terms)))


def _shown(path: Path) -> str:
    """A path as a terminal that stands here would open it."""
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.as_posix()


@cache
def _say_once(sentence: str) -> None:
    log.warning("%s", sentence)
