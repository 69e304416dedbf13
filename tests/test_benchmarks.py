"""Benchmarks say their options: what they do not know ends them before a minute is measured."""

import argparse
import re
from pathlib import Path

import pytest

from benchmarks.measured import in_process, options, parsed

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def said(monkeypatch):
    """What a benchmark is asked on the command line."""

    def say(*arguments: str) -> argparse.ArgumentParser:
        monkeypatch.setattr("sys.argv", ["benchmark", *arguments])
        return options("What it measures.")

    return say


def test_an_option_that_is_not_known_ends_it(said, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(said("--texst", "5"))
    assert ended.value.code == 2 and "unrecognized arguments: --texst 5" in capsys.readouterr().err


def test_help_is_its_docstring_and_ends_it(said, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(said("--help"))
    told = capsys.readouterr().out
    assert ended.value.code == 0 and "What it measures." in told and "--part" not in told


def test_a_part_is_done_with_its_values_and_ends_it(said, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(said("--part", "one", '"a"', "3", "true"), one=lambda *values: list(values))
    assert not ended.value.code and capsys.readouterr().out == '["a", 3, true]\n'


def test_a_part_that_fails_in_its_process_is_told_with_its_error():
    with pytest.raises(RuntimeError, match=r"NotADirectoryError|FileExistsError"):
        in_process("standards", "build", __file__, 1)


def test_every_benchmark_reads_its_options_so():
    """A peer is a program for another Python, which a benchmark starts."""
    programs = {path.stem: path.read_text() for path in BENCHMARKS.glob("*.py") if not path.stem.endswith("_peer")}
    started = {name: text for name, text in programs.items() if '__name__ == "__main__"' in text}
    assert len(started) >= 20
    assert [name for name, text in started.items() if not re.search(r"\bparsed\(", text)] == []
    assert [name for name, text in programs.items() if "sys.argv" in text or "ArgumentParser(" in text] == ["measured"]
