"""Functions that the tests of the engine give to workers, by name."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError
from synth_dagster.scale.engine import remove_scratch
from synth_dagster.storage import open_store
from synth_dagster.storage.fence import raise_fence


def lengths(table, arguments):
    """Of each row its id and the length of its text."""
    return pa.table({"id": table["id"], "length": pc.utf8_length(table["text"])})


def slow_lengths(table, arguments):
    time.sleep(arguments["seconds"])
    return lengths(table, arguments)


def but_not_there(table, arguments):
    """Does what `does` names and leaves a mark when it begins and when it ends; on the `doomed` node it never ends.

    Elsewhere it begins once one has begun there: else a node whose worker is slow to start finds nothing left to do.
    """
    import ray

    marks, doomed = Path(arguments["marks"]), arguments["doomed"]
    node = ray.get_runtime_context().get_node_id()
    mark = marks / f"{table['id'][0].as_py() if table.num_rows else 'none'}-{node}"
    until = time.monotonic() + 120
    while node != doomed and not any(marks.glob(f"*-{doomed}.began")) and time.monotonic() < until:
        time.sleep(0.05)
    mark.with_suffix(".began").touch()
    if node == doomed:
        time.sleep(600)
    mark.with_suffix(".ended").touch()
    return {"lengths": lengths, "counted": counted}[arguments["does"]](table, arguments)


def dies_once(table, arguments):
    """Ends its process the first time that it is called."""
    mark = Path(arguments["mark"])
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return lengths(table, arguments)


def dies(table, arguments):
    os._exit(1)


def fails(table, arguments):
    raise MethodError("This cannot be done.")


def counted(table, arguments):
    """Of each key how many rows it has and the ids of its first and last."""
    grouped = table.group_by("key", use_threads=False).aggregate([("id", "count"), ("id", "first"), ("id", "last")])
    return grouped.select(["key", "id_count", "id_first", "id_last"])


def counted_and_sized(table, arguments):
    """The same, and how many bytes the call was given."""
    found = counted(table, arguments)
    return found.append_column("given", pa.array([table.nbytes] * found.num_rows, pa.int64()))


def summed(table, arguments):
    """The same of rows that `combined` has made fewer."""
    grouped = table.group_by("key", use_threads=False).aggregate([("n", "sum"), ("id", "min")])
    return grouped.select(["key", "n_sum", "id_min"])


def combined(table, arguments):
    """One row for the rows of a key: how many they are and the smallest id."""
    grouped = table.group_by("key", use_threads=False).aggregate([("n", "sum"), ("id", "min")])
    named = grouped.rename_columns(["key", "n", "id"])
    return named.select(table.column_names).cast(table.schema)


def rows(number, *, keys, seed=0):
    """A table of so many rows with keys of which low ones are far more frequent."""
    rng = np.random.default_rng(seed)
    drawn = (rng.pareto(1.0, number) * 3).astype(np.int64) % keys
    return pa.table(
        {
            "id": pa.array(np.arange(number)),
            "key": pa.array(drawn),
            "n": pa.array(np.ones(number, np.int64)),
            "text": pa.array([f"row {n} " * (1 + n % 7) for n in range(number)], pa.string()),
        }
    )


def lengths_while_erased(table, arguments):
    """An erasure begins and empties the folder while this works."""
    raise_fence(open_store(arguments["store"]), "an erasure")
    remove_scratch(open_store(arguments["store"]))
    return lengths(table, arguments)


def marked_lengths(table, arguments):
    """Leaves a mark for each call, and waits to be killed over rows from an id on, until nobody will kill it."""
    first = table["id"][0].as_py()
    Path(arguments["marks"], f"{first}-{os.getpid()}").touch()
    if first >= arguments["waits_from"] and not Path(arguments["killed"]).exists():
        time.sleep(600)
    return lengths(table, arguments)
