"""A process of its own that asks for words: `asker.py URL CACHE IN_FLIGHT FIRST LAST`; prints the answers as JSON."""

import asyncio
import json
import sys
from pathlib import Path

from synth_dagster.services import Prompt
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint

PROMPT = Prompt(user="Give one word for {thing}.", system="You are terse.")


def main(url: str, path: str, in_flight: str, first: str, last: str) -> None:
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url=url, max_in_flight=int(in_flight), first_pause_s=0.01)

    async def work(teachers: Teachers) -> list[str]:
        asked = (teachers["writer"].tell(PROMPT, thing=thing) for thing in range(int(first), int(last)))
        return [answer.text for answer in await asyncio.gather(*asked)]

    with AnswerCache.open(Path(path)) as cache:
        texts = Teachers.run(work, {"writer": endpoint}, cache=cache, budget=Budget(), run_id="asker")
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
