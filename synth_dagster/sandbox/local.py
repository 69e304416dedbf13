"""The sandbox of this machine: the strongest isolation that its kernel gives, found out by trying to break out.

namespaces  no network, no other processes, and no files but the interpreter's and an empty folder
landlock    the same refused by the kernel's rules and a filter of its calls, where namespaces are not allowed
none        limits of time, memory and size only; refused unless SYNTH_SANDBOX=none says that a person wants it

A filter of the kernel's calls and all limits stand in the first two alike. docs/sandbox.md says what each keeps out.
"""

import asyncio
import importlib.util
import json
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from synth_dagster.errors import SandboxRefused
from synth_dagster.sandbox.process import Ended, Refused, carry_out
from synth_dagster.services import Limits, Queried, Ran, Table

Isolation: TypeAlias = Literal["namespaces", "landlock", "none"]
ISOLATING: tuple[Isolation, ...] = ("namespaces", "landlock")
VARIABLE = "SYNTH_SANDBOX"

# What must not be possible in a sandbox. Each line that is printed is a way out.
_BREAKING_OUT = """
import os, socket
def tried(what, attempt):
    try:
        attempt()
    except OSError:
        return
    print(what)
tried("reads a file of the user", lambda: open({secret!r}).read())
tried("writes beside its folder", lambda: open({beside!r}, "w"))
tried("opens a socket", lambda: socket.socket())
tried("starts a process", lambda: os.fork() or os._exit(0))
tried("signals another process", lambda: os.kill({pid}, 0))
"""


class LocalSandbox:
    """A `services.Sandbox` on this machine; as many programs at once as it has cores."""

    def __init__(self, *, wanted: str | None = None) -> None:
        """`wanted` is what SYNTH_SANDBOX says: one isolation and no other, or nothing for the strongest."""
        if wanted and wanted not in (*ISOLATING, "none"):
            raise SandboxRefused(f"{VARIABLE} is '{wanted}'. Set it to namespaces, landlock or none, or unset it.")
        self._wanted = wanted or None

    @property
    def isolation(self) -> Isolation:
        """Raises SandboxRefused where there is none and nobody allowed that."""
        if self._wanted == "none":
            return "none"
        tried = (self._wanted,) if self._wanted else ISOLATING
        refusals = {isolation: why_not(isolation) for isolation in tried}
        for isolation, refused in refusals.items():
            if refused is None:
                return isolation  # type: ignore[return-value]
        causes = "; ".join(f"{isolation}: {refused}" for isolation, refused in refusals.items())
        raise SandboxRefused(
            f"This machine isolates no code that a model wrote ({causes}). Run it on Linux 5.13 or later, or allow "
            f"user namespaces. {VARIABLE}=none runs it with limits only: it may then read and send anything."
        )

    async def run(self, program: str, /, *, limits: Limits = Limits()) -> Ran:
        ended = await self._carried_out({"program": program}, limits)
        return Ran(ended.ending, ended.output, ended.errors)

    async def query(self, statement: str, /, *, tables: Mapping[str, Table], limits: Limits = Limits()) -> Queried:
        shown = {name: {"columns": list(table.columns), "rows": list(table.rows)} for name, table in tables.items()}
        job = {"statement": statement, "tables": shown, "rows": limits.rows, "packages": packages()}
        return _queried(await self._carried_out(job, limits), limits)

    async def _carried_out(self, job: Mapping[str, Any], limits: Limits) -> Ended:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_workers(), self._to_its_end, job, limits)

    def _to_its_end(self, job: Mapping[str, Any], limits: Limits) -> Ended:
        try:
            return carry_out(job, self.isolation, limits)
        except Refused as refused:
            raise SandboxRefused(f"The sandbox could not be set up: {refused}. Run it again.") from refused


@cache
def why_not(isolation: Isolation) -> str | None:
    """Why an isolation is not to be had here, None where it holds against a program that tries to get out."""
    with tempfile.TemporaryDirectory(prefix="synth-sandbox-probe-") as folder:
        secret = Path(folder) / "secret"
        secret.write_text("not for programs")
        program = _BREAKING_OUT.format(secret=str(secret), beside=str(secret.with_name("beside")), pid=os.getpid())
        try:
            ended = carry_out({"program": program}, isolation, Limits())
        except Refused as refused:
            return str(refused)
    if ended.ending != "finished":
        return f"a first program did not run ({ended.ending})"
    return f"a program {', '.join(ended.output.splitlines())}" if ended.output else None


@cache
def packages() -> list[str]:
    """Where the engine for queries is imported from."""
    found = importlib.util.find_spec("duckdb")
    assert found is not None and found.origin is not None
    return [str(Path(found.origin).parents[1])]


@cache
def _workers() -> ThreadPoolExecutor:
    # a thread lives as long as its process: the kernel ends a child whose parent's thread is gone
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="sandbox")


def _queried(ended: Ended, limits: Limits) -> Queried:
    if ended.ending != "finished":
        return Queried(ended.ending, None, ended.errors)
    found = json.loads(ended.output)
    if len(found["rows"]) > limits.rows:
        return Queried("output", None, f"more than {limits.rows} rows")
    return Queried("finished", Table(tuple(found["columns"]), tuple(map(tuple, found["rows"]))))
