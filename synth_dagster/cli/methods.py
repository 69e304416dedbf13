"""`synth methods`: the catalog, as a table, as JSON, and as the generated page docs/methods.md."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import TYPE_CHECKING

from synth_dagster.catalog import methods
from synth_dagster.errors import UnknownName
from synth_dagster.method import KINDS, Method
from synth_dagster.records import VIEWS, canonical_json

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from rich.console import Console


INDENT = " " * 4


@dataclass(frozen=True, slots=True)
class Setting:
    """What a recipe may say about a method; `default` is None for one that must be given."""

    name: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One method as people choose by."""

    slug: str
    kind: str
    summary: str
    paper: str
    reads: str
    makes: str
    needs: str
    proof: str
    result: str
    settings: tuple["Setting", ...]


def entries(kind: str | None = None) -> list[Entry]:
    """The catalog in the order of kinds, then slugs. Raises UnknownName for an unknown kind."""
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind of method", kind, KINDS)
    order = list(KINDS)
    found = [_entry(method) for method in methods().values() if kind in (None, method.kind)]
    return sorted(found, key=lambda entry: (order.index(entry.kind), entry.slug))  # type: ignore[arg-type]  # kinds are its keys


def _entry(method: type[Method]) -> Entry:
    from synth_dagster.recipe import method_roles

    made = method.produces()
    return Entry(
        slug=method.slug,
        kind=method.kind,
        summary=method.summary(),
        paper=method.paper,
        reads=", ".join(record.kind for record in method.consumes()) or "any",
        makes=made.kind if made else _MAKES.get(method.kind, "nothing"),
        needs=", ".join(method_roles(method)) or "nothing",
        proof=method.proof.level,
        result=method.proof.result,
        settings=tuple(_setting(name, field) for name, field in method.model_fields.items()),
    )


def _setting(name: str, field: "FieldInfo") -> Setting:
    default = None if field.is_required() else canonical_json(field.get_default(call_default_factory=True))
    return Setting(name, default, field.description or "")


_MAKES = {
    "filter": "verdicts",
    "dedup": "clusters",
    "select": "a choice",
    "mix": "weights",
    "measure": "numbers",
    "guard": "findings",
    "train": "a model",
}


def show_methods(kind: str | None, *, as_json: bool, markdown: bool) -> None:
    """Print the catalog. Raises UnknownName for an unknown kind."""
    from synth_dagster.cli.terminal import Terminal, print_json

    found = entries(kind)
    if as_json:
        print_json([asdict(entry) for entry in found])
    elif markdown:
        print(page(found), end="")  # noqa: T201  # a page for a file, not for a terminal
    else:
        _print(Terminal(), found)


def _print(console: "Console", found: Sequence[Entry]) -> None:
    """By kind: a line of facts for each method, and below it what it does, folded to the terminal."""
    from rich.text import Text

    for kind, of_kind in groupby(found, key=attrgetter("kind")):
        console.print(Text(kind, style="bold"))
        group = list(of_kind)
        widths = [max(map(len, column)) for column in zip(*map(_facts, group), strict=True)]
        for entry in group:
            slug, *facts = (part.ljust(width) for part, width in zip(_facts(entry), widths, strict=True))
            console.print(Text.assemble("  ", (slug, "cyan"), "  ", "  ".join(facts).rstrip()))
            folded = fill(f"{entry.summary}.", console.width, initial_indent=INDENT, subsequent_indent=INDENT)
            console.print(Text(folded))
    if not found:
        console.print("There is no method of this kind yet.")


def _facts(entry: Entry) -> tuple[str, str, str]:
    needs = f" with {entry.needs}" if entry.needs != "nothing" else ""
    reads = "any" if entry.reads == ", ".join(VIEWS) else entry.reads
    return entry.slug, f"{reads} -> {entry.makes}{needs}", entry.proof


def page(found: Sequence[Entry]) -> str:
    """docs/methods.md: one row a method, with its certificate, then the settings of each."""
    head = "# Methods\n\nWritten by `make docs` from the code; a test says when it is stale.\n\n"
    columns = "| method | kind | reads → makes | needs | paper | proof | result |\n" + "| --- " * 7 + "|\n"
    return head + columns + "".join(_row(entry) for entry in found) + "".join(_settings(entry) for entry in found)


def _settings(entry: Entry) -> str:
    if not entry.settings:
        return ""
    rows = "".join(
        f"| `{setting.name}` | {_cell(setting.default or 'must be given')} | {_cell(setting.meaning)} |\n"
        for setting in entry.settings
    )
    return f"\n## {entry.slug}\n\n| setting | default | meaning |\n| --- | --- | --- |\n{rows}"


def _row(entry: Entry) -> str:
    paper = entry.paper
    if paper.startswith("arXiv:"):
        paper = f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})"
    cells = (
        f"`{entry.slug}`: {entry.summary}",
        entry.kind,
        f"{entry.reads} → {entry.makes}",
        entry.needs,
        paper,
        entry.proof,
        entry.result,
    )
    return "| " + " | ".join(map(_cell, cells)) + " |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
