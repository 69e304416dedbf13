"""The wires of one run: roles that share their addresses and a key share a wire, its limits and what it has learned."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.limits.retries import RetryBudget
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import Wire

WireKey: TypeAlias = tuple[tuple[str, ...], str]  # the addresses and the key


class Wires:
    """Open between `open` and `close`. One budget of retries for all."""

    def __init__(self, shares: Path | None) -> None:
        """`shares` is the folder where the processes of this machine share the limits of their endpoints."""
        self._shares, self._retries = shares, RetryBudget()
        self._wires: dict[WireKey, Wire] = {}
        self._endpoints: list[Endpoint] = []

    def open(self, endpoints: Iterable[Endpoint]) -> None:
        """Raises TeacherError for a role that has no address."""
        shared: dict[WireKey, list[Endpoint]] = {}
        roles = list(endpoints)
        for endpoint in roles:
            if not endpoint.base_url:
                raise TeacherError(
                    f"The teacher role '{endpoint.role}' has no address: serve the embedded teacher first."
                )
            shared.setdefault(_key(endpoint), []).append(endpoint)
        self._wires = {key: Wire(some, retries=self._retries, shares=self._shares) for key, some in shared.items()}
        self._endpoints = roles

    def of(self, endpoint: Endpoint) -> Wire:
        return self._wires[_key(endpoint)]

    def standings(self) -> dict[str, str]:
        """How the endpoint of each role is asked just now, in words. Of a process of ours there is nothing to say."""
        asked = [endpoint for endpoint in self._endpoints if endpoint.kind != "embedded"]
        return {endpoint.role: self.of(endpoint).standing() for endpoint in asked}

    def end(self) -> None:
        """Nothing that fails is tried again from now on."""
        for wire in self._wires.values():
            wire.closing = True

    def is_paid(self, task: asyncio.Task[object]) -> bool:
        """Whether that task has a request at an endpoint, or its answer in hand."""
        return any(wire.is_paid(task) for wire in self._wires.values())

    async def close(self) -> None:
        for wire in self._wires.values():
            await wire.close()


def _key(endpoint: Endpoint) -> WireKey:
    return endpoint.addresses, endpoint.api_key
