"""What every benchmark prints: one JSON object with what ran, on what, and whether the limit holds."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
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


def tell(name: str, *, limits: Mapping[str, bool], **found: Any) -> int:
    """Print the result. Returns 1 when a limit does not hold, which is what the shell gets."""
    result = {"benchmark": name, "holds": all(limits.values()), "limits": dict(limits), **found, "machine": machine()}
    print(json.dumps(result, indent=2))
    return 0 if result["holds"] else 1


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
