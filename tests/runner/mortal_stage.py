"""A stage in provider batches, run in processes that may be killed: `mortal_stage.py`, told on its standard input.

Each line is a JSON object: the project's `root` and `env`, the `batch` of the stage, the `url` of the provider, and
`die_at`, the number of the step of the books at which the process kills itself, or null. It says the pid of the process
that runs the stage, and then how that ended: 0 where the stage was made, 75 where it waits, or minus the signal. The
processes are forks of this one, which has imported everything and opened nothing; so a try takes a third of a second
instead of three.
"""

import json
import os
import signal
import sys
from functools import wraps
from itertools import count
from pathlib import Path
from traceback import print_exc

import aiohttp  # noqa: F401  # imported before the fork, as is what follows
import deltalake  # noqa: F401
import httpcore2  # noqa: F401
import httpx2  # noqa: F401
import openai  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.dataset  # noqa: F401
import truststore  # noqa: F401

import synth_dagster.teacher.client  # noqa: F401
from synth_dagster.errors import Pending
from synth_dagster.runner.provider_batches import StageLedger
from synth_dagster.runner.stage import run_stage
from synth_dagster.teacher.batches import desk
from synth_dagster.teacher.budget import Reservation
from synth_dagster.teacher.caches.file import FileCache
from tests.assets.project import Small

STAGE, BATCH = "generated_instructions", "notes:start"
STEPS = ((StageLedger, ("intend", "change", "settle", "pause")), (Reservation, ("park",)), (FileCache, ("put",)))
PENDING, FAILED = 75, 1


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(lived(**told))
        say({"pid": child})
        _, status = os.waitpid(child, 0)
        say({"ended": os.waitstatus_to_exitcode(status)})


def lived(root: str, env: dict[str, str], batch: str, url: str, die_at: int | None) -> int:
    """One try of the stage; the exit code. The version that it made stands in `made.json`."""
    os.environ.update(OPENAI_BASE_URL=url, SYNTH_MODEL="gpt-4o-mini")
    desk.GRACE_S = 0.3  # a request that a killed process had sent arrives here within milliseconds
    mortal(die_at)
    project = Small(Path(root), env=env)
    try:
        with project.answering() as teachers:
            outcome = run_stage(project.context(teachers=teachers), STAGE, batch)
    except Pending:
        return PENDING
    except BaseException:  # noqa: BLE001  # a fork has nobody above it who would say so
        print_exc()
        return FAILED
    Path(root, "made.json").write_text(json.dumps(outcome.candidate.data_version), encoding="utf-8")
    return 0


def mortal(die_at: int | None) -> None:
    """Counts the steps of the books, before and after each, and dies at the given one."""
    steps = count()

    def pass_by() -> None:
        if next(steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, names in STEPS:
        for name in names:
            setattr(owner, name, around(getattr(owner, name), pass_by))


def around(step, pass_by):
    @wraps(step)
    def taken(*args, **options):
        pass_by()
        found = step(*args, **options)
        pass_by()
        return found

    return taken


def say(what) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
