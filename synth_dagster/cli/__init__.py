"""`synth`: the command line. `app` declares the commands; each does its work in a module that is imported when it runs.

`synth --help` answers at once, so nothing here imports Dagster, Arrow or DuckDB.
"""

from synth_dagster.cli.app import main

__all__ = ["main"]
