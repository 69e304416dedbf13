"""The rounds of a pool method as the runner drives them, over a pool in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from synth_dagster.errors import TeacherError
from synth_dagster.method import PoolSynthesizer
from synth_dagster.records import Record, digest
from synth_dagster.services import Drop, Unusable


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


class BreaksOff:
    """A teacher that fails at its first request, and takes its time over the others, which it then refuses."""

    models = ("scripted",)

    def __init__(self) -> None:
        self.begun = self.ended = 0

    async def tell(self, *_: Any, **given: Any) -> None:
        self.begun += 1
        if self.begun == 1:
            raise TeacherError("The budget is spent.")
        for _ in range(20):
            await asyncio.sleep(0)
        self.ended += 1
        raise Unusable("refused", "")
