"""`make screenshots`: the pictures of docs/images, taken of the project where `synth run` has run."""

import sys
from pathlib import Path

from tests.ui.dagster_ui import DagsterUI, chromium, dagster_ui

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 300_000
DATASET = "python_help"

# file -> page, window in pixels, scale. A wide window and a small scale show the graph's nodes in full.
PAGES = {
    "graph.png": (f"/locations/synth_dagster/asset-groups/{DATASET}/lineage", "2240,800", 0.6),
    "asset.png": (f"/assets/{DATASET}/preference_pairs?view=partitions", "1500,900", 0.8),
    "checks.png": (f"/assets/{DATASET}/preference_pairs?view=checks", "1500,900", 0.8),
}


def take(ui: DagsterUI, folder: Path) -> None:
    """Write every picture. Raises ValueError for one that is too large for a repository."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (page, size, scale) in PAGES.items():
        ui.picture(page, folder / name, size=size, scale=scale)
        if (folder / name).stat().st_size > MOST_BYTES:
            raise ValueError(f"{name} has more than {MOST_BYTES:,} bytes. Use a smaller scale.")


def main() -> int:
    if chromium() is None:
        print("make screenshots needs Chromium on PATH: apt-get install chromium", file=sys.stderr)
        return 1
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    with dagster_ui(root) as ui:
        take(ui, ROOT / "docs" / "images")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
