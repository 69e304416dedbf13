"""Freed memory of Arrow goes back: what makes a run of many batches as small as one of few."""

import os
import subprocess
import sys

import pytest

NAME = "ARROW_DEFAULT_MEMORY_POOL"


def pool_after(imported: str, **env: str) -> str:
    """The pool that Arrow takes in a new process, where something was imported before it."""
    clean = {name: value for name, value in os.environ.items() if name != NAME}
    program = f"import {imported}, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**clean, **env}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imported",
    [
        pytest.param("synth_dagster.records", id="library"),
        pytest.param("synth_dagster.cli.run", id="command", marks=pytest.mark.prove),
        pytest.param("definitions", id="dagster-code-location"),
    ],
)
def test_arrow_keeps_no_heaps_of_its_own_however_the_project_is_loaded(imported):
    assert pool_after(imported) == "system"


def test_an_allocator_that_the_user_has_chosen_stands():
    chosen = pool_after("synth_dagster.records", **{NAME: "mimalloc"})

    assert chosen == "mimalloc"
