"""One file, one name: what a package holds is found without a list of it."""

import pytest

from synth_dagster.errors import MethodError, UnknownName
from synth_dagster.parts.discovery import found_in, named


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the given files on the import path; `dict` stands for the base class."""

    def make(name, **files):
        (tmp_path / name).mkdir()
        for file, text in {"__init__": "", **files}.items():
            (tmp_path / name / f"{file}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return name

    return make


def test_the_file_name_is_the_name_and_helpers_have_none(package):
    name = package(
        "made_of_files",
        zebra="class Z(dict): pass",
        ant="class A(dict): pass\nclass _Hidden(dict): pass",
        helper="from made_of_files.ant import A\nx = 1",
    )
    found = found_in(name, dict)
    assert list(found) == ["ant", "zebra"] and found["ant"].__name__ == "A"
    with pytest.raises(UnknownName, match=r"No thing is called 'ants'. Did you mean 'ant'"):
        named("thing", "ants", found)


def test_two_in_one_file_are_refused(package):
    with pytest.raises(MethodError, match="must hold one public dict and holds 2"):
        found_in(package("made_of_one_file", both="class A(dict): pass\nclass B(dict): pass"), dict)
