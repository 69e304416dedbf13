"""Readers are found by their file names, and a wrong name meets the right one."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from synth_dagster import readers
from synth_dagster.errors import ExitCode, UnknownName
from synth_dagster.readers.base import Reader


def test_the_readers_are_the_files_that_hold_one():
    assert {"files", "python_reference"} <= set(readers.known())
    assert not {"base", "folder", "json_lines", "markdown", "texts"} & set(readers.known())
    assert all(issubclass(readers.reader(slug), Reader) for slug in readers.known())


def test_a_wrong_name_meets_the_nearest_right_one():
    with pytest.raises(UnknownName, match=r"No reader is called 'file'. Did you mean 'files'") as refused:
        readers.reader("file")
    assert refused.value.exit_code is ExitCode.USAGE


def test_settings_are_checked_and_explained():
    with pytest.raises(ValidationError):
        readers.reader("files")(path="inbox", txet_field="body")
    with pytest.raises(ValidationError):
        readers.reader("files")(path="inbox", max_line_bytes=0)
    for slug in readers.known():
        assert all(setting.description for setting in readers.reader(slug).model_fields.values())


def test_finding_the_readers_loads_nothing_heavy():
    heavy = "{'pandas', 'duckdb', 'deltalake', 'dagster', 'great_expectations', 'torch', 'boto3', 'pydoc_data.topics'}"
    code = f"import sys; from synth_dagster import readers; readers.known(); print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
