"""The page about recipes: its tables are made from the models, its example is the default recipe.

`python -m synth_dagster.recipe.reference docs/recipes.md recipes/python_help.yaml` writes the page anew.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synth_dagster.recipe.draft import known_readers, role_settings
from synth_dagster.recipe.publication import PublicationSettings
from synth_dagster.recipe.sections import (
    ApprovalSettings,
    BudgetSettings,
    Chunk,
    Expectations,
    Freshness,
    SourceSettings,
    UseSettings,
)
from synth_dagster.recipe.settings import allowed, shown

BEGIN = "<!-- settings: generated, do not edit -->"
END = "<!-- end of settings -->"
EXAMPLE = "<!-- example: a copy of recipes/python_help.yaml -->"
EXAMPLE_END = "<!-- end of example -->"


def recipe_reference() -> str:
    """Every setting of a recipe besides those of methods, in Markdown."""
    readers = known_readers()
    parts = [
        _section("A source", "sources", SourceSettings),
        _section("How a source is cut into passages", "sources: chunk", Chunk),
        *(_section(f"The reader `{slug}`", "sources", reader) for slug, reader in sorted(readers.items())),
        _section("A teacher", "teachers", role_settings()),
        _section("Hard caps", "budget", BudgetSettings),
        _section("What must hold", "expect", Expectations),
        _section("How old it may become", "fresh", Freshness),
        _section("What it is for", "use", UseSettings),
        _section("Who has to say yes", "approval", ApprovalSettings),
        _section("What is said where it is published", "publication", PublicationSettings),
    ]
    return "\n\n".join(parts)


def refreshed(page: str, example: str) -> str:
    """The page with its example and its tables made anew."""
    page = _between(page, EXAMPLE, EXAMPLE_END, f"\n```yaml\n{example}```\n")
    return _between(page, BEGIN, END, f"\n\n{recipe_reference()}\n\n")


def _between(page: str, begin: str, end: str, text: str) -> str:
    before, _, rest = page.partition(begin)
    return f"{before}{begin}{text}{end}{rest.partition(end)[2]}"


def _section(title: str, place: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    fields = schema.get("properties", {})
    if not fields:
        return f"### {title} (`{place}`)\n\nNo settings of its own."
    required = set(schema.get("required", ()))
    in_order = sorted(fields.items(), key=lambda field: field[0] not in required)
    return f"### {title} (`{place}`)\n\n" + table(
        ("setting", "default", "may be", "meaning"),
        (
            (f"`{name}`", _default(name, field, required), allowed(field, schema), _meaning(field))
            for name, field in in_order
        ),
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _default(name: str, field: Mapping[str, Any], required: set[str]) -> str:
    if name in required:
        return "required"
    default = field.get("default")
    if default in ([], {}):
        return "none"
    return "`''`" if default == "" else f"`{shown(default).strip(chr(39))}`"


def _meaning(field: Mapping[str, Any]) -> str:
    return str(field.get("description", ""))


if __name__ == "__main__":
    page, example = map(Path, sys.argv[1:])
    page.write_text(refreshed(page.read_text(encoding="utf-8"), example.read_text(encoding="utf-8")), encoding="utf-8")
