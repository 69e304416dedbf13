"""The wheel, installed where no checkout is: a project begins from it and runs to a release."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and this environment's dependencies, but not this checkout. Its `synth`."""
    place = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(place), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", symlinks=True, with_pip=True)  # its own pip: an environment of uv has none
    python = place / "env/bin/python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(place / "env"), "platbase": str(place / "env")}))
    # the editable install is a .pth file of the outer environment, which a path named in a .pth does not read
    (site / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return place / "env/bin/synth"


def run(command: list[str], cwd: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNTH_", "OPENAI_", "DAGSTER_"))}
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.prove
def test_a_new_project_runs_to_a_release_without_the_checkout(installed: Path, tmp_path: Path):
    where = run(
        [str(installed.with_name("python")), "-c", "import synth_dagster; print(synth_dagster.__file__)"], tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parents[1])
    run([str(installed), "new", "demo"], tmp_path)
    demo = tmp_path / "demo"
    run([str(installed), "run"], demo)
    status = json.loads(run([str(installed), "status", "--json"], demo))
    assert status["dataset"] == "python_help"
    assert status["stages"]["generated_instructions"]["records"] >= 300
    assert status["stages"]["preference_pairs"]["records"] >= 300
    assert [release["release"] for release in status["releases"]] == ["r0001"]
    run([str(installed), "run"], demo)
    again = json.loads(run([str(installed), "status", "--json"], demo))
    assert again["teacher"]["calls"] == 0
    assert again["releases"] == status["releases"]
