"""`make screenshots`: the pictures of docs/images, taken of the project where `synth run` has run."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ui.dagster_ui import DagsterUI, browser, chromium, dagster_ui

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 300_000
DATASET = "python_help"
SETTLED_MS = 4_000  # the graph and its numbers move into place


def graph(ui: DagsterUI, page: "Page") -> None:
    page.goto(f"{ui.address}/locations/synth_dagster/asset-groups/{DATASET}/lineage")
    page.get_by_text("filtered_mix").first.wait_for()


def checks(ui: DagsterUI, page: "Page") -> None:
    page.goto(f"{ui.address}/assets/{DATASET}/preference_pairs?view=checks")
    page.get_by_text("every_record_names_its_source").first.wait_for()


def asset(ui: DagsterUI, page: "Page") -> None:
    page.goto(f"{ui.address}/assets/{DATASET}/generated_instructions?view=overview")
    page.get_by_text("Open recipe").first.wait_for()


def batch(ui: DagsterUI, page: "Page") -> None:
    """Not a picture of its own: it shows where the project of whoever took it stands."""
    page.goto(f"{ui.address}/assets/{DATASET}/generated_instructions?view=partitions")
    page.get_by_text(":start").first.click()
    page.get_by_text("preview_file").first.wait_for()


def counts(ui: DagsterUI, page: "Page") -> None:
    batch(ui, page)
    page.get_by_text("Show Markdown").first.click()
    page.locator("img[src^='data:image/png']").first.wait_for()


def preview(ui: DagsterUI, page: "Page") -> None:
    batch(ui, page)
    page.goto(page.locator("a[href*='/previews/']").first.get_attribute("href") or "")
    page.locator("mark").first.scroll_into_view_if_needed()


# file -> how to get there, window, scale. A wide window and a small scale show the graph's nodes in full.
PICTURES: dict[str, tuple[Callable[[DagsterUI, "Page"], None], int, int, float]] = {
    "graph.png": (graph, 2240, 800, 0.6),
    "asset.png": (asset, 1500, 900, 0.8),
    "checks.png": (checks, 1500, 900, 0.8),
    "counts.png": (counts, 1500, 900, 0.8),
    "preview.png": (preview, 1300, 900, 0.8),
}


def take(ui: DagsterUI, folder: Path) -> None:
    """Write every picture. Raises ValueError for one that is too large for a repository."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (go, width, height, scale) in PICTURES.items():
        with browser(width=width, height=height, scale=scale) as page:
            go(ui, page)
            page.wait_for_timeout(SETTLED_MS)
            page.screenshot(path=folder / name)
        if (folder / name).stat().st_size > MOST_BYTES:
            raise ValueError(f"{name} has more than {MOST_BYTES:,} bytes. Use a smaller scale.")


def main() -> int:
    if chromium() is None:
        print("make screenshots needs Chromium on PATH: apt-get install chromium", file=sys.stderr)
        return 1
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    pages = {name: value for name, value in os.environ.items() if name == "SYNTH_PAGES"}
    with dagster_ui(root, **{"SYNTH_PAGES": "", **pages}) as ui:  # where the links of the runs point
        take(ui, ROOT / "docs" / "images")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
