"""Which code made a release: our version, Python's, the pins of the project and what was really installed."""

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from synth_dagster.records import Json

LOCK = "constraints.txt"


def code_of(root: Path) -> dict[str, Json]:
    """The code behind what is made in a project, as versions and hashes; None where there is nothing to hash."""
    lock = root / LOCK
    return {
        "synth_dagster": own_version(),
        "python": platform.python_version(),
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
        "installed": _installed(),
    }


@cache
def _installed() -> str:
    """The SHA-256 of `name==version` lines, sorted, of all packages of this environment."""
    found = {f"{one.name.lower()}=={one.version}" for one in distributions() if one.name}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def own_version() -> str | None:
    """Our version, where we are installed."""
    try:
        return version("synth-dagster")
    except PackageNotFoundError:  # the library is used from a folder, without being installed
        return None
