"""A stage in provider batches is killed anywhere, and then ends as if nothing had happened: nothing asked twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from synth_dagster.spending import NOTHING
from synth_dagster.teacher.embedded import protocol
from tests.assets.project import LINES, Small, small_project
from tests.runner.by_hand import ByHand
from tests.runner.mortal_stage import BATCH, PENDING
from tests.teacher.batch_server import BatchServer, acquaint
from tests.teacher.faulty import Say

ROOT = Path(__file__).parents[2]
RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: endpoint, model: gpt-4o-mini, batch: true, batch_requests: 3, patience_s: 1}
stages:
  seed_corpus: []
  generated_instructions:
    - grounded_qa: {per_passage: 1}
  filtered_mix:
    of: generated_instructions
    filters: [answer_rules]
"""
MOST_TRIES = 40


class Mortals:
    """Processes that run the stage, one after the other."""

    def __init__(self) -> None:
        self._host = subprocess.Popen(
            [sys.executable, "-m", "tests.runner.mortal_stage"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, project: Small, server: BatchServer, *, batch: str = BATCH, die_at: int | None = None, kill=None
    ) -> int:
        """One try: its exit code, or minus the signal. `kill(pid)` is told whom to kill."""
        about = {"root": str(project.root), "env": dict(project.env), "batch": batch}
        self._told({**about, "url": server.url, "die_at": die_at})
        pid = self._said()["pid"]
        if kill is not None:
            kill(pid)
        return self._said()["ended"]

    def stop(self) -> None:
        self._host.kill()
        self._host.communicate()

    def _told(self, what) -> None:
        assert self._host.stdin
        self._host.stdin.write(json.dumps(what) + "\n")
        self._host.stdin.flush()

    def _said(self):
        assert self._host.stdout
        return json.loads(self._host.stdout.readline())


@pytest.fixture(scope="module")
def mortals():
    running = Mortals()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A project whose corpus is made and accepted."""
    project = small_project(tmp_path_factory.mktemp("batches") / "p", RECIPE)
    project.deliver(LINES)
    make_corpus(project)
    return project


def make_corpus(project: Small) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTH_MODEL", "gpt-4o-mini")
        patch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")  # of a server that will come; nobody is asked yet
        with project.answering() as teachers:
            by_hand = ByHand(replace(project, teachers=teachers))
            for one in plan_batches(by_hand.context).active:
                by_hand.accepted(run_stage(by_hand.context, "seed_corpus", one.batch))


class Case:
    """One project of its own and one provider, until the stage is made."""

    def __init__(self, folder: Path, corpus: Small, mortals: Mortals) -> None:
        copytree(corpus.root, folder, symlinks=True)
        self.project, self.mortals, self.kills = Small(folder), mortals, 0

    def to_the_end(self, die_at=(), aims=()) -> "Case":
        """Runs until the stage is made; of the tries the first die at these steps, or when these aims are met."""
        plans = [{"die_at": step} for step in die_at] + [{"kill": Assassin(*aim)} for aim in aims]
        with BatchServer() as self.server:
            self.server.script = embedded
            acquaint(self.project.root / "lake/cache.sqlite", self.server)
            self.server.finishes_at_once = True
            for number in range(MOST_TRIES):
                plan = plans[number] if number < len(plans) else {}
                self.server.watch = plan["kill"].saw if "kill" in plan else lambda *_: None
                ended = self.mortals.run(self.project, self.server, **plan)
                assert ended in (0, PENDING, -signal.SIGKILL), ended
                self.kills += ended == -signal.SIGKILL
                if ended == 0:
                    return self
        raise AssertionError("it never ends")

    @property
    def version(self) -> str:
        return json.loads((self.project.root / "made.json").read_text(encoding="utf-8"))

    def check(self, calm: "Case") -> None:
        """The same bytes, every request in one batch at the provider, and every cent counted once."""
        assert self.version == calm.version
        assert self.server.submitted == dict.fromkeys(calm.server.submitted, 1)
        assert self.server.calls == 0  # nothing was asked live
        usage, account = self.project.lake.sessions.usage(dataset="tiny"), self._account("recipe/tiny")
        assert usage.calls == len(calm.server.submitted)
        assert (account.spent.calls, account.spent.tokens) == (usage.calls, usage.tokens_in + usage.tokens_out)
        assert account.held == NOTHING

    def _account(self, name: str):
        return self.project.lake.spending.read([name])[name]


class Assassin:
    """Kills when the provider sees a certain request for the first time, some time before or after it is answered."""

    def __init__(self, moment: str, what: str, delay_s: float) -> None:
        self._aim, self._delay_s, self._victim, self._is_sent = (moment, what), delay_s, -1, False

    def __call__(self, pid: int) -> None:
        self._victim = os.pidfd_open(pid)  # never another process that got the same number

    def saw(self, moment: str, method: str, path: str) -> None:
        if (moment, _what(method, path)) == self._aim and not self._is_sent:
            self._is_sent = True
            threading.Timer(self._delay_s, self._kill).start()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):  # it was through before
            signal.pidfd_send_signal(self._victim, signal.SIGKILL)
        os.close(self._victim)


def _what(method: str, path: str) -> str:
    kind, *more = path.strip("/").split("/")
    return f"{method} {kind}" + ("/one" if more else "")


def embedded(body, seen) -> Say:
    """What the embedded teacher says, under another model's name."""
    return Say(protocol.chat({**body, "model": "embedded-extractive"})["choices"][0]["message"]["content"])


@pytest.fixture(scope="module")
def calm(tmp_path_factory, corpus, mortals):
    """The same stage, undisturbed."""
    case = Case(tmp_path_factory.mktemp("calm") / "p", corpus, mortals).to_the_end()
    assert case.kills == 0 and len(case.server.batches) == 2
    return case


# Where it dies: at a request to the provider, and on the way to the next.
AIMS = [
    (moment, what)
    for what in ("GET batches", "POST files", "POST batches", "GET batches/one", "GET files/one")
    for moment in ("before", "after")
]


def aim(chance: random.Random):
    return *chance.choice(AIMS), chance.choice((0.0, chance.uniform(0, 0.05)))


def test_killed_at_the_provider_and_in_the_books_it_ends_as_if_nothing_had_happened(tmp_path, corpus, mortals, calm):
    aims = [("after", "POST files", 0.0), ("after", "POST batches", 0.0), ("after", "GET files/one", 0.0)]
    case = Case(tmp_path / "p", corpus, mortals).to_the_end(die_at=(5,), aims=aims)
    assert case.kills == 4
    case.check(calm)


@pytest.mark.prove
@pytest.mark.parametrize(
    ("calm_tries", "every"),
    [pytest.param(0, 1, id="while submitting"), pytest.param(1, 2, id="while collecting")],
)
def test_killed_before_and_after_each_step_of_the_books_it_ends_as_if_nothing_had_happened(
    tmp_path, corpus, mortals, calm, calm_tries, every
):
    for step in range(0, 100, every):
        die_at = (*[None] * calm_tries, step)
        case = Case(tmp_path / f"{step}", corpus, mortals).to_the_end(die_at=die_at)
        if not case.kills:
            break
        case.check(calm)
    print(f"killed at steps up to {step}")
    assert step > 15  # two batches of three: 4 steps each and a pause; 6 answers and 2 ends; before and after each


@pytest.mark.prove
def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(tmp_path, corpus, mortals, calm):
    chance, kills = random.Random(4711), 0
    for number in range(15):
        case = Case(tmp_path / f"{number}", corpus, mortals).to_the_end(aims=[aim(chance) for _ in range(5)])
        case.check(calm)
        kills += case.kills
    print(f"{kills} kills")
    assert kills > 12


@pytest.mark.prove
def test_two_processes_with_their_books_on_postgres_ask_the_same_once_though_one_is_killed(tmp_path, schema, mortals):
    """Two batches of the same lines: each process finds in the books of the other what waits already."""
    source = "  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}\n"
    recipe = RECIPE.replace(source, source + source.replace("notes", "more"))
    project = small_project(tmp_path / "p", recipe, env={"SYNTH_METADATA": schema})
    for source in ("notes", "more"):
        project.deliver(LINES, source=source)
    make_corpus(project)
    other, batches = Mortals(), (BATCH, "more:start")
    try:
        with BatchServer() as server, ThreadPoolExecutor(2) as pool:
            server.script = embedded
            acquaint(project.root / "lake/cache.sqlite", server)
            killer = Assassin("after", "POST files", 0.0)
            server.watch = killer.saw

            def both(**first):
                tries = [pool.submit(mortals.run, project, server, batch=batches[0], **first)]
                tries += [pool.submit(other.run, project, server, batch=batches[1])]
                return [one.result() for one in tries]

            ended = both(kill=killer)
            assert ended[1] == PENDING and ended[0] in (PENDING, -signal.SIGKILL)
            while both() != [0, 0]:
                server.finish()
    finally:
        other.stop()
    assert len(server.submitted) == len(LINES) and set(server.submitted.values()) == {1} and server.calls == 0
    assert project.lake.sessions.usage(dataset="tiny").calls == len(LINES)
    assert project.lake.spending.read(["recipe/tiny"])["recipe/tiny"].held == NOTHING
