"""What every benchmark prints: one JSON object with what ran, on what, and whether the limit holds."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SYNTH = ("-c", "from synth_dagster.cli import main; main()")
PACKAGES = ("dagster", "deltalake", "duckdb", "great-expectations", "pyarrow")


def machine() -> dict[str, Any]:
    """Without this no number means anything: versions, cores, and how busy the machine was."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in PACKAGES},
    }


def two_processes() -> float:
    """How much two processes of plain arithmetic get done at once, where one alone gets 1.0 done in the same minute."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_arithmetic, [1, 1]))
        alone = two = 0.0
        for _ in range(3):  # in turn, so that others' work meets both
            start = time.perf_counter()
            _arithmetic(_STEPS)
            between = time.perf_counter()
            list(pool.map(_arithmetic, [_STEPS, _STEPS]))
            alone, two = alone + between - start, two + time.perf_counter() - between
    return 2 * alone / two


_STEPS = 5_000_000


def _arithmetic(steps: int) -> None:
    total = 0
    for number in range(steps):
        total += number * number


def two_cores_hold(speedup: float, reached: float) -> bool:
    """Whether two cores are used as two: 1.8 times one where two processes of plain arithmetic reach 2.0.

    Cores of a virtual machine share caches, clock and neighbours, and those of a busy one are not free: no program gets
    more out of them than processes that share nothing at all. So the limit is nine tenths of what these reach in the
    same minutes, and never more than 1.8. What they reach is printed as `machine.two_processes`, so that a run in
    which it is far from 2 is seen to say little.
    """
    return speedup >= 0.9 * min(reached, 2.0)


def tell(name: str, *, limits: Mapping[str, bool], reached: float | None = None, **found: Any) -> int:
    """Print the result, with what two processes reached. Returns 1 when a limit does not hold: what the shell gets."""
    ran_on = machine() | ({} if reached is None else {"two_processes": round(reached, 2)})
    result = {"benchmark": name, "holds": all(limits.values()), "limits": dict(limits), **found, "machine": ran_on}
    print(json.dumps(result, indent=2))
    return 0 if result["holds"] else 1


def options(about: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has, to which it adds its own; `about` is its docstring."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="the form that is always printed")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    return parser


def parsed(parser: argparse.ArgumentParser, **parts: Callable[..., Any]) -> argparse.Namespace:
    """What the command line asks for; an option that is not known ends the process before anything is measured.

    Where it asks for one of the parts (see `in_process`), that is done, its result is printed, and the process ends.
    """
    given = parser.parse_args()
    if given.part:
        name, *values = given.part
        print(json.dumps(parts[name](*map(json.loads, values))))
        raise SystemExit(0)
    return given


def part_of(benchmark: str, part: str, *values: Any) -> list[str]:
    """The arguments with which a Python does a part of a benchmark."""
    return ["-m", f"benchmarks.{benchmark}", "--part", part, *map(json.dumps, values)]


def in_process(benchmark: str, part: str, *values: Any) -> Any:
    """A part of a benchmark in a process of its own, so that its memory and its cores are its own."""
    command = [sys.executable, *part_of(benchmark, part, *values)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def timed(arguments: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run this Python in a process of its own: wall and CPU seconds of it and its children, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "out": done.stdout}
