"""The checklist for open datasets in the report of a release: how open it is, section by section, with the evidence."""

from html import escape

from synth_dagster.governance.answer import Cell, Table
from synth_dagster.governance.checklist import Checklist
from synth_dagster.governance.report_tables import table_of


def checklist_in_page(found: Checklist) -> str:
    """The tier, what stands against publishing it, and each section as a table."""
    head = ["question", "holds", "where to look"]
    tables = []
    for section, (held, of) in found.scores.items():
        rows: list[list[Cell]] = [
            [item.question, item.answer, item.evidence] for item in found.items if item.section == section
        ]
        tables.append(table_of(Table(f"{_begun(section)}: {held} of {of}", head, rows, 0)))
    told = f"<p>{escape(_begun(found.line()))} Arrangement: {escape(found.arrangement or 'no licence is said')}.</p>"
    return told + _blockers(found) + "".join(tables)


def checklist_in_card(found: Checklist) -> str:
    """The tier and the scores in Markdown."""
    rows = "\n".join(f"| {section} | {held} of {of} |" for section, (held, of) in found.scores.items())
    table = f"| section of 2501.08365 | satisfied |\n| --- | ---: |\n{rows}"
    return f"## How open it is\n\n{_begun(found.line())}\n\n{table}"


def _blockers(found: Checklist) -> str:
    if not found.blockers:
        return ""
    said = "".join(f"<li>{escape(blocker)}</li>" for blocker in found.blockers.values())
    return f'<div class="note"><b>As it is, it cannot be published.</b><ul>{said}</ul></div>'


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
