"""Methods are found, never registered: a file in its folder, or an entry point of another package."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import synth_dagster.methods
import synth_dagster.methods.filter
import synth_dagster.methods.refine
from synth_dagster import catalog
from synth_dagster.errors import ExitCode, MethodError, UnknownName
from synth_dagster.method import Method
from synth_dagster.recipe import load_recipes

OUTSIDE = Path(__file__).parent / "fixtures/outside_method_package"

METHOD = '''"""{idea}."""

from synth_dagster.method import Filter, Proof


class {name}(Filter):
    paper = "interpretation"
    proof = Proof("interpretation", "a method of the tests")

    def rules(self):
        return {{}}
'''


RECIPE = """dataset: {name}
sources: [{{name: notes, reader: files, path: recipes/, license: CC0-1.0, lang: en}}]
stages:
  seed_corpus: []
  filtered_mix: {{of: seed_corpus, filters: [{method}]}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose files are found beside those of methods/filter/."""
    monkeypatch.setattr(
        synth_dagster.methods.filter, "__path__", [*synth_dagster.methods.filter.__path__, str(tmp_path)]
    )
    before = set(sys.modules)
    catalog.methods.cache_clear()
    yield tmp_path
    catalog.methods.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith(synth_dagster.methods.__name__):
            del sys.modules[name]


def test_a_file_in_its_folder_is_all_that_a_method_needs(folder):
    known = set(catalog.methods())
    (folder / "two_words.py").write_text(METHOD.format(idea="Keeps texts of two words", name="TwoWords"))
    catalog.methods.cache_clear()
    found = catalog.method("two_words")
    assert set(catalog.methods()) - known == {"two_words"}
    assert (found.slug, found.kind, found.summary()) == ("two_words", "filter", "Keeps texts of two words")
    (folder / "two_words.py").unlink()
    catalog.methods.cache_clear()
    assert set(catalog.methods()) == known


LOOKED_UP = """
import sys
from synth_dagster import catalog
catalog.method("minhash")
print([name for name in sys.modules if name.startswith("synth_dagster.methods.") and name.count(".") > 2])
"""


def test_only_what_is_looked_up_is_imported():
    done = subprocess.run([sys.executable, "-c", LOOKED_UP], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "['synth_dagster.methods.dedup.minhash']"


def test_the_order_is_that_of_the_alphabet():
    assert list(catalog.methods()) == sorted(catalog.methods())


def test_two_methods_of_one_name_are_refused(folder):
    (folder / "minhash.py").write_text(METHOD.format(idea="Another minhash", name="Minhash"))
    with pytest.raises(MethodError, match=r"Two methods are called 'minhash': .*dedup\.minhash and .*filter\.minhash"):
        catalog.methods()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        pytest.param(METHOD.format(idea="One", name="One") + "\n\nclass Two(One):\n    pass\n", 2, id="two classes"),
        pytest.param('"""Nothing."""\n', 0, id="none"),
        pytest.param(METHOD.format(idea="Hidden", name="_Hidden"), 0, id="only a private one"),
        pytest.param(
            "from synth_dagster.methods.filter.gopher_quality import GopherQuality\n", 0, id="an imported one"
        ),
    ],
)
def test_a_file_holds_one_public_method(folder, text, holds):
    (folder / "odd.py").write_text(text)
    with pytest.raises(MethodError, match=rf"filter\.odd must hold exactly one public method class and holds {holds}"):
        catalog.method("odd")
    assert issubclass(catalog.method("minhash"), Method)  # the others are as good as they were


def test_a_method_in_the_folder_of_another_kind_is_told_where_it_belongs(folder, monkeypatch):
    monkeypatch.setattr(synth_dagster.methods.filter, "__path__", synth_dagster.methods.filter.__path__[:-1])
    monkeypatch.setattr(synth_dagster.methods.refine, "__path__", [*synth_dagster.methods.refine.__path__, str(folder)])
    (folder / "lost.py").write_text(METHOD.format(idea="Lost", name="Lost"))
    with pytest.raises(MethodError, match=r"'lost' is a method of kind filter and stands in refine/\. Move its file"):
        catalog.method("lost")


def test_an_unknown_method_is_answered_with_the_nearest_one():
    with pytest.raises(UnknownName, match=r"Did you mean 'gopher_quality'\? 'synth methods' lists them all"):
        catalog.method("gopher_qualty")


# ------------------------------------------------------------------------------------------------------ other packages


class Entry:
    """An entry point as importlib.metadata gives it."""

    def __init__(self, name, loaded):
        self.name, self.value, self._loaded = name, f"elsewhere:{name}", loaded

    def load(self):
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        pytest.param(
            ImportError("no module named elsewhere"),
            r"'outside' of another package does not load \(elsewhere:outside\): no module named elsewhere.*uninstall",
            id="does not import",
        ),
        pytest.param(
            int, r"'outside' is not a method: it must derive from a class of synth_dagster\.method", id="no method"
        ),
        pytest.param(json, r"json must hold exactly one public method class and holds 0", id="a module without one"),
    ],
)
def test_a_broken_package_is_named_with_a_cure(monkeypatch, loaded, said):
    monkeypatch.setattr(catalog, "entry_points", lambda group: [Entry("outside", loaded)])
    catalog.methods.cache_clear()
    with pytest.raises(MethodError, match=said):
        catalog.method("outside")
    catalog.methods.cache_clear()


def test_a_broken_package_is_said_at_the_line_that_names_its_method_and_others_load(monkeypatch, tmp_path):
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    for name, method in (("good", "gopher_quality"), ("bad", "outside")):
        (recipes / f"{name}.yaml").write_text(RECIPE.format(name=name, method=method))
    monkeypatch.setattr(catalog, "entry_points", lambda group: [Entry("outside", ImportError("no module elsewhere"))])
    catalog.methods.cache_clear()
    loaded, problems = load_recipes(recipes, root=tmp_path)
    catalog.methods.cache_clear()
    assert [recipe.dataset for recipe in loaded] == ["good"]
    (said,) = [str(problem) for problem in problems]
    assert "bad.yaml:5" in said and "'outside' of another package does not load" in said


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package in tests/fixtures, built and put into a folder of its own: an environment of uv has no pip."""
    target = tmp_path_factory.mktemp("outside")
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, cwd=OUTSIDE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = target.glob("*.whl")
    with ZipFile(wheel) as files:
        files.extractall(target)
    return target


def synth(*arguments, path, cwd=None):
    code = "from synth_dagster.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{Path(synth_dagster.methods.__file__).parents[2]}"}
    for name in ("SYNTH_MODEL", "SYNTH_PROJECT", "SYNTH_LAKE", "SYNTH_ENV", "DAGSTER_HOME"):
        env.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_an_installed_package_brings_its_method(installed):
    done = synth("methods", "--json", path=installed)
    (found,) = [entry for entry in json.loads(done.stdout) if entry["slug"] == "outside_length"]
    assert (found["kind"], found["reads"], found["makes"]) == ("filter", "document", "verdicts")
    assert "outside_length" not in synth("methods", "--json", path="").stdout


def test_its_method_works_in_a_recipe(installed, tmp_path):
    project = tmp_path / "p"
    assert synth("new", str(project), path=installed).returncode == 0
    (project / "inbox").mkdir()
    (project / "inbox/a.jsonl").write_text(
        '{"id": "1", "text": "Too."}\n{"id": "2", "text": "Long enough to be kept."}\n'
    )
    (project / "recipes/outside.yaml").write_text(
        "dataset: outside\n"
        "sources: [{name: notes, reader: files, path: inbox/, license: CC0-1.0, lang: en}]\n"
        "stages:\n  seed_corpus: []\n  filtered_mix: {of: seed_corpus, filters: [outside_length: {at_least: 10}]}\n"
    )
    done = synth("run", "outside", path=installed, cwd=project)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
    status = json.loads(synth("status", "--json", path=installed, cwd=project).stdout)
    (release,) = status["releases"]
    assert release["verdicts"] == {"kept": 1, "dropped": {"outside_length:too_short": 1}}
    # without the package the recipe says what is missing, and what else there is
    done = synth("run", "outside", path="", cwd=project)
    assert done.returncode == ExitCode.USAGE
    assert "recipes/outside.yaml:5: No method is called 'outside_length'." in done.stderr
