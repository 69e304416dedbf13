"""`synth methods`: the catalog, as a table, as JSON, and as the generated page docs/methods.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from synth_dagster.catalog import methods
from synth_dagster.errors import UnknownName
from synth_dagster.method import KINDS, Method


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
    )


_MAKES = {
    "filter": "signals and rules",
    "dedup": "clusters",
    "select": "a choice",
    "mix": "weights",
    "measure": "numbers",
    "guard": "findings",
    "train": "a model",
}


def show_methods(kind: str | None, *, as_json: bool, markdown: bool) -> None:
    from rich.console import Console

    found = entries(kind)
    console = Console(soft_wrap=True)
    if as_json:
        console.print_json(json.dumps([asdict(entry) for entry in found]))
    elif markdown:
        print(page(found), end="")  # noqa: T201  # a page for a file, not for a terminal
    else:
        console.print(_table(found))


def _table(found: Sequence[Entry]) -> object:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("method", "kind", "reads", "makes", "needs", "proof", "what it does"):
        table.add_column(column, overflow="fold")
    for entry in found:
        table.add_row(entry.slug, entry.kind, entry.reads, entry.makes, entry.needs, entry.proof, entry.summary)
    return table


def page(found: Sequence[Entry]) -> str:
    """docs/methods.md: one row a method, with its certificate."""
    head = "# Methods\n\nWritten by `make docs` from the code; a test says when it is stale.\n\n"
    columns = "| method | kind | reads → makes | needs | paper | proof | result |\n" + "| --- " * 7 + "|\n"
    return head + columns + "".join(_row(entry) for entry in found)


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
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"
