"""`synth methods`: the catalog, as a table, as JSON, and as the generated page docs/methods.md."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import TYPE_CHECKING, get_args

from synth_dagster.catalog import methods
from synth_dagster.cli.choosing import ranked
from synth_dagster.errors import UnknownName
from synth_dagster.method import KINDS, Family, Lifecycle, Method, Need
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
    family: str
    serves: tuple[str, ...]
    requires: tuple[str, ...]
    topics: tuple[str, ...]
    proof: str
    result: str
    settings: tuple["Setting", ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a method is looked for by; None leaves it open. `needs` is all that it may need, or 'nothing'."""

    kind: str | None = None
    needs: tuple[str, ...] | None = None
    stage: str | None = None
    purpose: str | None = None


def entries(wish: Wish = Wish()) -> list[Entry]:
    """What fits a wish: by kind, then slug, or for a purpose the best first. Raises UnknownName for an unknown word."""
    _check(wish)
    found = [method for method in methods().values() if _fits(method, wish)]
    if wish.purpose is not None:
        return [_entry(method) for method in ranked(wish.purpose, found)]
    order = list(KINDS)
    return [_entry(method) for method in sorted(found, key=lambda method: (order.index(method.kind), method.slug))]


NOTHING = "nothing"


def _check(wish: Wish) -> None:
    known = (("kind of method", wish.kind, KINDS), ("stage of a model's life", wish.stage, get_args(Lifecycle)))
    for what, given, allowed in known:
        if given is not None and given not in allowed:
            raise UnknownName(what, given, allowed)
    for need in wish.needs or ():
        if need not in (*get_args(Need), NOTHING):
            raise UnknownName("need of a method", need, (*get_args(Need), NOTHING))


def _fits(method: type[Method], wish: Wish) -> bool:
    return (
        wish.kind in (None, method.kind)
        and (wish.stage is None or wish.stage in method.serves())
        and (wish.needs is None or set(method.needs()) <= set(wish.needs))
    )


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
        needs=", ".join(method_roles(method)) or NOTHING,
        family=method.family,
        serves=method.serves(),
        requires=method.needs(),
        topics=method.topics,
        proof=method.proof.level,
        result=method.proof.result,
        settings=tuple(_setting(name, field) for name, field in method.model_fields.items()),
    )


def _setting(name: str, field: "FieldInfo") -> Setting:
    default = None if field.is_required() else canonical_json(field.get_default(call_default_factory=True))
    return Setting(name, default, field.description or "")


_MAKES = {
    "refine": "the same",
    "filter": "verdicts",
    "dedup": "clusters",
    "select": "a choice",
    "mix": "weights",
    "measure": "numbers",
    "guard": "findings",
    "train": "a model",
}


def show_methods(wish: Wish, *, as_json: bool, markdown: bool) -> None:
    """Print what of the catalog fits a wish. Raises UnknownName for a word that is none."""
    from synth_dagster.cli.terminal import Terminal, print_json

    found = entries(wish)
    if as_json:
        print_json([asdict(entry) for entry in found])
    elif markdown:
        print(page(found), end="")  # noqa: T201  # a page for a file, not for a terminal
    else:
        _print(Terminal(), found)


def _print(console: "Console", found: Sequence[Entry]) -> None:
    """By kind: a line of facts for each method, and below it what it does, folded to the terminal."""
    from rich.text import Text

    for kind, of_kind in groupby(found, key=attrgetter("kind")):  # for a purpose the best first, whatever its kind
        console.print(Text(kind, style="bold"))
        group = list(of_kind)
        widths = [max(map(len, column)) for column in zip(*map(_facts, group), strict=True)]
        for entry in group:
            slug, does, proof = (part.ljust(width) for part, width in zip(_facts(entry), widths, strict=True))
            room = console.width - len(f"  {slug}  ")
            forms = (
                f"{does}  {proof.rstrip()}",
                f"{does.rstrip()}  {proof.rstrip()}",
            )  # in a column where there is room
            folded_facts = f"{fill(does.rstrip(), room, subsequent_indent=INDENT)}\n{INDENT}{proof}"
            facts = next((one for one in forms if len(one) <= room), folded_facts)
            console.print(Text.assemble("  ", (slug, "cyan"), "  ", facts.rstrip()))
            folded = fill(f"{entry.summary}.", console.width, initial_indent=INDENT, subsequent_indent=INDENT)
            console.print(Text(folded))
    if not found:
        console.print("No method fits. 'synth methods' lists them all.")


def _facts(entry: Entry) -> tuple[str, str, str]:
    needs = f" with {entry.needs}" if entry.needs != NOTHING else ""
    reads = "any" if entry.reads == ", ".join(VIEWS) else entry.reads
    return entry.slug, f"{reads} -> {entry.makes}{needs}", entry.proof


def page(found: Sequence[Entry]) -> str:
    """docs/methods.md: one row a method, with its certificate, then the settings of each."""
    head = "# Methods\n\nWritten by `make docs` from the code; a test says when it is stale.\n\n"
    columns = "## All\n\n| method | kind | reads → makes | needs | paper | proof | result |\n" + "| --- " * 7 + "|\n"
    return (
        head
        + _index(found)
        + columns
        + "".join(_row(entry) for entry in found)
        + "".join(_settings(entry) for entry in found)
    )


def _index(found: Sequence[Entry]) -> str:
    """What a method is and which stage of a model's life it serves, by the survey's names, with what they hold."""
    return (
        "## By what they do\n\nThe first six families are those of "
        "[arXiv:2410.12896](https://arxiv.org/abs/2410.12896): three that augment, three that synthesise.\n\n"
        + _grouped("family", get_args(Family), found, lambda entry: (entry.family,))
        + "\n## By what they are for\n\n"
        + _grouped("stage", get_args(Lifecycle), found, lambda entry: entry.serves)
        + "\n## By what they need\n\n"
        + _grouped("need", (*get_args(Need), NOTHING), found, lambda entry: entry.requires or (NOTHING,))
        + "\n"
    )


def _grouped(title: str, names: Sequence[str], found: Sequence[Entry], of: Callable[[Entry], Sequence[str]]) -> str:
    groups = {name: [f"`{entry.slug}`" for entry in found if name in of(entry)] for name in names}
    rows = "".join(f"| {name} | {', '.join(slugs)} |\n" for name, slugs in groups.items() if slugs)
    return f"| {title} | methods |\n| --- | --- |\n{rows}"


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
