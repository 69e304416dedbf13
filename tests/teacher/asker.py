"""A process of its own that asks for words: `asker.py URL CACHE IN_FLIGHT FIRST LAST [form]`; prints them as JSON.

With `form` it asks for one as text, and for the rest as a form to fill in.
"""

import asyncio
import json
import sys
from pathlib import Path

from synth_dagster.prompt import Prompt
from synth_dagster.services import Reply, Teacher
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint

PROMPT = Prompt(user="Give one word for {thing}.", system="You are terse.")


class Word(Reply):
    word: str


async def word(teacher: Teacher, thing: int, *, as_form: bool) -> str:
    if as_form:
        return (await teacher.ask(PROMPT, into=Word, thing=thing)).word
    return (await teacher.tell(PROMPT, thing=thing)).text


def main(url: str, path: str, in_flight: str, first: str, last: str, form: str = "") -> None:
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url=url, max_in_flight=int(in_flight), first_pause_s=0.01)

    async def work(teachers: Teachers) -> list[str]:
        things = range(int(first), int(last))
        before = [await word(teachers["writer"], thing, as_form=False) for thing in (things if form else ())[:1]]
        asked = (word(teachers["writer"], thing, as_form=bool(form)) for thing in things[len(before) :])
        return [*before, *await asyncio.gather(*asked)]

    with AnswerCache.open(Path(path)) as cache:
        texts = Teachers.run(work, {"writer": endpoint}, cache=cache, budget=Budget(), run_id="asker")
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
