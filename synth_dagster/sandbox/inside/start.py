"""The separate process: gives up what the machine offers, then runs one program or one query, and says how it ended.

A job comes as JSON on standard input. The process walls itself in, forks, and only the child runs what is untrusted.
Standard library only, and little of it: this is started once for each program.
"""

import contextlib
import json
import os
import resource
import signal
import sys
from typing import Any, NoReturn

from synth_dagster.sandbox.inside import landlock, namespaces, programs, queries, seccomp, system

SYSTEM_PATHS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom")
_MEGABYTE = 1 << 20


def main() -> None:
    """Reads the job, runs it in a child and writes how that ended to the pipe that the first argument numbers."""
    said, job = int(sys.argv[1]), json.load(sys.stdin)
    with contextlib.suppress(system.NotHere):  # whoever started this may be killed, and then nobody waits for it
        system.control(system.PR_SET_PDEATHSIG, int(signal.SIGKILL))
    try:
        if job["isolation"] == "namespaces":
            namespaces.enter()
    except (system.NotHere, OSError) as refused:
        _say(said, refused=str(refused))
        return
    child = os.fork()
    if child == 0:
        _child(job, said)
    _, status, used = os.wait4(child, 0)
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
    _say(said, code=code, signal=ended_by, cpu_s=used.ru_utime + used.ru_stime)


def _child(job: dict[str, Any], said: int) -> NoReturn:
    code = 1
    try:
        seen = readable(sys.path)  # before anything else is imported
        run = _prepared(job)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        _wall_in(job, seen)
    except BaseException as refused:  # noqa: BLE001  whatever it is: without its walls nothing runs
        _say(said, refused=f"{type(refused).__name__}: {refused}")
        os._exit(0)
    try:
        os.closerange(3, 1_024)  # the pipe too: what follows is not to be believed
        code = run()
    finally:
        os._exit(code)


def _prepared(job: dict[str, Any]) -> Any:
    """What is our own is loaded before the walls go up: the tables of a query, the text of a program."""
    if "statement" in job:
        try:
            connection = queries.connected(job["packages"], job["tables"], job["memory_mb"])
        except queries.NotATable as cause:
            told = cause  # Python forgets the name of an exception after its clause
            return lambda: queries.not_run(told)
        return lambda: queries.run(connection, job["statement"], job["rows"])
    return lambda: programs.run(job["program"])


def _wall_in(job: dict[str, Any], seen: list[str]) -> None:
    isolation, folder = job["isolation"], job["folder"]
    with contextlib.suppress(system.NotHere):
        system.control(system.PR_SET_PDEATHSIG, int(signal.SIGKILL))
    sys.path[:] = [path for path in sys.path if path not in job.get("packages", ())]
    if isolation == "namespaces":
        namespaces.new_root(folder, seen, job["disk_mb"])
    else:
        os.chdir(folder)
    if isolation == "landlock":
        landlock.restrict(seen, folder)
    os.environ.clear()
    os.umask(0o077)
    _limit(job)
    try:
        system.drop_capabilities()
        seccomp.install()
    except system.NotHere:
        if isolation != "none":
            raise


def _limit(job: dict[str, Any]) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + job["cpu_s"],
        resource.RLIMIT_AS: job["memory_mb"] * _MEGABYTE,
        resource.RLIMIT_FSIZE: job["disk_mb"] * _MEGABYTE,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,  # counts for those who are not root; the filter of calls counts for all
    }
    for limit, value in wanted.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit that stands already is as good
            resource.setrlimit(limit, (value, value))


def readable(imports: list[str]) -> list[str]:
    """The folders that an interpreter reads while it runs: its library and the system's, none inside another."""
    paths = {path for path in (*imports, *map(os.path.realpath, imports), *SYSTEM_PATHS, *_loaded_from()) if path}
    kept: list[str] = []
    for path in sorted(path for path in paths if os.path.exists(path)):  # noqa: PTH110  pathlib is slow to load
        if not any(path.startswith(above + "/") for above in kept):
            kept.append(path)
    return kept


def _loaded_from() -> set[str]:
    """The folders of the shared libraries of this process."""
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as lines:  # noqa: PTH123
        mapped = (line.split(maxsplit=5)[-1].strip() for line in lines if "/" in line)
        return {os.path.dirname(path) for path in mapped if ".so" in path}  # noqa: PTH120  likewise
    return set()


def _say(pipe: int, **what: object) -> None:
    os.write(pipe, json.dumps(what).encode() + b"\n")
