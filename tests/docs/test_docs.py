"""What README and docs tell a reader to type works, and what they name is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from synth_dagster.cli.app import app
from synth_dagster.recipe import parse_recipe
from tests.docs.pages import ROOT, Fence, fences, pages, script, spans

LANGUAGES = {"sh", "yaml", "python", "json", "jsonl", "csv", "markdown", "text", "mermaid", ""}
NOTES = {"", "file", "run in", "exits", "run by", "not run", "example"}
SCRUBBED = ("SYNTH_", "OPENAI_", "AWS_", "DAGSTER_")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def to_run() -> list[Path]:
    """The pages on which something is typed that no other test types."""
    return [page for page in pages() if any(fence.script() and fence.language == "sh" for fence in fences(page))]


def in_a_checkout(page: Path) -> bool:
    return any(fence.note == "run in" and fence.value == "checkout" for fence in fences(page))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty home, our programs on the path, and none of this machine's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SCRUBBED)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = tmp_path / "home"
    home.mkdir()
    return {**kept, "PATH": path, "HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "COLUMNS": "120"}


def clone(into: Path) -> Path:
    """The tracked files as they stand, with the environment of this run, so that no minute goes into making one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    (into / ".venv").symlink_to(Path(sys.prefix))
    os.utime(into / ".venv/.ready")
    return into


@pytest.mark.prove(minutes=8)
@pytest.mark.parametrize("page", to_run(), ids=named)
def test_what_a_page_tells_to_type_works(page: Path, tmp_path: Path, environment: dict[str, str]):
    folder = tmp_path / "project"
    if in_a_checkout(page):
        clone(folder)
        environment["PYTHONPATH"] = str(folder)  # else the commands would be those of the checkout that is tested
    else:
        made = subprocess.run(
            ["synth", "new", str(folder)], env=environment, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script(page)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_fence_says_what_it_is(page: Path):
    for fence in fences(page):
        assert fence.language in LANGUAGES and fence.note in NOTES, fence
        if fence.note == "run by":
            assert (ROOT / fence.value).exists(), f"{fence.value} is gone"
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") == 2 * len(list(fences(page))), "a fence is indented, unclosed or of an unknown form"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_recipes_on_a_page_are_right(page: Path, tmp_path: Path):
    for name in ("inbox/held_out", "recipes/held_out"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copytree(ROOT / "recipes/gallery", tmp_path / "recipes/gallery")  # a link would leave the project
    shown = list(fences(page))
    for fence, after in zip(shown, [*shown, None][1:], strict=True):
        is_wrong = after is not None and after.note == "exits"  # shown for what is said about it
        if fence.language == "yaml" and re.search(r"^dataset:", fence.body, re.MULTILINE) and not is_wrong:
            assert parse_recipe(fence.body, tmp_path / "recipes/a.yaml", root=tmp_path)


def commands(page: Path) -> list[list[str]]:
    """The `synth ...` of prose and tables, as words; [OPTIONAL] and <PLACE> stand for what a reader fills in."""
    found = [span for span in spans(page) if span.startswith("synth ")]
    return [shlex.split(re.sub(r"[\[\]<>]", "", span.partition(" && ")[0])) for span in found]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_commands_that_a_page_names_exist(page: Path):
    root = typer.main.get_command(app)
    for words in commands(page):
        command, rest = root, words[1:]
        while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
            for name in rest[0].split("|"):
                assert name in command.commands, f"{named(page)}: {' '.join(words)}: no command {name!r}"
            command, rest = command.commands[rest[0].split("|")[0]], rest[1:]
        options = {option for parameter in command.params for option in (*parameter.opts, "--help")}
        unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in options]
        assert not unknown, f"{named(page)}: {' '.join(words)}: {unknown}"
    for span in spans(page):
        if made := re.match(r"make ([a-z-]+)", span):
            assert made[1] in targets(), f"{named(page)}: {span}"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_links_of_a_page_lead_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{named(page)}: {target}"


def test_a_page_that_lies_is_found(tmp_path: Path):
    """The planted page types a command that fails, and a file comes before the command that reads it."""
    page = tmp_path / "page.md"
    page.write_text("<!-- file: a.txt -->\n```text\nhello\n```\n\n```sh\ngrep hello a.txt\n```\n\n```sh\nfalse\n```\n")
    assert [fence.note for fence in fences(page)] == ["file", "", ""]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script(page)], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"hello\n")


def test_an_expected_failure_has_to_happen(tmp_path: Path):
    wrong, right = Fence("sh", "true\n", "exits", "1"), Fence("sh", "false\n", "exits", "1")
    codes = [subprocess.run(["bash", "-euc", one.script()], check=False).returncode for one in (wrong, right)]
    assert codes == [99, 0]
