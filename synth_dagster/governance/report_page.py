"""A release as one page to look at and to print: numbers, charts, the fifteen questions, findings, and some records.

The page stands in the lake beside the records, so it may show their text. It holds everything it needs: nothing is
loaded from anywhere, one script of ours searches the records, and nothing in a record's text can be more than text.
"""

from collections.abc import Mapping, Sequence
from html import escape

from synth_dagster.governance.answer import Cell, Code, Table, plural
from synth_dagster.governance.approval_pages import in_page
from synth_dagster.governance.charts import MOST_BARS as CHARTED
from synth_dagster.governance.charts import Columns, bars, columns, pairs, timeline
from synth_dagster.governance.plots import MOST_BARS, Bars, Histogram, Panel, draw
from synth_dagster.governance.questions import Answered, answered, completeness, not_known
from synth_dagster.governance.report_card import dollars
from synth_dagster.governance.report_card import number as figure
from synth_dagster.governance.report_checklist import checklist_in_page
from synth_dagster.governance.report_facts import DEMO, ReleaseFacts
from synth_dagster.governance.report_findings import findings
from synth_dagster.governance.report_records import records
from synth_dagster.governance.report_samples import Sample
from synth_dagster.governance.report_style import POLICY, SCRIPT, STYLE
from synth_dagster.governance.report_tables import table_of
from synth_dagster.governance.sankey import sankey

_MOST_SPREAD = 40  # rows of a table of what a measure counts by
CLASS = {"answered": "answered", "partly": "partly", "not known": "unknown"}


def page(facts: ReleaseFacts, samples: Sequence[Sample]) -> str:
    """The whole page. Its size is bounded: tables, charts and texts are cut, and say so."""
    about, found = facts.about, answered(facts)
    title = f"{about.dataset} {about.release}"
    sections = {
        "glance": ("At a glance", _glance(facts)),
        "questions": ("Fifteen questions", _questions(found)),
        "findings": ("Findings", _findings(facts)),
        "open": ("How open it is", checklist_in_page(facts.checklist)),
        "time": ("Over time", _over_time(facts)),
        "stages": ("Through the stages", _stages(facts)),
        "measured": ("Measured", _measures(facts)),
        "unknown": ("What is not known", _not_known(found)),
        "samples": (f"{len(samples)} records with their lineage", records(facts, samples)),
    }
    links = "".join(f'<a href="#{name}">{escape(heading)}</a>' for name, (heading, _) in sections.items())
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(heading)}</h2>{content}</section>'
        for name, (heading, content) in sections.items()
    )
    head = (
        f'<a class="skip" href="#questions">To the questions</a><header><h1>{escape(title)}</h1>'
        f'<p class="pale">{about.kind} records, made {about.made_at}, data version '
        f"<code>{escape(about.data_version)}</code></p>{_notes(facts)}{_tiles(facts, found)}"
        f"{in_page(facts.approval)}</header>"
        f'<nav aria-label="Parts of this page">{links}</nav>'
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}: report</title><style>{STYLE}</style></head>\n"
        f"<body>{head}<main>{body}</main><script>{SCRIPT}</script></body></html>\n"
    )


def picture(facts: ReleaseFacts) -> bytes:
    """The counts of a release as one picture. It shows names and numbers only, so it may stand in the event log."""
    panels: list[Panel] = [
        Bars("Records after each step", facts.short_funnel(MOST_BARS), as_given=True),
        Bars("Dropped, by method and rule", facts.about.dropped),
        Histogram("Tokens of a kept record", facts.lengths.edges, facts.lengths.kept),
        Bars("Sources", facts.kept_by_source()),
        Bars("Tokens of the teachers, by stage", {one.name: one.tokens for one in facts.stages}, as_given=True),
        Bars(
            "Near-duplicate clusters, by size",
            {f"{size} records": count for size, count in facts.clusters.sizes.items()},
            as_given=True,
        ),
    ]
    return draw(panels)


# ------------------------------------------------------------------------------------------------------------- the top


def _notes(facts: ReleaseFacts) -> str:
    if not facts.about.demo:
        return ""
    return f'<p class="note"><b>Demo, not for training.</b> {escape(DEMO.removeprefix("Demo. "))}</p>'


def _tiles(facts: ReleaseFacts, found: Sequence[Answered]) -> str:
    about = facts.about
    told = completeness(found)
    tiles = {
        "records kept": f"{about.kept:,}",
        "of those judged": f"{about.kept / about.judged:.0%}" if about.judged else "-",
        "tokens": f"{about.tokens:,}",
        "cost of the teachers": dollars(facts.usd()),
        "of its own checks failed": f"{len(facts.failed_checks())} of {len(facts.checks)}",
        f"questions answered, {told['partly']} partly": f"{told['answered']} of {len(found)}",
    }
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span class="pale">{name}</span></div>'
        for name, value in tiles.items()
    )
    return f'<div class="tiles">{shown}</div>'


def _glance(facts: ReleaseFacts) -> str:
    about, lengths = facts.about, facts.lengths
    costs = {one.name: one.usd for one in facts.stages if one.usd}
    kept_names = ("judged", "kept")
    charts = [
        bars("Kept records by source", facts.kept_by_source()),
        bars("Kept records by licence", {name or "none": count for name, count in about.licenses.items()}),
        bars("Kept records by language", about.languages),
        bars("Kept records by synthetic depth; 0 is human", about.depths, as_given=True),
        bars("Why records were dropped", about.dropped),
        bars("Records after each step", facts.short_funnel(CHARTED), as_given=True),
        columns("Tokens of a record", Columns(lengths.edges, lengths.judged, lengths.kept), kept_names, "tokens"),
        pairs("Variety and redundancy, before and after", _variety(facts), kept_names),
        bars("Cost by stage", costs, as_given=True, unit="$")
        if costs
        else bars("Tokens of the teachers by stage", {one.name: one.tokens for one in facts.stages}, as_given=True),
        bars("Kept records by the models that wrote in them", facts.models),
    ]
    flows = sankey(
        "Judged records, from the sources of their first parents over their licences to their verdicts", facts.flows
    )
    return f'{flows}<div class="charts">{"".join(f"<div>{one}</div>" for one in charts)}</div>'


VARIETY = {
    "distinct_1_segment": "different words",
    "distinct_2_segment": "different pairs",
    "distinct_3_segment": "different triples",
    "ratio_segment": "compression ratio",
}


def _variety(facts: ReleaseFacts) -> dict[str, tuple[float | None, float | None]]:
    """What does not hang on how many records there are, before and after; the whole set's where it is small."""

    def value(of: Mapping[str, Mapping[str, float]], name: str) -> float | None:
        numbers = {**of.get("distinct_n", {}), **of.get("compression_ratio", {})}
        return numbers.get(name, numbers.get(name.removesuffix("_segment")))

    found = {words: (value(facts.before, name), value(facts.measures, name)) for name, words in VARIETY.items()}
    return {words: both for words, both in found.items() if both != (None, None)}


# ------------------------------------------------------------------------------------------------------------ sections


def _questions(found: Sequence[Answered]) -> str:
    told = completeness(found)
    line = f"<p>{told['answered']} answered, {told['partly']} partly, {told['not known']} not known.</p>"
    return line + "".join(map(_question, found))


def _question(one: Answered) -> str:
    answer = one.answer
    unknown = "; ".join(answer.unknown)
    gaps = f'<p class="pale">Not known: {escape(unknown)}.</p>' if unknown else ""
    said = f"<p>{escape(answer.said)}</p>" if answer.said else ""
    return (
        f'<article class="question" id="q{one.number}"><h3>{one.number}. {escape(one.asked)} '
        f'<span class="state {CLASS[answer.state]}">{answer.state}</span></h3>{said}{gaps}'
        f"{''.join(table_of(table) for table in answer.tables if table.rows)}</article>"
    )


def _findings(facts: ReleaseFacts) -> str:
    found = findings(facts)
    lineage = Table(
        f"Does the lineage hold together? {sum(1 for one in facts.defects if not one.records)} of "
        f"{len(facts.defects)} checks found nothing",
        ["check", "what it looks for", "some of them", "records"],
        [
            [one.name, one.meaning, Code(", ".join(name[:12] for name in one.examples) or "-"), one.records]
            for one in facts.defects
        ],
    )
    return table_of(found) + table_of(lineage)


def _over_time(facts: ReleaseFacts) -> str:
    days: dict[str, tuple[int, int]] = {}
    for one in facts.gates:
        passed, refused = days.get(one.day, (0, 0))
        days[one.day] = (passed + one.passed, refused + one.refused)
    failing: list[list[Cell]] = [
        [one.day, one.stage, check, count] for one in facts.gates for check, count in one.failed.items()
    ]
    lines: list[list[Cell]] = [
        [
            one.release,
            one.state + (", demo" if one.demo else ""),
            one.made_at[:10],
            one.judged,
            one.kept,
            f"{one.kept / one.judged:.0%}" if one.judged else "-",
            one.tokens,
            f"{one.failed} of {one.checks}",
        ]
        for one in facts.releases
    ]
    head = ["release", "state", "made", "judged", "kept", "share", "tokens", "checks failed"]
    return (
        timeline("Versions at their gates, by day", days, ("passed", "refused"))
        + table_of(Table("Checks that failed, by day and stage", ["day", "stage", "check", "versions"], failing))
        + table_of(Table("Releases", head, lines, 5))
    )


def _stages(facts: ReleaseFacts) -> str:
    head = ["stage", "most frequent rejects", "batches", "records", "older", "rejected", "calls", "cached"]
    rows: list[list[Cell]] = [
        [
            one.name,
            ", ".join(f"{reason} {count}" for reason, count in list(one.rejects.items())[:3]) or "-",
            one.batches,
            one.records,
            one.older,
            one.rejected,
            one.calls,
            one.cached,
            one.tokens,
            dollars(one.usd),
        ]
        for one in facts.stages
    ]
    table = table_of(
        Table("Row stages, over the versions that the release rests on", [*head, "tokens", "cost"], rows, 8)
    )
    return f"{table}{judges_table(facts.judges)}<p>{escape(_duplicates(facts))}</p>"


def judges_table(judges: Mapping[str, Mapping[str, float]]) -> str:
    """What the judges of pairs are swayed by; nothing where no step judges pairs."""
    rows: list[list[Cell]] = [[stage, *line] for stage, said in judges.items() if said for line in _swayed(said)]
    title = "The judges of pairs: a fair one is swayed neither by the order of the answers nor by their length"
    return table_of(Table(title, ["stage", "what", "number"], rows)) if rows else ""


def _swayed(said: Mapping[str, float]) -> list[tuple[str, Cell]]:
    return [
        ("pairs judged", int(said["pairs"])),
        ("of them without a verdict", int(said["without_verdict"])),
        ("of them with an answer of the judge's own family", int(said["of_its_own_family"])),
        ("same winner in both orders", f"{said['consistency']:.0%}"),
        ("what is shown first wins", f"{said['first_position_rate']:.0%}"),
        ("the chosen answer wins", f"{said['win_rate']:.0%}"),
        ("the 95 % interval of that", f"{said['win_rate_low']:.0%} to {said['win_rate_high']:.0%}"),
        ("correlation with length", f"{said['length_correlation']:+.2f}"),
        *([("log-odds that go with the order, on the average", said["swap_gap"])] if "swap_gap" in said else []),
    ]


def _duplicates(facts: ReleaseFacts) -> str:
    found = facts.clusters
    if not found.count:
        return "Near-duplicates: none were found, or the recipe does not look for them."
    return (
        f"Near-duplicates: {plural(found.count, 'cluster')}; {plural(found.dropped, 'record')} dropped for another one "
        f"that says nearly the same. The largest cluster has {max(found.sizes):,} records."
    )


def _measures(facts: ReleaseFacts) -> str:
    names = {(measure, name): None for of in (facts.before, facts.measures) for measure, n in of.items() for name in n}
    rows: list[list[Cell]] = [
        [
            measure,
            name,
            figure(facts.before.get(measure, {}).get(name)),
            figure(facts.measures.get(measure, {}).get(name)),
        ]
        for measure, name in names
    ]
    caption = f"Of all current records and of those kept; words of at most {facts.measured:,} of each, the first by id"
    spreads = "".join(_spread(measure, values) for measure, values in facts.spreads.items())
    return table_of(Table(caption, ["measure", "number", "all records", "kept"], rows, 2)) + spreads


def _spread(measure: str, values: Mapping[str, float]) -> str:
    """What a measure counts by, in its order; of many, the first."""
    rows: list[list[Cell]] = [[name, figure(value)] for name, value in list(values.items())[:_MOST_SPREAD]]
    more = f"; the first {_MOST_SPREAD} of {len(values)}" if len(values) > _MOST_SPREAD else ""
    return table_of(Table(f"{measure}, of the kept records{more}", ["by", "value"], rows, 1))


def _not_known(found: Sequence[Answered]) -> str:
    items = "".join(
        f"<li>{escape(gap)} <span class=pale>(question {', '.join(map(str, numbers))})</span></li>"
        for gap, numbers in not_known(found).items()
    )
    return f"<p>What nobody stored is named here, so that nothing on this page claims it.</p><ul>{items}</ul>"
