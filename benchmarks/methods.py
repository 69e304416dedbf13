"""What each method costs a record besides its teacher's calls, and whether programs in the sandbox use all cores.

A method with a page in the gallery runs its recipe there, over its world, whose teacher answers as one would. Where
that is less than a hundred records, what a step does once would seem to be each record's, so an echo answers over four
hundred texts as well, and the run with more records counts. The second of two runs is timed: the first compiles and
imports. CPU time of this process is taken around the step, with records made, stamped and counted as in any run, and
what the programs in place of a teacher and an embedder took is taken off. A record is what the step decided about: an
input, or what it made of one, whichever are more. What runs in the sandbox runs in other processes: there wall time is
told, without a limit, and the same programs one at a time and all at once.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.measured import ROOT, options, parsed, tell
from synth_dagster.catalog import methods
from synth_dagster.method import ROW_KINDS
from synth_dagster.recipe import Stage, Step
from synth_dagster.records import Document, Instruction, Preference, digest
from synth_dagster.runner.chain import Chain
from synth_dagster.runner.context import Silent
from synth_dagster.services import Limits
from synth_dagster.teacher.lexical import LexicalEmbedder
from tests.gallery.answering import Metered
from tests.gallery.example import example, slugs
from tests.methods.test_every_method import made
from tests.scripted_teacher.echo import EchoSandbox, EchoTeacher
from tests.scripted_teacher.embedding import BagOfWords

MOST_MS = 2.0
TEXTS = 400
ENOUGH = 100  # records, over which what is done once counts for little
AT_LEAST = 0.9  # of what plain processes gain from all cores
PROGRAMS = 24
FIRST, LAST = "ba de fi ko lu ma ne po ri su ta vo", "n r l st nd"


@dataclass
class Cost:
    """What one step took, over all runs of it."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    records: int = 0
    source: str = ""

    def ms(self, seconds: float) -> float:
        return round(1000 * seconds / max(1, self.records), 3)


class Teaching:
    """Seconds that the programs in place of a teacher and an embedder have taken in this process."""

    cpu_s = 0.0


@contextmanager
def steps_timed(costs: dict[str, Cost]) -> Iterator[None]:
    """Every step of every chain adds to its method's cost."""
    run = Chain._run

    async def timed_step(chain: Chain, step: Step) -> None:
        before = len(chain._working_set(step)), len(chain.made), len(chain.rejects)
        taught, cpu, wall = Teaching.cpu_s, time.process_time(), time.perf_counter()
        await run(chain, step)
        cost = costs[step.slug]
        cost.cpu_s += time.process_time() - cpu - (Teaching.cpu_s - taught)
        cost.wall_s += time.perf_counter() - wall
        cost.records += max(before[0], len(chain.made) - before[1] + len(chain.rejects) - before[2])

    def taken_off(answer: Any) -> Any:
        async def answered(*arguments: Any, **given: Any) -> Any:
            began = time.process_time()
            try:
                return await answer(*arguments, **given)
            finally:
                Teaching.cpu_s += time.process_time() - began

        return answered

    with ExitStack() as until_done:
        until_done.enter_context(patch.object(Chain, "_run", timed_step))
        for owner, verb in ((Metered, "tell"), (Metered, "ask"), (LexicalEmbedder, "embed"), (BagOfWords, "embed")):
            until_done.enter_context(patch.object(owner, verb, taken_off(getattr(owner, verb))))
        yield


def in_the_gallery(costs: dict[str, Cost]) -> None:
    for slug in slugs():
        example.__wrapped__(slug)  # the first run imports and compiles
        found: dict[str, Cost] = defaultdict(Cost)
        with steps_timed(found):
            example.__wrapped__(slug)
        for method, cost in found.items():
            if method not in costs or method == slug:  # its own page, else the first recipe that has it
                costs[method] = cost
                cost.source = f"recipes/gallery/{slug}.yaml"


def with_an_echo(costs: dict[str, Cost], slug: str) -> None:
    method = methods()[slug]
    inputs = [record for view in method.consumes()[:1] for record in MAKERS[view]()]
    produced = method.produces()
    kind = produced.kind if produced else inputs[0].kind
    step, later = (Step(one, one, made(one), 1) for one in (slug, "grounded_qa"))
    stages = {
        "stage": Stage("stage", "corpus", None, (step,), 1),
        "later": Stage("later", "corpus", "stage", (later,), 1),
    }
    for warm in (False, True):
        context = SimpleNamespace(
            recipe=SimpleNamespace(stages=stages),
            root=ROOT,
            sandbox=EchoSandbox(),
            shelf=None,
            in_flight=8,
            progress=Silent(),
            terms=lambda roles: "",
        )
        chain = Chain(context, Roles(), "stage", kind, "b", inputs)  # type: ignore[arg-type]
        with steps_timed(costs) if warm else nullcontext():
            asyncio.run(chain.run([step]))
    costs[slug].source = f"an echo, {len(inputs)} records"


class Roles:
    """Each role is the same echo."""

    embedder = BagOfWords()  # a model's, as the step `embed` wants it

    def __init__(self) -> None:
        self.teacher = Metered(EchoTeacher(("echo", "echo-small")))

    def __getitem__(self, role: str) -> Metered:
        return self.teacher

    def usage_by_role(self) -> dict[str, Any]:
        return {}

    @contextmanager
    def recording(self) -> Iterator[list[bytes]]:
        yield []


def documents() -> list[Document]:
    """Prose of 60 to 180 words, each its own."""
    rng = random.Random(1)
    words = [first + last for first in FIRST.split() for last in LAST.split()]

    def line() -> str:
        return " ".join(rng.choices(words, k=12)).capitalize() + "."

    texts = [" ".join(line() for _ in range(rng.randint(5, 15))) for _ in range(TEXTS)]
    return [
        Document(body=text, record_id=digest("d", text), content_hash=digest(text), stage="above", batch="b", lang="en")
        for text in texts
    ]


def instructions() -> list[Instruction]:
    return [
        Instruction.single(
            f"What is said of {one.body[:40]}?",
            one.body[:300],
            parents=(one.as_parent(),),
            record_id=digest("i", one.body),
            content_hash=digest("i", one.body),
            stage="above",
            batch="b",
        )
        for one in documents()
    ]


def preferences() -> list[Preference]:
    return [
        Preference(
            prompt=one.messages[:1],
            chosen=one.messages[1:],
            rejected=one.messages[:1],
            parents=(one.as_parent(),),
            record_id=digest("p", one.record_id),
            content_hash=digest("p", one.record_id),
            stage="above",
            batch="b",
        )
        for one in instructions()
    ]


MAKERS: dict[Any, Any] = {Document: documents, Instruction: instructions, Preference: preferences}


def sandboxed() -> dict[str, float]:
    """The same programs one after another and all at once: in the sandbox, and as plain processes of this machine.

    Two cores of a machine that others use too, or that clocks down when both work, give less than twice. So the limit
    is what plain processes reach in the same minute.
    """
    from synth_dagster.sandbox.local import LocalSandbox

    sandbox = LocalSandbox()
    programs = [f"print(sum(i * i % 7 for i in range({1_500_000 + n})))" for n in range(PROGRAMS)]

    async def boxed(program: str) -> None:
        assert (await sandbox.run(program, limits=Limits())).output.strip()

    workers = ThreadPoolExecutor(os.cpu_count() or 1)

    async def plain(program: str) -> None:
        await asyncio.get_running_loop().run_in_executor(workers, _plainly, program)

    asyncio.run(boxed("print(1)"))  # which looks for the isolation that this machine gives
    found = {
        f"{name}_{way}": value for name, one in (("", boxed), ("plain", plain)) for way, value in _timed(one, programs)
    }
    return {"programs": PROGRAMS, **{name.lstrip("_"): value for name, value in found.items()}}


def _timed(one: Callable[[str], Awaitable[None]], programs: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Milliseconds a program in both ways, how many times as fast the second is; the ways take turns, three times."""

    async def one_by_one() -> None:
        for program in programs[::3]:
            await one(program)

    async def at_once() -> None:
        await asyncio.gather(*map(one, programs))

    alone, together = [], []
    for _ in range(3):
        for work, seconds, count in ((one_by_one, alone, len(programs[::3])), (at_once, together, len(programs))):
            began = time.perf_counter()
            asyncio.run(work())
            seconds.append((time.perf_counter() - began) / count)
    yield "ms_one_by_one", round(1000 * min(alone), 1)
    yield "ms_at_once", round(1000 * min(together), 1)
    yield "times_as_fast", round(min(alone) / min(together), 2)


def _plainly(program: str) -> None:
    subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, timeout=60)


def main(*chosen: str) -> int:
    costs: dict[str, Cost] = {}
    in_the_gallery(costs)
    every = [slug for slug, one in methods().items() if one.kind in ROW_KINDS]
    for slug in every:
        in_sandbox = slug in costs and "sandbox" in methods()[slug].needs()  # an echo of it would run nothing
        if slug not in costs or (costs[slug].records < ENOUGH and not in_sandbox):
            echoed = {slug: Cost()}
            with_an_echo(echoed, slug)
            costs[slug] = max(echoed[slug], costs.get(slug, Cost()), key=lambda cost: cost.records)
    shown = {slug: costs[slug] for slug in sorted(costs) if slug in (chosen or every)}
    in_sandbox = {slug for slug in shown if "sandbox" in methods()[slug].needs()}
    slow = {slug for slug, cost in shown.items() if slug not in in_sandbox and cost.ms(cost.cpu_s) > MOST_MS}
    programs = sandboxed()
    return tell(
        "methods",
        limits={
            f"none above {MOST_MS} ms of CPU a record besides its teacher's calls": not slow,
            f"programs gain from all cores at least {AT_LEAST} of what plain processes gain": (
                programs["times_as_fast"] >= AT_LEAST * programs["plain_times_as_fast"]
            ),
        },
        above=sorted(slow),
        not_measured=sorted(set(every) - set(costs)),
        methods={
            slug: {
                "records": cost.records,
                "ms_cpu": cost.ms(cost.cpu_s),
                **({"ms_wall": cost.ms(cost.wall_s)} if slug in in_sandbox else {}),
                "with": cost.source,
            }
            for slug, cost in shown.items()
        },
        sandbox=programs,
    )


if __name__ == "__main__":
    parser = options(__doc__)
    every = sorted(slug for slug, one in methods().items() if one.kind in ROW_KINDS)
    parser.add_argument("names", nargs="*", choices=[*every, []], metavar="METHOD", help="only these are told of")
    raise SystemExit(main(*parsed(parser).names))
