"""Imports point one way: forbidden ones, planted in a copy of the project, are refused with module and line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("synth_dagster", "assets", "resources", "expectations")

PLANTS = [
    pytest.param(
        "synth_dagster/methods/filter/planted.py",
        "import synth_dagster.methods.select.other",
        "synth_dagster.methods.filter.planted -> synth_dagster.methods.select.other",
        id="a method imports another method",
    ),
    pytest.param(
        "synth_dagster/methods/filter/planted.py",
        "import synth_dagster.lake",
        "synth_dagster.methods.filter.planted -> synth_dagster.lake",
        id="a method imports the lake",
    ),
    pytest.param(
        "synth_dagster/methods/filter/planted.py",
        "def lazily():\n    from synth_dagster import teacher\n    return teacher",
        "synth_dagster.methods.filter.planted -> synth_dagster.teacher",
        id="a method imports the teacher inside a function",
    ),
    pytest.param(
        "synth_dagster/planted.py",
        "import assets",
        "synth_dagster.planted -> assets",
        id="the library imports the project",
    ),
    pytest.param(
        "synth_dagster/lake/planted.py",
        "import synth_dagster.teacher",
        "synth_dagster.lake.planted -> synth_dagster.teacher",
        id="the lake imports the teacher",
    ),
    pytest.param(
        "synth_dagster/parts/planted.py",
        "import synth_dagster.catalog",
        "synth_dagster.parts.planted -> synth_dagster.catalog",
        id="a part imports the catalog",
    ),
    pytest.param("assets/planted.py", "import resources", "assets.planted -> resources", id="assets import resources"),
    pytest.param(
        "expectations/planted.py",
        "from definitions import defs",
        "expectations.planted -> definitions",
        id="somebody imports definitions.py",
    ),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's code and its contracts, without what the plants might meet by chance."""
    for folder in CODE:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "synth_dagster/methods/select/other.py").write_text("")
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `lint-imports` says about a folder; the folder, and not this checkout, is first on the import path."""
    command = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_project_keeps_its_contracts(copy: Path):
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("where", "code", "named"), PLANTS)
def test_a_planted_import_is_refused(copy: Path, where: str, code: str, named: str):
    lines = ["", "", *code.splitlines()]
    (copy / where).write_text("\n".join(lines))
    line = next(number for number, text in enumerate(lines, 1) if "import" in text)

    result = lint_imports(copy)

    said = " ".join(result.stdout.split())  # the report is wrapped to the terminal
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{named} (l.{line})" in said


def test_a_module_without_a_place_in_the_layers_is_refused(copy: Path):
    (copy / "synth_dagster/homeless.py").write_text("")
    result = lint_imports(copy)
    assert result.returncode == 1
    assert "homeless" in result.stdout
