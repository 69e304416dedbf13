"""The build hook: a standard wheel carries the project that `synth new` copies out.

The library is `synth_dagster`; `assets`, `resources` and `expectations` are a project, and names too common to install
beside other people's. So a standard wheel holds them inside the library, as `synth_dagster/_project/`; an editable
install finds them where they stand.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROJECT = (
    "assets",
    "resources",
    "expectations",
    "recipes",
    "deploy",
    "definitions.py",
    "workspace.yaml",
    "dagster.yaml",
)


class CarryProject(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        root = Path(self.root)
        missing = [name for name in PROJECT if not (root / name).exists()]
        if missing:
            raise FileNotFoundError(f"A wheel needs {', '.join(missing)} in {root}: `synth new` copies them out.")
        build_data["force_include"] |= {str(root / name): f"synth_dagster/_project/{name}" for name in PROJECT}
