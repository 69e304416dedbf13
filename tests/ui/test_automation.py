"""A live daemon with SYNTH_AUTOMATION=on: what is put into the inbox becomes batches, each in exactly once."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.assets.project import small_project
from tests.ui.dagster_ui import DagsterUI, dagster_ui, kill_group, members, until

pytestmark = pytest.mark.prove

RECIPE = """\
dataset: tiny
sources: [{name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, shard: 20}]
teachers: {writer: {use: embedded}, judge: {use: embedded}}
stages:
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  preference_pairs: [{ultrafeedback: {completions: 2}}]
  filtered_mix: {of: preference_pairs, filters: [answer_rules]}
expect: {min_keep_rate: 0.01}
"""
STAGES = ("seed_corpus", "generated_instructions", "preference_pairs", "quality_signals")
RUNS = """{ runsOrError(limit: 1000) { ... on Runs { results { runId jobName status tags { key value } } } } }"""
LONG = 240.0  # seconds that a delivery may take on a busy machine: sensors, a queue, an import for each run


class Hook:
    """A web server that takes messages, as a chat does."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    project = small_project(tmp_path_factory.mktemp("live") / "p", RECIPE)
    (project.root / "inbox" / "notes").mkdir(parents=True)
    return project


@pytest.fixture(scope="module")
def env(hook: Hook) -> dict[str, str]:
    return {"SYNTH_AUTOMATION": "on", "SYNTH_WEBHOOK": hook.url}


NOTE = """\
The heron is a wading bird that hunts in shallow water. It stands still for a long time because fish flee from movement.
A heron eats fish, frogs and small mammals. It nests in colonies high in trees, which are called heronries.

The kingfisher is a small bird with a long bill that dives for fish. It digs a tunnel into a river bank for its nest.
A kingfisher needs clear water because it finds its prey by sight. In hard winters many of them die.

In year {n} of the count there were {n} pairs of herons in the colony of the valley.
"""
CHANGED = NOTE.format(n="seven")


def note(n: int) -> str:
    return NOTE.format(n=n)


def put(project: Any, *numbers: int, text: str = "") -> None:
    """As a careful program delivers: written under another name, then renamed."""
    for n in numbers:
        path = project.root / "inbox" / "notes" / f"{n:03}.txt"
        path.with_suffix(".part").write_text(text or note(n))
        path.with_suffix(".part").rename(path)


def texts(project: Any) -> list[str]:
    return sorted(row["text"] for row in project.rows("seed_corpus")) if there(project) else []


def there(project: Any) -> bool:
    return "tiny" in project.lake.datasets() and "seed_corpus" in project.lake.stages("tiny")


def is_through(project: Any, wanted: list[str]) -> bool:
    """Whether exactly these texts are in, and every stage of every batch is made of them."""
    if texts(project) != sorted(wanted):
        return False
    with project.answering() as teachers:
        from synth_dagster.runner.todo import is_whole

        context = project.context(teachers=teachers)
        return all(is_whole(context, batch.batch) for batch in project.lake.meta.planned("tiny"))


def wait_for(project: Any, ui: DagsterUI, wanted: list[str]) -> None:
    until(lambda: is_through(project, wanted), seconds=LONG, what=lambda: f"{len(texts(project))} texts\n{ui.tail()}")


def runs(ui: DagsterUI) -> list[dict[str, Any]]:
    return ui.ask(RUNS)["runsOrError"]["results"]


def unfinished(ui: DagsterUI) -> list[str]:
    return [run["runId"] for run in runs(ui) if run["status"] not in ("SUCCESS", "FAILURE", "CANCELED")]


def test_deliveries_arrive_by_themselves_each_in_exactly_once(project: Any, hook: Hook, env: dict[str, str]):
    with dagster_ui(project.root, **env) as ui:
        put(project, 0)
        wait_for(project, ui, [note(0)])
        assert {stage: len(project.lake.accepted_all("tiny", stage)) for stage in STAGES} == dict.fromkeys(STAGES, 1)
        put(project, *range(1, 50))
        wait_for(project, ui, [note(n) for n in range(50)])
        assert len(project.lake.meta.planned("tiny")) > 1
        put(project, 7, text=CHANGED)
        (project.root / "inbox" / "notes" / "008.txt").unlink()
        changed = [CHANGED, *(note(n) for n in range(50) if n not in (7, 8))]
        wait_for(project, ui, changed)
        until(lambda: not unfinished(ui), seconds=LONG, what=ui.tail)
        put(project, *range(50, 80))
        until(lambda: bool(unfinished(ui)), seconds=LONG, what=ui.tail)
        kill_group(ui.process.pid)  # everything at once, as when the machine loses power
        ui.process.wait()
        until(lambda: not members(ui.process.pid), seconds=20, what=lambda: "Processes are left.")
    wanted = [*changed, *(note(n) for n in range(50, 80))]
    with dagster_ui(project.root, **env) as ui:
        wait_for(project, ui, wanted)
        until(lambda: not unfinished(ui), seconds=LONG, what=ui.tail)
        before, files = len(runs(ui)), sorted((project.root / "lake" / "tiny").rglob("*.parquet"))
        time.sleep(40)  # two ticks of every sensor and more, with nothing to do
        assert len(runs(ui)) == before
        assert sorted((project.root / "lake" / "tiny").rglob("*.parquet")) == files
