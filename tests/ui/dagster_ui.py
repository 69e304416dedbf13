"""`make ui` as a process: started on free ports, asked by GraphQL and by a browser, stopped with its children."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOCATION = {"repositoryLocationName": "synth_dagster", "repositoryName": "__repository__"}
LOADED = """{ repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { assetNodes { assetKey { path } } } } } }"""
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
RUN = """query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status
  assetMaterializations { assetKey { path } metadataEntries { label ... on TextMetadataEntry { text } } }
  eventConnection(limit: 10000) { events {
    ... on AssetCheckEvaluationEvent { evaluation { checkName success } } } } } } }"""
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
BROWSER += ["--disable-background-networking", "--disable-component-update"]
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class DagsterUI:
    """A running `dagster dev`."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def assets(self) -> list[str]:
        """The keys of all assets, once the project is loaded; empty until then."""
        try:
            found = self.ask(LOADED)["repositoriesOrError"]
        except OSError:  # the server does not listen yet
            return []
        return ["/".join(node["assetKey"]["path"]) for repo in found.get("nodes", ()) for node in repo["assetNodes"]]

    def launch(self, job: str, partition: str) -> dict[str, Any]:
        """Launch a job on a partition as the Launch button does, and wait for its end."""
        params = {
            "selector": {**LOCATION, "pipelineName": job},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        launched = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return self.run(launched["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        until(lambda: self.ask(RUN, id=run_id)["runOrError"]["status"] in ENDED, seconds=240, what=self.tail)
        return self.ask(RUN, id=run_id)["runOrError"]

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3_000:]


@contextmanager
def dagster_ui(root: Path, **more: str) -> Iterator[DagsterUI]:
    """`make ui` on a project, loaded, with more variables. All of its processes are gone afterwards."""
    port = free_port()
    log = Path(tempfile.mkstemp(prefix="dagster-ui-", suffix=".log")[1])
    env = daemon_env(root, **{"SYNTH_PAGES": f"http://127.0.0.1:{free_port()}", **more})
    command = [sys.executable, "-c", "from synth_dagster.cli import main; main()", "ui", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        ui = DagsterUI(port, process, log)
        until(lambda: bool(ui.assets()), seconds=120, what=ui.tail)
        yield ui
    finally:
        stop(process)
        log.unlink()


def daemon_env(root: Path, **more: str) -> dict[str, str]:
    """The variables of a process of Dagster on a project."""
    return {**os.environ, "DAGSTER_HOME": str(root), **more}


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: asked first, then killed."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        pass
    finally:
        kill_group(process.pid)
        process.wait()
        until(lambda: not members(process.pid), seconds=20, what=lambda: "Processes of the UI are left.")


def kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def members(group: int) -> list[int]:
    """The living processes of a group."""
    listed = subprocess.run(["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()[1:]]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")]


def chromium() -> str | None:
    """The browser on this machine, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def browser(*, width: int = 1500, height: int = 900, scale: float = 1.0) -> Iterator["Page"]:
    """A window of Chromium. Nothing that it is asked for may take longer than a minute."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=chromium(), args=BROWSER)
        page = program.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        page.set_default_timeout(60_000)
        yield page
        program.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(holds: Callable[[], bool], *, seconds: float, what: Callable[[], str]) -> None:
    """Wait until something holds; with what was said meanwhile when it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not happen within {seconds:.0f} seconds. The log ends with:\n{what()}")
        time.sleep(0.5)
