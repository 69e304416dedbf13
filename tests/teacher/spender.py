"""One process of the budget's proof: runs that spend under shared caps, until they are through or killed.

`python spender.py LAKE SEED RUNS LOG`: a line for each thing that it is about to pay and for each that it has paid,
written before the money is thought to be gone, so that the sum of a killed process is known as well.
"""

import asyncio
import json
import os
import random
import sys

from synth_dagster.errors import OverBudget
from synth_dagster.lake.ledger import LakeLedger
from synth_dagster.spending import Cost
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.prices import Price, Prices

CAPS = {"usd_per_recipe": 9.0, "tokens_per_month": 2_000_000}
PRICES = Prices("2026-01-01", {"m": Price(*map(__import__("decimal").Decimal, ("1", "10")))})


async def one_run(ledger, seed, log):
    chance = random.Random(seed)
    budget = Budget(ledger=ledger, prices=PRICES, session=f"s{seed}", dataset="d", tokens_per_run=150_000, **CAPS)

    async def call():
        upper = chance.randint(500, 4_000), chance.randint(100, 1_000)
        reservation = await budget.reserve("m", *upper)
        usual = Cost(PRICES.of("m").most(*upper), sum(upper), 1)
        os.write(log, json.dumps(["may", str(usual.usd), usual.tokens]).encode() + b"\n")
        await asyncio.sleep(chance.random() * 0.01)
        end = chance.random()
        if end < 0.05:
            reservation.hold()
        elif end < 0.1:
            reservation.release()
            os.write(log, json.dumps(["not", str(usual.usd), usual.tokens]).encode() + b"\n")
        else:
            real = chance.randint(0, upper[0]), chance.randint(0, upper[1])
            usd = reservation.settle(*real)
            more = str(usual.usd - usd), usual.tokens - sum(real)
            os.write(log, json.dumps(["not", *more]).encode() + b"\n")

    with budget:
        ends = await asyncio.gather(*(call() for _ in range(chance.randint(5, 60))), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, OverBudget):
            raise end


def main(lake, seed, runs, path):
    ledger = LakeLedger.open(lake)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(runs):
        asyncio.run(one_run(ledger, seed * 1_000 + number, log))
    os.write(log, b'["end", "0", 0]\n')


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
