"""Two releases beside each other as one page to look at, to send and to print.

It shows counts, names and ids, never record text. It holds everything it needs: nothing is loaded from anywhere and
nothing runs on it, and no name of a source or a rule can be more than text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from synth_dagster.governance.answer import Cell, Code, Table, listed, share
from synth_dagster.governance.charts import pairs
from synth_dagster.governance.diff import Pair, ReleaseDiff
from synth_dagster.governance.diff_words import erased, figure, has_shifted, shift, title_of
from synth_dagster.governance.page import POLICY
from synth_dagster.governance.report_style import STYLE
from synth_dagster.governance.report_tables import table_of

MOST_DRAWN = 10  # numbers
MOST_NAMED = 10  # batches


def diff_page(found: ReleaseDiff) -> str:
    """The whole page. Its size is bounded: tables and charts are cut, and say so."""
    title = title_of(found).replace("->", "→")
    sections = {
        "verdicts": ("Verdicts", _changes(found)),
        "measured": ("Measured", _measured(found)),
        "shares": ("What it is made up of", _shares(found)),
        "batches": ("Deliveries", _batches(found)),
        "releases": ("The two releases", _releases(found)),
    }
    links = "".join(f'<a href="#{name}">{escape(heading)}</a>' for name, (heading, _) in sections.items())
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(heading)}</h2>{content}</section>'
        for name, (heading, content) in sections.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1>{_first(found)}</header>"
        f'<nav aria-label="Parts of this page">{links}</nav><main>{body}</main></body></html>\n'
    )


def _first(found: ReleaseDiff) -> str:
    """What one wants to know first."""
    rules = "The rules are the same." if found.same_rules else "The rules of the mix are others."
    same = '<p class="note"><b>The same records, to the byte.</b></p>' if found.same_bytes else ""
    gone = "".join(f'<p class="note">{escape(one)}</p>' for one in erased(found))
    kept, tokens = (found.numbers[name] for name in ("keep_rate", "tokens"))
    tiles = {
        "kept in both": f"{found.records['kept_in_both']:,}",
        "added": f"{found.records['added']:,}",
        "removed": f"{found.records['removed']:,}",
        "with another verdict": f"{sum(change.records for change in found.changes):,}",
        "kept of those judged": " → ".join("-" if rate is None else f"{rate:.0%}" for rate in kept),
        "tokens": shift(tokens) or figure(tokens[1]),
    }
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span class="pale">{name}</span></div>'
        for name, value in tiles.items()
    )
    return f'<p class="pale">{rules}</p>{same}{gone}<div class="tiles">{shown}</div>'


# ------------------------------------------------------------------------------------------------------------ sections


def _changes(found: ReleaseDiff) -> str:
    rows: list[list[Cell]] = [
        [change.was, change.now, Code(", ".join(one[:12] for one in change.examples)), change.records]
        for change in found.changes
    ]
    caption = "What became of records; 'not judged' means that the record was not there ('synth trace ID' tells more)"
    return table_of(Table(caption, ["was", "is now", "some of them", "records"], rows))


def _measured(found: ReleaseDiff) -> str:
    measured = {**found.numbers, **found.signals}
    shifted = {name: pair for name, pair in measured.items() if has_shifted(pair)}
    drawn = dict(list(shifted.items())[:MOST_DRAWN])
    chart = pairs("What has shifted by more than a hundredth", drawn, _names(found))
    rows: list[list[Cell]] = [[name, *map(figure, pair), _shift(pair)] for name, pair in measured.items()]
    gone = f"<p>Signals of {escape(listed(found.unread, MOST_NAMED))} are in the lake no longer.</p>"
    caption = "Numbers, and means of the signals over the kept records"
    head = ["measured", *_names(found), "shift"]
    return f"{chart}{table_of(Table(caption, head, rows, 3))}{gone if found.unread else ''}"


def _shift(pair: Pair) -> str:
    return (has_shifted(pair) and shift(pair)) or "-"


def _shares(found: ReleaseDiff) -> str:
    tables = [table_of(_share(column, values, _names(found))) for column, values in found.shares.items()]
    return f'<div class="charts">{"".join(f"<div>{one}</div>" for one in tables)}</div>'


def _share(column: str, values: Mapping[str, tuple[int, int]], names: tuple[str, str]) -> Table:
    was, now = (sum(pair[side] for pair in values.values()) for side in (0, 1))
    rows: list[list[Cell]] = [
        [value, pair[0], share(pair[0], was), pair[1], share(pair[1], now)] for value, pair in values.items()
    ]
    head = [column.replace("_", " "), names[0], "share", names[1], "share"]
    return Table(f"Kept records by {head[0]}", head, rows, 4)


def _batches(found: ReleaseDiff) -> str:
    rows: list[list[Cell]] = [
        [word, Code(listed(batches, MOST_NAMED)), len(batches)] for word, batches in found.batches.items() if batches
    ]
    caption = "Batches that only one of them read, or that they read in another version"
    return table_of(Table(caption, ["what", "which", "batches"], rows))


def _releases(found: ReleaseDiff) -> str:
    sides = [_about(side) for side in (found.before, found.after)]
    rows: list[list[Cell]] = [[name, *(side[name] for side in sides)] for name in sides[0]]
    return table_of(Table("Each as it was made", ["what", *_names(found)], rows, 0))


def _about(about: Mapping[str, Any]) -> dict[str, Cell]:
    made = datetime.fromtimestamp(about["created_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    state = about["state"] + (", demo" if about["demo"] else "")
    recipe, version = Code(about["recipe"] or "-"), Code(about["data_version"])
    return {"state": state, "made": made, "recipe": recipe, "data version": version}


def _names(found: ReleaseDiff) -> tuple[str, str]:
    """Of the two sides; a release that is compared with itself stands on both."""
    return found.before["release"], found.after["release"]
