"""A release as a dataset card in Markdown."""

from collections.abc import Mapping, Sequence

from synth_dagster.governance.approval_pages import in_card
from synth_dagster.governance.report_checklist import checklist_in_card
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.governance.topic_shifts import Shift, shifts_by_witness

_MOST_TOPICS = 40


def card(facts: ReleaseFacts) -> str:
    """The dataset card."""
    about = facts.about
    sections = [
        f"# {about.dataset} {about.release}",
        in_card(facts.approval),
        facts.summary(),
        _table("Through the stages", facts.funnel()),
        _table("Dropped, by method and rule", about.dropped),
        _table("Sources", facts.kept_by_source()),
        _table("Licences", {name or "none": count for name, count in about.licenses.items()}),
        checklist_in_card(facts.checklist),
        _table("Languages", about.languages),
        _table("Models that wrote it", facts.models),
        _table("Methods", facts.methods),
        _makers(facts),
        _table("Synthetic depth (0 is human)", about.depths),
        f"Share of characters a person wrote: {number(about.human_share)}. Counter of tokens: `{about.token_counter}`.",
        _costs(facts),
        _compared(facts),
        *(_topics(by, shifts) for by, shifts in shifts_by_witness(facts.topics).items()),
        _duplicates(facts),
        f"## Checks\n\n{len(facts.checks) - len(facts.failed_checks())} of {len(facts.checks)} passed.",
        _table("Left out, because a batch was missing", about.missing) if about.missing else "",
        "Batches: " + ", ".join(f"`{batch}`" for batch in sorted(facts.manifest["batches"])),
        f"Data version `{about.data_version}`, recipe `{about.recipe}`, rules `{about.rules}`.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _table(title: str, counts: Mapping[str, object]) -> str:
    rows = "\n".join(f"| {_cell(name)} | {value} |" for name, value in counts.items()) or "| none | 0 |"
    return f"## {title}\n\n| what | records |\n| --- | ---: |\n{rows}"


def _makers(facts: ReleaseFacts) -> str:
    rows = "\n".join(
        f"| {one.stage} | {one.method} {one.version} | {_cell(one.model or '-')} | "
        f"{one.prompt or '-'} | {one.records} |"
        for one in facts.about.makers
    )
    return f"## Made by\n\n| stage | method | model | prompt | records |\n| --- | --- | --- | --- | ---: |\n{rows}"


def _costs(facts: ReleaseFacts) -> str:
    rows = "\n".join(
        f"| {one.name} | {one.calls:,} | {one.cached:,} | {one.tokens:,} | {dollars(one.usd)} |" for one in facts.stages
    )
    head = "| stage | calls | from the cache | tokens | cost |\n| --- | ---: | ---: | ---: | ---: |"
    return f"## What the teachers did\n\n{head}\n{rows}"


def dollars(usd: float | None) -> str:
    """An amount; what is not known is said to be unknown."""
    return "unknown" if usd is None else f"${usd:,.2f}"


def _compared(facts: ReleaseFacts) -> str:
    if not facts.measures:
        return ""
    rows = "\n".join(
        f"| {measure} | {_cell(name)} | {number(facts.before.get(measure, {}).get(name))} | {number(value)} |"
        for measure, numbers in facts.measures.items()
        for name, value in numbers.items()
    )
    return f"## Measured\n\n| measure | number | all records | kept |\n| --- | --- | ---: | ---: |\n{rows}"


def _topics(by: str, shifts: Sequence[Shift]) -> str:
    rows = "\n".join(
        f"| {_cell(one.topic.topic)} | {one.before:.1%} | {one.after:.1%} | {one.points:+.1f} |"
        for one in shifts[:_MOST_TOPICS]
    )
    more = f"\n\nThe {_MOST_TOPICS} of {len(shifts)} that have shifted most." if len(shifts) > _MOST_TOPICS else ""
    head = "| topic | share before | share after | shift |\n| --- | ---: | ---: | ---: |"
    return f"## Topics before and after, by {by}\n\n{head}\n{rows}{more}"


def _duplicates(facts: ReleaseFacts) -> str:
    found = facts.clusters
    return f"## Near-duplicates\n\n{found.count} clusters; {found.dropped} records were dropped for another one."


def number(value: float | None) -> str:
    """A count in full, a share or ratio in four digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
