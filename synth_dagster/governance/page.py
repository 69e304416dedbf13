"""A page of records for people: one HTML file without scripts, in which every word of a record is escaped.

The content policy forbids a page to load or run anything, so that a record cannot do what a page could.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

MOST_CHARACTERS = 2_000
BEFORE_A_MARK = 300  # characters that are shown before the first marked piece of a long text
FOLDED = ("rationale",)  # long, and seldom what one came for
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STYLE = """
:root{color-scheme:light dark;--ink:#1f2433;--pale:#6b7280;--line:#e3e6ee;--back:#fff;--soft:#f6f7fb;--mark:#fff0b3}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ef;--pale:#9aa1b2;--line:#333a4a;--back:#151922;--soft:#1d222d;
--mark:#5b4b00}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:84rem;margin:2rem auto;
padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2.2rem 0 .2rem}
h3{font-size:.75rem;font-weight:600;color:var(--pale);margin:.7rem 0 .2rem}
summary{font-size:.75rem;color:var(--pale);cursor:pointer;margin:.7rem 0 .2rem}
p{margin:.2rem 0;color:var(--pale)}img{max-width:100%;height:auto;margin:1rem 0;border-radius:6px}
dl{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;margin:.3rem 0;font-size:.85rem}dl div{display:flex;gap:.4rem}
dt{color:var(--pale)}dd{margin:0;overflow-wrap:anywhere}
article{border:1px solid var(--line);border-radius:8px;padding:.7rem 1rem;margin:.8rem 0;break-inside:avoid}
.id{font:600 .85rem ui-monospace,monospace}.columns{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr))}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);padding:.6rem .8rem;border-radius:6px;margin:0;
font:13px/1.5 ui-monospace,monospace}mark{background:var(--mark);color:inherit;border-radius:3px}
"""


@dataclass(frozen=True, slots=True)
class Text:
    """Words of a record under a label, with the pieces to mark: from and to, in characters."""

    label: str
    words: str
    marks: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A record: its id, what is known about it, and columns of texts side by side, each with a heading."""

    title: str
    facts: Mapping[str, object]
    columns: Sequence[tuple[str, Sequence[Text]]]


@dataclass(frozen=True, slots=True)
class Section:
    """Some records with a heading and a sentence."""

    title: str
    note: str
    cards: Sequence[Card]


def page(title: str, facts: Mapping[str, object], sections: Iterable[Section], *, picture: str | None = None) -> str:
    """The whole page. `picture` is a data address; a section without records says so."""
    shown = f'<img src="{escape(picture)}" alt="Counts of this batch">' if picture else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>{_facts(facts)}{shown}{''.join(map(_section, sections))}</body></html>\n"
    )


def _section(section: Section) -> str:
    cards = "".join(map(_card, section.cards)) or "<p>Nothing to show.</p>"
    return f"<section><h2>{escape(section.title)}</h2><p>{escape(section.note)}</p>{cards}</section>\n"


def _card(card: Card) -> str:
    columns = "".join(_column(heading, texts) for heading, texts in card.columns)
    return (
        f'<article><div class="id">{escape(card.title)}</div>{_facts(card.facts)}<div class="columns">{columns}</div>'
        "</article>\n"
    )


def _column(heading: str, texts: Sequence[Text]) -> str:
    return f"<div><h3>{escape(heading)}</h3>{''.join(map(_text, texts)) or '<p>nothing</p>'}</div>"


def _text(text: Text) -> str:
    words = f'<pre dir="auto">{marked(text.words, text.marks)}</pre>'
    if text.label in FOLDED:
        return f"<details><summary>{escape(text.label)}</summary>{words}</details>"
    return f"<h3>{escape(text.label)}</h3>{words}" if text.label else words


def _facts(facts: Mapping[str, object]) -> str:
    known = {name: value for name, value in facts.items() if value not in (None, "", ())}
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in known.items())
    return f"<dl>{rows}</dl>" if rows else ""


def marked(words: str, marks: Sequence[tuple[int, int]] = (), *, most: int = MOST_CHARACTERS) -> str:
    """The text escaped, pieces of it marked; of a long text the part around the first mark."""
    spans = _merged(marks, len(words))
    first = spans[0][0] if spans else 0
    begin = max(0, first - BEFORE_A_MARK) if len(words) > most else 0
    end = min(len(words), begin + most)
    pieces, place = ["… " if begin else ""], begin
    for start, stop in spans:
        low, high = max(start, place), min(stop, end)
        if low < high:
            pieces += [escape(words[place:low]), f"<mark>{escape(words[low:high])}</mark>"]
            place = high
    pieces.append(escape(words[place:end]))
    if end < len(words):
        pieces.append(f" … and {len(words) - end:,} more characters")
    return "".join(pieces)


def _merged(marks: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The marks inside the text, in order."""
    return sorted((max(0, start), min(stop, length)) for start, stop in marks if 0 <= start < min(stop, length))
