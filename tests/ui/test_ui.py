"""The Dagster UI on a project where `synth run` has run: what a person sees there, and that its buttons work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from synth_dagster.governance.plots import PANEL
from tests.ui.dagster_ui import DagsterUI, browser, chromium, dagster_ui, free_port, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.prove

RECIPE = """\
dataset: notes
sources: [{name: notes, reader: files, path: inbox/, license: CC0-1.0, lang: en, chunk: {max_words: 120}, shard: 1}]
teachers: {writer: {use: default}, judge: {use: default}}
stages:
  seed_corpus: [pii]
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  preference_pairs: [{ultrafeedback: {completions: 2}}]
  filtered_mix: {of: preference_pairs, filters: [answer_rules], deduplicate: {minhash: {bands: 14, rows: 8}}}
expect: {min_keep_rate: 0.01}
"""
NOTE = """\
The heron is a wading bird that hunts in shallow water. It stands still for a long time because fish flee from movement.
A heron eats fish, frogs and small mammals. It nests in colonies high in trees, which are called heronries.

The kingfisher is a small bird with a long bill that dives for fish. It digs a tunnel into a river bank for its nest.
A kingfisher needs clear water because it finds its prey by sight. In hard winters many of them die.
"""
STAGES = ("seed_corpus", "generated_instructions", "preference_pairs", "quality_signals")
MADE = """{ assetNodeOrError(assetKey: {path: ["notes", "preference_pairs"]}) { ... on AssetNode { description
  partitionStats { numMaterialized numPartitions numFailed }
  assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } } } } }"""
VERSION = """{ assetNodeOrError(assetKey: {path: ["notes", "generated_instructions"]}) { ... on AssetNode {
  opVersion } } }"""
BATCHES = """{ assetNodeOrError(assetKey: {path: ["notes", "seed_corpus"]}) { ... on AssetNode { partitionKeys } } }"""


@pytest.fixture(scope="module")
def pages() -> str:
    """Where the pages of this lake are shown: the links of a run say it when it is made."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, pages: str) -> Path:
    root = tmp_path_factory.mktemp("ui") / "project"
    synth("new", str(root), cwd=root.parent)
    for recipe in (root / "recipes").glob("*.yaml"):
        recipe.unlink()
    (root / "recipes" / "notes.yaml").write_text(RECIPE)
    (root / "inbox").mkdir()
    (root / "inbox" / "birds.txt").write_text(NOTE)
    synth("run", "notes", cwd=root, SYNTH_PAGES=pages)
    return root


@pytest.fixture(scope="module")
def ui(project: Path, pages: str) -> Iterator[DagsterUI]:
    with dagster_ui(project, SYNTH_PAGES=pages) as running:
        yield running


def synth(*arguments: str, cwd: Path, **env: str) -> None:
    code = "from synth_dagster.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_graph_shows_every_stage(ui: DagsterUI):
    assert sorted(ui.assets()) == sorted(f"notes/{name}" for name in (*STAGES, "filtered_mix", "release_report"))


def test_what_the_terminal_made_is_seen_with_its_passed_checks(ui: DagsterUI):
    node = ui.ask(MADE)["assetNodeOrError"]
    assert node["partitionStats"] == {"numMaterialized": 1, "numPartitions": 1, "numFailed": 0}
    statuses = {
        check["name"]: check["executionForLatestMaterialization"]["status"]
        for check in node["assetChecksOrError"]["checks"]
    }
    assert {"every_record_names_its_source", "expectations"} <= statuses.keys()
    assert set(statuses.values()) == {"SUCCEEDED"}


def test_an_asset_says_its_steps_and_where_the_recipe_asks_for_them(ui: DagsterUI):
    description = ui.ask(MADE)["assetNodeOrError"]["description"]
    assert "`ultrafeedback`" in description
    assert "`recipes/notes.yaml:7`" in description


@pytest.mark.skipif(chromium() is None, reason="needs the browser Chromium on PATH (apt-get install chromium)")
class TestInTheBrowser:
    @pytest.fixture
    def page(self) -> Iterator["Page"]:
        with browser(width=2200) as window:
            yield window

    def test_the_graph_is_drawn(self, ui: DagsterUI, page: "Page"):
        page.goto(f"{ui.address}/locations/synth_dagster/asset-groups/notes/lineage")
        for name in (*STAGES, "filtered_mix", "release_report"):
            page.get_by_text(name).first.wait_for()

    def test_a_page_of_checks_says_that_they_succeeded(self, ui: DagsterUI, page: "Page"):
        page.goto(f"{ui.address}/assets/notes/preference_pairs?view=checks")
        page.get_by_text("every_record_names_its_source").first.wait_for()
        page.get_by_text("Succeeded").first.wait_for()
        assert page.get_by_text("Failed").count() == 0

    def test_a_partition_shows_its_counts_as_a_picture(self, ui: DagsterUI, page: "Page"):
        opened(ui, page)
        page.get_by_text("Show Markdown").first.click()
        picture = page.locator("img[src^='data:image/png']").first
        picture.wait_for()
        width, is_drawn = picture.evaluate("shown => [shown.naturalWidth, shown.complete]")
        assert (width, is_drawn) == (3 * PANEL[0], True)

    def test_a_partition_links_to_a_page_of_its_records(self, ui: DagsterUI, page: "Page"):
        opened(ui, page)
        with page.expect_popup() as popup:
            page.locator("a[href*='/previews/']").first.click()
        shown = popup.value
        shown.wait_for_load_state()
        assert shown.title().startswith("notes / generated_instructions")
        assert shown.locator("mark").count() > 0  # the evidence, in the passage
        assert "wading bird that hunts" in shown.locator("body").inner_text()
        assert shown.locator("script").count() == 0

    def test_a_partition_links_to_its_records_in_the_explorer(self, ui: DagsterUI, page: "Page"):
        opened(ui, page)
        with page.expect_popup() as popup:
            page.locator("a[href*='/search?']").first.click()
        shown = popup.value
        shown.get_by_role("status").wait_for()
        shown.locator("article a").first.click()
        assert "wading bird that hunts" in shown.locator("main").inner_text()

    def test_a_batch_is_launched_by_clicking(self, ui: DagsterUI, page: "Page"):
        before = runs(ui)
        opened(ui, page)
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Launch 1 run").click()
        until(lambda: len(runs(ui)) > len(before), seconds=60, what=ui.tail)
        (launched,) = set(runs(ui)) - set(before)
        assert ui.run(launched)["status"] == "SUCCESS", ui.tail()


def opened(ui: DagsterUI, page: "Page") -> None:
    """The page of the one batch of generated_instructions."""
    page.goto(f"{ui.address}/assets/notes/generated_instructions?view=partitions")
    page.get_by_text(the_batch(ui)).first.click()
    page.get_by_text("preview_file").first.wait_for()


def runs(ui: DagsterUI) -> list[str]:
    return [
        run["runId"]
        for run in ui.ask("{ runsOrError { ... on Runs { results { runId } } } }")["runsOrError"]["results"]
    ]


class TestLaunchedFromTheUI:
    def test_a_run_of_a_batch_succeeds_with_its_gates_and_finds_it_current(self, ui: DagsterUI):
        run = ui.launch("notes__batch", the_batch(ui))
        assert run["status"] == "SUCCESS", ui.tail()
        assert states(run) == dict.fromkeys(STAGES, "already current")
        # 9 checks for each of the three stages with records, 3 for the signals
        assert checks(run) == [True] * 30

    def test_an_edit_without_a_reload_changes_nothing(self, ui: DagsterUI, project: Path):
        """The worker uses the recipe as the UI read it, whatever stands in the file by now."""
        shown = ui.ask(VERSION)
        recipe = project / "recipes" / "notes.yaml"
        recipe.write_text(RECIPE.replace("per_passage: 1", "per_passage: 3"))
        try:
            run = ui.launch("notes__batch", the_batch(ui))
        finally:
            recipe.write_text(RECIPE)
        assert run["status"] == "SUCCESS", ui.tail()
        assert states(run) == dict.fromkeys(STAGES, "already current")
        assert ui.ask(VERSION) == shown

    def test_a_release_that_is_there_is_made_again_as_the_same_bytes(self, ui: DagsterUI):
        run = ui.launch("notes__release", "r0001")
        assert run["status"] == "SUCCESS", ui.tail()
        assert set(checks(run)) == {True}


def the_batch(ui: DagsterUI) -> str:
    (batch,) = ui.ask(BATCHES)["assetNodeOrError"]["partitionKeys"]
    return batch


def states(run: dict[str, Any]) -> dict[str, str]:
    """Stage -> whether the run made it or found it current."""
    return {
        made["assetKey"]["path"][-1]: entry["text"]
        for made in run["assetMaterializations"]
        for entry in made["metadataEntries"]
        if entry["label"] == "state"
    }


def checks(run: dict[str, Any]) -> list[bool]:
    """Whether each check of a run passed, in the order in which they ended."""
    return [event["evaluation"]["success"] for event in run["eventConnection"]["events"] if "evaluation" in event]
