"""Two hundred runs in four processes against one cap, some killed: never a cent above, and nothing held for ever."""

import json
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from synth_dagster.lake.ledger import LakeLedger
from synth_dagster.spending import NOTHING
from tests.teacher.spender import CAPS

SPENDER = Path(__file__).parent / "spender.py"
PROCESSES = 4


def start(lake, folder, seed, runs):
    log = folder / f"{seed}.log"
    command = [sys.executable, str(SPENDER), str(lake), str(seed), str(runs), str(log)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], env={"PYTHONPATH": str(Path(__file__).parents[2])})


def may_have_paid(folder):
    """The most that all processes together have paid, from what each wrote down before it paid."""
    usd, tokens = Decimal(0), 0
    for log in folder.glob("*.log"):
        for line in log.read_text().splitlines():
            what, money, number = json.loads(line)
            sign = {"may": 1, "not": -1, "end": 0}[what]
            usd, tokens = usd + sign * Decimal(money), tokens + sign * number
    return usd, tokens


def through_kills(lake, folder, *, runs, kills, seed, until):
    """Four processes at a time until all runs were begun; some are killed and their place is taken by another."""
    chance = random.Random(seed)
    begun, alive, killed = 0, [], 0
    each = max(1, runs // (PROCESSES + kills))
    while alive or begun < runs:
        assert time.monotonic() < until, "a process waits for ever"
        while len(alive) < PROCESSES and begun < runs:
            alive.append(start(lake, folder, 100 + len(list(folder.glob("*.log"))) + begun, min(each, runs - begun)))
            begun += each
        time.sleep(chance.random() * 0.3)
        if killed < kills and alive and chance.random() < 0.5 and any(folder.glob("*.log")):
            chance.choice(alive).send_signal(signal.SIGKILL)
            killed += 1
        for process in [one for one in alive if one.poll() is not None]:
            assert process.returncode in (0, -signal.SIGKILL)
            alive.remove(process)
    return killed


@pytest.mark.parametrize(
    ("runs", "kills", "where"),
    [
        pytest.param(8, 1, "sqlite", id="a few"),
        pytest.param(200, 20, "sqlite", id="two hundred", marks=pytest.mark.prove),
        pytest.param(40, 5, "postgres", id="on Postgres", marks=pytest.mark.prove),
    ],
)
def test_processes_that_are_killed_never_pass_a_cap_and_hold_nothing_for_ever(tmp_path, request, runs, kills, where):
    folder = tmp_path / "logs"
    folder.mkdir()
    lake = request.getfixturevalue("schema") if where == "postgres" else tmp_path / "meta.sqlite"
    ledger = LakeLedger.open(lake)
    until = time.monotonic() + 120
    assert through_kills(lake, folder, runs=runs, kills=kills, seed=runs, until=until) > 0

    month = ledger.month().name
    found = ledger.read(["recipe/d", f"month/{month}/d"])
    recipe, in_month = found["recipe/d"], found[f"month/{month}/d"]
    usd, tokens = may_have_paid(folder)
    assert recipe.held == in_month.held == NOTHING
    assert (recipe.spent + recipe.unconfirmed).usd <= Decimal(str(CAPS["usd_per_recipe"]))
    assert (in_month.spent + in_month.unconfirmed).tokens <= CAPS["tokens_per_month"]
    # the books know of all that was paid, and of what the killed might have
    assert usd <= (recipe.spent + recipe.unconfirmed).usd
    assert tokens <= (in_month.spent + in_month.unconfirmed).tokens
    assert recipe.unconfirmed.calls > 0
    if runs == 200:  # the cap was reached, and the last cent of it was not lost to the killed
        assert recipe.spent.usd > Decimal("4.5")
