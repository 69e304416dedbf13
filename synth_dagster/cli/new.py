"""`synth new DIR`: a project of one's own, copied from the one that the package carries."""

import shutil
from pathlib import Path

from synth_dagster.errors import ExitCode, SynthError

CARRIED = Path(__file__).resolve().parents[1] / "_project"
CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("assets", "resources", "expectations", "recipes", "deploy")
PARTS = (*FOLDERS, "definitions.py", "workspace.yaml", "dagster.yaml")

IGNORED = "lake/\n.ci-lake/\nanswers.sqlite*\n.dagster/\ndeploy/team/storage/\nexports/\n__pycache__/\n"


class CannotBegin(SynthError):
    """The folder is taken, or there is nothing to copy."""

    exit_code = ExitCode.USAGE


def new_project(directory: Path) -> None:
    """Copy the project's files into a new folder, whole or not at all."""
    from synth_dagster.cli.terminal import Terminal

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise CannotBegin(f"'{directory}' is there already and is not an empty folder. Name another.")
    origin = CARRIED if CARRIED.is_dir() else CHECKOUT
    missing = [part for part in PARTS if not (origin / part).exists()]
    if missing:
        raise CannotBegin(f"This installation carries no {', '.join(missing)}. Install the standard wheel again.")
    draft = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for part in PARTS:
        _copy(origin / part, draft / part)
    (draft / ".gitignore").write_text(IGNORED, encoding="utf-8")
    if directory.exists():
        directory.rmdir()
    draft.rename(directory)
    Terminal().print(f"Made {directory}. Next: [bold]cd {directory} && synth run[/bold]")


def _copy(origin: Path, to: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, to, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(origin, to)
