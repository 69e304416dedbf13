"""Pages as markup that can only be made by `tag`: whatever else stands in a page is text, and is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

VOID = frozenset({"input", "meta", "link"})


class Html(str):
    """Markup. A plain string never is."""

    __slots__ = ()


def tag(name: str, /, *inner: object, **attributes: object) -> Html:
    """An element. `class_` is class, `aria_label` is aria-label; None and False leave an attribute out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    return Html(f"<{name}{given}>" if name in VOID else f"<{name}{given}>{joined(inner)}</{name}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{escape(str(value))}"'


def joined(parts: Iterable[object]) -> Html:
    """Markup and text one after the other; None is nothing."""
    return Html("".join(part if isinstance(part, Html) else escape(str(part)) for part in parts if part is not None))


def url(*path: str, **query: object) -> str:
    """A path of this server. Empty values of the query are left out."""
    words = {key: value for key, value in query.items() if value not in (None, "", False)}
    return "/" + "/".join(quote(part, safe="") for part in path) + (f"?{urlencode(words)}" if words else "")


def link(words: object, to: str, **attributes: object) -> Html:
    return tag("a", words, href=to, **attributes)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "", empty: str = "None.") -> Html:
    """A table; numbers stand to the right. In a box of its own that scrolls where the window is narrow."""
    cells = [list(row) for row in rows]
    if not cells:
        return tag("p", empty)
    lines = [tag("tr", *(_cell(cell) for cell in row)) for row in cells]
    sides = ["n" if _is_number(cell) else None for cell in cells[0]]
    names = (tag("th", one, scope="col", class_=side) for one, side in zip(heads, sides, strict=True))
    head = tag("thead", tag("tr", *names))
    named = tag("caption", caption) if caption else None
    return tag(
        "div",
        tag("table", named, head, tag("tbody", *lines)),
        class_="scrolls",
        tabindex="0",
        role="region",
        aria_label=caption or "table",
    )


def part_of(shown: int, total: int, which: str = "first") -> str:
    """What a caption adds where a list is not whole."""
    return f", the {which} {shown:,} of {total:,}" if shown < total else ""


def _cell(cell: object) -> Html:
    return tag("td", figure(cell), class_="n") if _is_number(cell) else tag("td", cell)


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def figure(value: object) -> str:
    """A number as people read it; of a list or a mapping the parts."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {figure(one)}" for key, one in value.items())
    return ", ".join(figure(one) for one in value) if isinstance(value, list | tuple) else str(value)


def facts(known: Mapping[str, object]) -> Html:
    """Names with values; what has no value is left out."""
    rows = [
        tag("div", tag("dt", name), tag("dd", value if isinstance(value, Html) else figure(value)))
        for name, value in known.items()
        if value not in (None, "", (), [], {})
    ]
    return tag("dl", *rows) if rows else Html("")


def section(title: str, *inner: object, note: str = "") -> Html:
    return tag("section", tag("h2", title), tag("p", note) if note else None, *inner)


def field(label: str, name: str, value: str = "", *, known: Sequence[str] = (), **more: object) -> Html:
    """A labelled field, with the names that it may take offered."""
    listed = tag("datalist", *(tag("option", value=one) for one in known), id=f"known-{name}") if known else None
    given = {"type": "text", "maxlength": "200", "autocomplete": "off"} | more
    box = tag("input", id=f"field-{name}", name=name, value=value, list=f"known-{name}" if known else None, **given)
    return tag("div", tag("label", label, for_=f"field-{name}"), box, listed, class_="field")


def choice(label: str, name: str, value: str, known: Iterable[tuple[str, str]]) -> Html:
    """A labelled list to choose from: value and words."""
    options = [tag("option", words, value=one, selected=one == value) for one, words in known]
    return tag(
        "div",
        tag("label", label, for_=f"field-{name}"),
        tag("select", *options, id=f"field-{name}", name=name),
        class_="field",
    )
