"""A project with a live daemon: what is put into its inbox and its bucket, and what came of it."""

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dagster import AssetKey

from synth_dagster.runner.todo import is_whole
from tests.assets.project import Small
from tests.moto_server import Bucket
from tests.teacher.faulty import FaultServer
from tests.ui.dagster_ui import LOCATION, DagsterUI, daemon_env, dagster_ui, stop, until
from tests.ui.told import told

LONG = 400.0  # seconds that a delivery may take on a busy machine: sensors, a queue, an import for each run
TAIL = 20_000  # characters of what the second daemon said
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
RUNS = """{ runsOrError(limit: 1000) { ... on Runs { results { runId jobName status tags { key value } } } } }"""
FRESH = """{ assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus } } }"""
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""


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

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Delivered:
    """The deliveries of one dataset, and whether they are in."""

    dataset: str
    project: Small
    texts: dict[str, str] = field(default_factory=dict)

    def found(self) -> list[str]:
        lake = self.project.lake
        there = self.dataset in lake.datasets() and "seed_corpus" in lake.stages(self.dataset)
        return sorted(row["text"] for row in self.project.rows("seed_corpus", self.dataset)) if there else []

    def batches(self) -> list[str]:
        return [batch.batch for batch in self.project.lake.meta.planned(self.dataset)]

    def is_in(self) -> bool:
        """Whether exactly these texts are in, and every stage of every batch is made of them."""
        if self.found() != sorted(self.texts.values()):
            return False
        with self.project.answering() as teachers:
            context = self.project.context(self.dataset, teachers=teachers)
            return all(is_whole(context, batch) for batch in self.batches())

    def versions(self) -> Counter[tuple[str, str, str]]:
        """How often each version of each batch of each stage was made. Only a withdrawn one is made again."""
        stages = self.project.lake.stages(self.dataset)
        made = [one for stage in stages for one in self.project.candidates(stage, self.dataset)]
        return Counter((one.stage, one.batch, one.data_version) for one in made)


class Inbox(Delivered):
    """Deliveries as files, as a careful program makes them: written under another name, then renamed."""

    def put(self, **texts: str) -> None:
        for name, text in texts.items():
            path = self.project.root / "inbox" / "notes" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".part").write_text(text)
            path.with_suffix(".part").rename(path)
        self.texts |= texts

    def remove(self, name: str) -> None:
        (self.project.root / "inbox" / "notes" / f"{name}.txt").unlink()
        del self.texts[name]


@dataclass
class Objects(Delivered):
    """Deliveries as objects of a bucket."""

    bucket: Bucket | None = None

    def put(self, **texts: str) -> None:
        assert self.bucket
        for name, text in texts.items():
            self.bucket.client.put_object(Bucket=self.bucket.name, Key=f"prefix/notes/{name}.txt", Body=text.encode())
        self.texts |= texts

    def remove(self, name: str) -> None:
        assert self.bucket
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=f"prefix/notes/{name}.txt")
        del self.texts[name]


@dataclass
class Live:
    """Everything that the tests of one module share; Dagster can be started anew."""

    project: Small
    inbox: Inbox
    objects: Objects
    teacher: FaultServer
    hook: Hook
    env: Mapping[str, str]
    ui: DagsterUI
    second: str = ""  # what the second daemon said, once it has ended

    @contextmanager
    def another_daemon(self) -> Iterator[None]:
        """A second daemon on the same instance, as when somebody starts one and forgets the first."""
        log = Path(tempfile.mkstemp(prefix="daemon-", suffix=".log")[1])
        command = [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.project.root,
                env=daemon_env(self.project.root, **self.env),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: b"SensorDaemon" in log.read_bytes(), seconds=LONG, what=log.read_text)
            yield
            process.send_signal(signal.SIGTERM)  # it starts nothing more, and what it has started goes on
            process.wait(60)
            until(lambda: not self.unfinished(), seconds=LONG, what=log.read_text)
        finally:
            stop(process)
            self.second = log.read_text(encoding="utf-8", errors="replace")[-TAIL:]
            log.unlink()

    @contextmanager
    def started_again(self) -> Iterator[None]:
        with dagster_ui(self.project.root, **self.env) as self.ui:
            yield

    def wait(self, *delivered: Delivered) -> None:
        """Until all of it is in and nothing runs."""
        for one in delivered or (self.inbox, self.objects):
            until(one.is_in, seconds=LONG, what=lambda one=one: f"{len(one.found())} texts\n{self.ui.tail()}")
        until(lambda: not self.unfinished(), seconds=LONG, what=self.ui.tail)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first, their tags as a mapping."""
        found = self.ui.ask(RUNS)["runsOrError"]["results"]
        tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in found]
        return [{**run, "tags": of, "batch": of.get("dagster/partition")} for run, of in zip(found, tags, strict=True)]

    def told(self) -> str:
        """What Dagster knows of all runs, and why those failed that did."""
        with self.project.instance() as instance:
            return told(instance, self.project.root / ".dagster" / "compute_logs")

    def unfinished(self) -> list[str]:
        return [run["runId"] for run in self.runs() if run["status"] not in ENDED]

    def launch(self, job: str, partition: str) -> list[str]:
        """Launch a job as the Launch button does; the run's id, or none while Dagster does not know the partition."""
        params = {
            "selector": {**LOCATION, "pipelineName": job},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        launched = self.ui.ask(LAUNCH, params=params)["launchPipelineExecution"]
        return [launched["run"]["runId"]] if launched["__typename"] == "LaunchRunSuccess" else []

    def freshness(self, asset: str) -> str:
        nodes = self.ui.ask(FRESH)["assetNodes"]
        (found,) = [node["freshnessStatusInfo"] for node in nodes if "/".join(node["assetKey"]["path"]) == asset]
        return found["freshnessStatus"]

    def turns(self, asset: str) -> list[str]:
        """Every state that the freshness of an asset has turned to, the newest last."""
        (file,) = (self.project.root / ".dagster").rglob("index.db")
        with closing(sqlite3.connect(file, timeout=30)) as events:
            found = events.execute(
                "select event from event_logs where dagster_event_type = 'FRESHNESS_STATE_CHANGE' and asset_key = ? "
                "order by id",
                (AssetKey(asset.split("/")).to_string(),),
            )
            said = [json.loads(event)["dagster_event"]["event_specific_data"] for (event,) in found]
        return [one["new_state"]["__enum__"].rpartition(".")[2] for one in said]

    def holding_the_pool(self) -> set[str]:
        """The runs that hold a slot of the pool `teacher`."""
        with self.project.instance() as instance:
            return set(instance.event_log_storage.get_concurrency_info("teacher").active_run_ids)

    def age_a_tick(self) -> int:
        """Have a look of a sensor that found nothing be two days old; its id. Dagster writes the last one twice."""
        with self._ticks() as ticks:
            ((tick,),) = ticks.execute(
                """select max(id) from job_ticks as old where status = 'SKIPPED' and exists
                   (select 1 from job_ticks as later where later.selector_id = old.selector_id and later.id > old.id)"""
            )
            ticks.execute("update job_ticks set timestamp = datetime('now', '-2 days') where id = ?", (tick,))
            ticks.commit()
        return tick

    def is_kept(self, tick: int) -> bool:
        with self._ticks() as ticks:
            return bool(list(ticks.execute("select id from job_ticks where id = ?", (tick,))))

    def _ticks(self) -> closing[sqlite3.Connection]:
        (file,) = (self.project.root / ".dagster").rglob("schedules.db")
        return closing(sqlite3.connect(file, timeout=30))

    def rows_stored(self) -> dict[str, int]:
        """The rows of every table of Dagster's storage and of the lake's metadata."""
        files = [*(self.project.root / ".dagster").rglob("*.db"), *(self.project.root / "lake").rglob("*.sqlite")]
        return {f"{file.name}: {name}": count for file in files for name, count in _tables(file).items()}

    def files_stored(self) -> list[str]:
        """The names of all files of Dagster and the lake but for those that databases make and remove."""
        roots = (self.project.root / ".dagster", self.project.root / "lake")
        found = [str(path) for root in roots for path in root.rglob("*") if path.is_file()]
        return sorted(name for name in found if not name.endswith(("-wal", "-shm", "-journal")))


def _tables(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: connection.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names}
