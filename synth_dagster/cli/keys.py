"""`synth keys`: keys that sign what is handed over."""

from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.signing import VARIABLE, named_key, new_key, public_half


def make_key(path: Path) -> None:
    """Make a key and say how it is used. Raises BadKey where something stands there already."""
    made, console, public = new_key(path), Terminal(), public_half(path)
    for line in (
        f"Made the key {made.key}.",
        f"{path} signs: keep it where only you read it. Set {VARIABLE}={path} and what you hand over is signed.",
        f"{public} checks: give it to whoever gets your data, for 'synth verify DIR --key {public.name}'.",
    ):
        console.print(escape(line), highlight=False)


def show_key(given: str, *, as_json: bool) -> None:
    """Print the name of a key. Raises BadKey."""
    name = named_key(given)
    if as_json:
        print_json({"key": name})
    else:
        Terminal().print(name, highlight=False)
