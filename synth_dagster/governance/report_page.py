"""A release as one page to look at and to print: numbers, plots, tables, and a few records with their trace.

The page stands in the lake beside the records, so it may show their text. It holds everything it needs: no script, no
style and no picture from anywhere else, and nothing in a record's text can be more than text.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from synth_dagster.governance.plots import MOST_BARS, Bars, Panel, data_uri, draw, histogram
from synth_dagster.governance.report_card import dollars, number
from synth_dagster.governance.report_facts import DEMO, ReleaseFacts
from synth_dagster.governance.report_samples import Sample

MOST_CHARACTERS = 1_500
MOST_MAKERS = 30
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root{--ink:#1f2433;--pale:#6b7280;--line:#e2e5ee;--soft:#f6f7fb;--bar:#4f6bed}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);max-width:1100px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0}
h2{font-size:18px;margin:40px 0 12px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:15px;margin:0 0 6px}
p{margin:6px 0}
.pale{color:var(--pale)}
.demo{background:#fff4e0;border:1px solid #f0b95a;border-radius:8px;padding:12px 16px;margin:20px 0 0}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:24px 0 0}
.tile{background:var(--soft);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:22px;line-height:1.3;overflow-wrap:anywhere}
.plots{max-width:100%;width:960px;display:block}
.two{display:grid;grid-template-columns:1fr 1fr;gap:32px;margin-bottom:16px}
.two>*{min-width:0}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:600;text-align:left;color:var(--pale)}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:break-word}
td.n,th.n{text-align:right;white-space:nowrap;padding-right:0;padding-left:10px;font-variant-numeric:tabular-nums}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.bad{color:#b42318;font-weight:600}
.sample{border:1px solid var(--line);border-radius:8px;margin:0 0 16px;display:grid;grid-template-columns:1fr 1fr}
.sample>div{padding:14px 16px;min-width:0}
.sample>div+div{border-left:1px solid var(--line);background:var(--soft);border-radius:0 8px 8px 0}
.sample p.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:2px 0 10px}
.label{font-size:12px;color:var(--pale);margin:8px 0 0;overflow-wrap:anywhere}
@media screen and (max-width:800px){.tiles{grid-template-columns:repeat(2,1fr)}.two,.sample{grid-template-columns:1fr}}
@media print{
 @page{margin:14mm}
 body{max-width:none;padding:0;font-size:11px}
 h1{font-size:20px} h2{font-size:14px;margin:20px 0 8px;break-after:avoid}
 table{font-size:10.5px} code{font-size:10px} .tile b{font-size:15px}
 .tile,.demo,.sample,.plots,tr{break-inside:avoid}
 *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""


def page(facts: ReleaseFacts, drawn: bytes, samples: Sequence[Sample]) -> str:
    """The whole page."""
    title = f"{facts.dataset} {facts.release}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="pale">{facts.kind} records, data version <code>{escape(facts.data_version)}</code></p>',
        f'<p class="demo"><b>Demo, not for training.</b> {escape(DEMO.removeprefix("Demo. "))}</p>'
        if facts.demo
        else "",
        _tiles(facts),
        f'<h2>Through the stages</h2><img class="plots" alt="{escape(_in_words(facts))}" src="{data_uri(drawn)}">',
        _stages(facts),
        _two(
            _section("Why records were dropped", _counts("method and rule", facts.dropped)),
            _section("Near-duplicates", _duplicates(facts)),
        ),
        f"<h2>Where it comes from</h2>{_two(_counts('source', facts.sources), _counts('licence', facts.licenses))}",
        _two(_counts("language", facts.languages), _counts("synthetic depth, 0 is human", facts.depths)),
        f"<p>Share of characters that a person wrote: {facts.human_share:.1%}.</p>",
        _section("Who made it", _makers(facts)),
        _section("Measured", _measures(facts)) if facts.measures else "",
        _section("Checks", _checks(facts)),
        _section("Made from", _manifest(facts)),
        _section(f"{len(samples)} records with their trace", "".join(map(_sample, samples))) if samples else "",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def picture(facts: ReleaseFacts) -> bytes:
    """The counts of a release as one picture. It shows names and numbers only, so it may stand in the event log."""
    panels: list[Panel] = [
        Bars("Records after each step", facts.short_funnel(MOST_BARS), as_given=True),
        Bars("Dropped, by method and rule", facts.dropped),
        histogram("Tokens of a kept record", facts.lengths),
        Bars("Sources", facts.sources),
        Bars("Tokens of the teachers, by stage", {one.name: one.tokens for one in facts.stages}, as_given=True),
        Bars(
            "Near-duplicate clusters, by size",
            {f"{size} records": count for size, count in facts.clusters.sizes.items()},
            as_given=True,
        ),
    ]
    return draw(panels)


def _in_words(facts: ReleaseFacts) -> str:
    return ", ".join(f"{name} {count}" for name, count in facts.funnel().items())


# ------------------------------------------------------------------------------------------------------------ sections


def _tiles(facts: ReleaseFacts) -> str:
    share = f"{facts.kept / facts.judged:.0%}" if facts.judged else "-"
    tiles = {
        "records kept": f"{facts.kept:,}",
        "of those judged": share,
        "tokens": f"{facts.tokens:,}",
        "teacher calls": f"{sum(one.calls for one in facts.stages):,}",
        "cost": dollars(facts.usd()),
        "checks failed": f"{len(facts.failed_checks())} of {len(facts.checks)}",
    }
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span class="pale">{name}</span></div>'
        for name, value in tiles.items()
    )
    return f'<div class="tiles">{shown}</div>'


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}"


def _two(left: str, right: str) -> str:
    return f'<div class="two"><div>{left}</div><div>{right}</div></div>'


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: int) -> str:
    """A table whose last columns are numbers. A cell that is a tuple is code."""
    first = len(head) - numbers

    def cell(tag: str, place: int, value: object) -> str:
        text = f"<code>{escape(str(value[0]))}</code>" if isinstance(value, tuple) else escape(str(value))
        return f"<{tag}{' class=n' if place >= first else ''}>{text}</{tag}>"

    top = "".join(cell("th", place, name) for place, name in enumerate(head))
    lines = ["".join(cell("td", place, value) for place, value in enumerate(row)) for row in rows]
    none = f'<tr><td colspan="{len(head)}" class="pale">none</td></tr>'
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{line}</tr>' for line in lines) or none}</table>"


def _counts(what: str, counts: Mapping[str, int]) -> str:
    return _table([what, "records"], ((name, f"{count:,}") for name, count in counts.items()), 1)


def _stages(facts: ReleaseFacts) -> str:
    head = [
        "stage",
        "most frequent rejects",
        "batches",
        "records",
        "older versions",
        "rejected",
        "calls",
        "tokens",
        "cost",
    ]
    rows = (
        (
            one.name,
            ", ".join(f"{reason} {count}" for reason, count in list(one.rejects.items())[:3]) or "-",
            *(f"{count:,}" for count in (one.batches, one.records, one.older, one.rejected, one.calls, one.tokens)),
            dollars(one.usd),
        )
        for one in facts.stages
    )
    return _table(head, rows, 7)


def _makers(facts: ReleaseFacts) -> str:
    more = len(facts.makers) - MOST_MAKERS
    rest = f"<p>{more} more are in the card.</p>" if more > 0 else ""
    rows = (
        (
            one.stage,
            f"{one.method} {one.method_version}",
            one.model_id or "-",
            (one.prompt_hash,) if one.prompt_hash else "-",
            f"{one.records:,}",
        )
        for one in facts.makers[:MOST_MAKERS]
    )
    return _table(["stage", "method and version", "model", "prompt", "records"], rows, 1) + rest


def _measures(facts: ReleaseFacts) -> str:
    rows = (
        (measure, name, number(facts.before.get(measure, {}).get(name)), number(value))
        for measure, numbers in facts.measures.items()
        for name, value in numbers.items()
    )
    return _table(["measure", "number", "all records", "kept"], rows, 2)


def _duplicates(facts: ReleaseFacts) -> str:
    found = facts.clusters
    if not found.count:
        return "<p>None were found, or the recipe does not look for them.</p>"
    return (
        f"<p>{found.count:,} clusters; {found.dropped:,} records were dropped for another one that says nearly the "
        f"same. The largest cluster has {max(found.sizes):,} records.</p>"
    )


def _checks(facts: ReleaseFacts) -> str:
    failed = facts.failed_checks()
    line = f"<p>{len(facts.checks) - len(failed)} of {len(facts.checks)} passed.</p>"
    if not failed:
        return line
    rows = ((check["check"], check["severity"], _few(check["counts"])) for check in failed)
    return line + _table(["failed", "severity", "counts"], rows, 0)


def _few(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in counts.items() if isinstance(value, int | float))


def _manifest(facts: ReleaseFacts) -> str:
    pins = facts.manifest["batches"]
    rows = ((batch, (pins[batch]["data_version"],), (pins[batch]["signals_version"],)) for batch in facts.batches)
    missing = _table(["left out", "why"], facts.missing.items(), 0) if facts.missing else ""
    hashes = (
        f"Recipe <code>{escape(facts.manifest['recipe'])}</code>, rules <code>{escape(facts.manifest['mix'])}</code>."
    )
    return f"<p>{hashes}</p>{_table(['batch', 'records', 'signals'], rows, 0)}{missing}"


# ------------------------------------------------------------------------------------------------------------- records


def _sample(sample: Sample) -> str:
    record = sample.record
    above = "".join(_made_from(stage, row) for stage, row in sample.ancestors)
    nothing = '<p class="pale">It came from outside, or its origin is no longer in the lake.</p>'
    return (
        f'<div class="sample"><div><h3><code>{record["record_id"].hex()}</code></h3>{_about(record)}'
        f"{_texts(record)}</div><div><h3>Made from</h3>{above or nothing}</div></div>"
    )


def _made_from(stage: str, row: Mapping[str, Any]) -> str:
    return f'<p class="label"><b>{escape(stage)}</b> {row["record_id"].hex()[:12]}</p>{_about(row)}{_texts(row)}'


def _about(row: Mapping[str, Any]) -> str:
    names = {"method": "", "model_id": "model ", "prompt_hash": "prompt ", "source": "source ", "license": ""}
    shown = (f"{name}{row[column]}" for column, name in names.items() if row.get(column))
    return f'<p class="label">{escape(", ".join(shown))}</p>'


def _texts(row: Mapping[str, Any]) -> str:
    return "".join(
        f'<p class="label">{escape(label)}</p><p class="text">{escape(_cut(text))}</p>' for label, text in _said(row)
    )


def _said(row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Everything that a record says, with who says it."""
    if "text" in row:
        yield row.get("title") or "text", row["text"] or ""
    for column in ("messages", "prompt", "chosen", "rejected"):
        for turn in row.get(column) or ():
            yield turn["role"] if column in ("messages", "prompt") else column, turn["content"] or ""


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} … ({len(text):,} characters)"
