"""`synth method new` writes a method that runs, and a test that fails until its proof is written."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from synth_dagster.catalog import method
from synth_dagster.cli.new_method import CannotAdd, begin_method
from synth_dagster.errors import UnknownName
from synth_dagster.method import KINDS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of somebody else, in which one stands."""
    (tmp_path / "src/theirs").mkdir(parents=True)
    (tmp_path / "src/theirs/__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "1"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by_tests_of(folder, *files):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *files]
    env = {"PYTHONPATH": str(folder / "src"), "PATH": ""}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout


def test_of_every_kind_the_shape_passes_and_the_proof_says_what_to_write(package):
    for kind in KINDS:
        begin_method(kind, f"my_{kind}", None)
    said = said_by_tests_of(package, "tests")
    assert f"{len(KINDS)} failed, {len(KINDS)} passed" in said, said[-3000:]
    for kind in KINDS:
        assert f"The proof of my_{kind} is not written." in said
    offered = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]
    assert offered == {"synth_dagster.methods": {f"my_{kind}": f"theirs.my_{kind}" for kind in KINDS}}


def test_the_linter_of_this_checkout_has_nothing_against_what_it_writes(package):
    for kind in KINDS:
        begin_method(kind, f"my_own_{kind}_of_texts", None)
    written = sorted(map(str, package.rglob("*.py")))
    for command in (["check", "--ignore=INP001,I001"], ["format", "--check"]):
        asked = [sys.executable, "-m", "ruff", *command, "--no-cache", f"--config={ROOT / 'pyproject.toml'}", *written]
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_is_a_method_of_its_kind(kind, package, monkeypatch):
    begin_method(kind, "written_here", None)
    written = ModuleType("theirs.written_here")
    monkeypatch.setitem(sys.modules, written.__name__, written)  # where a generic base class leaves its parameters
    source = (package / "src/theirs/written_here.py").read_text()
    exec(compile(source, "written_here.py", "exec"), vars(written))
    made = written.WrittenHere
    assert made.kind == kind and issubclass(made, KINDS[kind]) and made.family
    assert max(map(len, source.splitlines())) <= 120
    assert all(field.description for field in made.model_fields.values())


@pytest.mark.parametrize(
    ("kind", "slug", "said"),
    [
        ("filter", "My-Filter", "is no name for a method"),
        ("filter", "class", "is no name for a method"),
        ("filter", "../up", "is no name for a method"),
        ("filter", "none", "would be called 'None'"),
        ("filter", "filter", "would be called 'Filter'"),
        ("synthesize", "drop", "would be called 'Drop'"),
        ("filter", "test_a", "would be called 'TestA'"),
        ("filter", "a" * 300, "more than 60 characters"),
        ("filter", "yes", "YAML reads it as a value"),
        ("filter", "pii", "There is a method 'pii' already"),
    ],
)
def test_a_bad_name_writes_nothing(kind, slug, said, package):
    before = sorted(package.rglob("*"))
    with pytest.raises(CannotAdd, match=said):
        begin_method(kind, slug, None)
    assert sorted(package.rglob("*")) == before


def test_an_unknown_kind_names_the_nearest(package):
    with pytest.raises(UnknownName, match="Did you mean 'filter'"):
        begin_method("filters", "mine", None)


def test_a_file_that_is_there_is_not_overwritten(package):
    begin_method("filter", "mine", None)
    with pytest.raises(CannotAdd, match="is there already"):
        begin_method("measure", "mine", None)
    assert "Filter" in (package / "src/theirs/mine.py").read_text()


def test_entry_points_of_another_form_are_left_alone(package):
    inline = '[project]\nname = "theirs"\nversion = "1"\nentry-points = {}\n'
    (package / "pyproject.toml").write_text(inline, encoding="utf-8")
    with pytest.raises(CannotAdd, match="Add this line"):
        begin_method("filter", "mine", None)
    assert (package / "pyproject.toml").read_text() == inline and not (package / "src/theirs/mine.py").exists()


def test_a_project_gets_a_package_beside_it(tmp_path, monkeypatch):
    for mark in ("definitions.py", "workspace.yaml"):
        (tmp_path / mark).touch()
    monkeypatch.chdir(tmp_path)
    begin_method("measure", "mine", None)
    begin_method("filter", "another", None)
    made = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "own_methods").rglob("*") if path.is_file()}
    code = {f"own_methods/src/own_methods/{name}.py" for name in ("__init__", "mine", "another")}
    assert made == code | {f"own_methods/tests/test_{name}.py" for name in ("mine", "another")} | {
        "own_methods/pyproject.toml"
    }
    assert "1 failed, 1 passed" in said_by_tests_of(tmp_path / "own_methods", "tests/test_mine.py")


def test_a_checkout_needs_no_entry_point(tmp_path, monkeypatch):
    (tmp_path / "synth_dagster/methods/filter").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path / "synth_dagster")
    begin_method("filter", "mine", None)
    assert (tmp_path / "synth_dagster/methods/filter/mine.py").exists()
    assert (tmp_path / "tests/methods/filter/test_mine.py").exists()
    assert (tmp_path / "pyproject.toml").read_text() == ""


def test_nowhere_to_write_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotAdd, match="Here is no checkout, package or project"):
        begin_method("filter", "mine", None)
    with pytest.raises(CannotAdd, match="is no package"):
        begin_method("filter", "mine", tmp_path)


def test_the_catalog_is_not_touched(package):
    begin_method("filter", "mine", None)
    with pytest.raises(UnknownName):
        method("mine")
