"""The rounds of a pool method as the runner drives them, over a pool in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from synth_dagster.method import PoolSynthesizer
from synth_dagster.records import Record, digest
from synth_dagster.services import Drop


def all_rounds(method: PoolSynthesizer, given: Sequence[Record], **services: Any) -> tuple[list, list[Drop], int]:
    """What the rounds made, what they dropped, and how many there were before the one that ended it.

    What a round made joins the pool, with an id and the method's name.
    """
    pool, drops, number = list(given), [], 0

    async def run() -> None:
        nonlocal number
        while results := await method.round(tuple(pool), number, **services):
            for result in results:
                if isinstance(result, Drop):
                    drops.append(result)
                    continue
                for one in result:
                    pool.append(replace(one, record_id=digest(len(pool), one.content()), method=method.slug))
            number += 1

    asyncio.run(run())
    return pool[len(given) :], drops, number
