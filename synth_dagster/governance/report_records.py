"""Records on the page of a release: what they say, what became of them, their lineage drawn, and a search over them."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from synth_dagster.governance.family import family
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.governance.report_samples import Sample
from synth_dagster.governance.report_tables import cut

MOST_TURNS = 8
SHOWN_ABOVE = 4  # ancestors of a sample whose words are shown


def records(facts: ReleaseFacts, samples: Sequence[Sample]) -> str:
    """The samples under a search of their words, which only a browser with scripts shows."""
    if not samples:
        return "<p>Nothing was judged.</p>"
    kept = sum(one.verdict["verdict"] == "kept" for one in samples)
    note = (
        f"<p>{kept} of {facts.about.kept:,} kept records, the first by id, and {len(samples) - kept} of "
        f"{facts.about.judged - facts.about.kept:,} dropped ones, one of each reason first.</p>"
    )
    search = (
        '<form class="search" id="search" role="search" hidden><label for="words">Search these records</label>'
        '<input id="words" type="search" autocomplete="off" placeholder="words, ids, reasons; press /">'
        '<label for="verdict">verdict</label><select id="verdict"><option value="">all</option>'
        '<option value="kept">kept</option><option value="dropped">dropped</option></select>'
        '<span id="count" role="status" aria-live="polite"></span></form>'
    )
    return note + search + "".join(map(_sample, samples))


def _sample(sample: Sample) -> str:
    record, verdict = sample.record, sample.verdict
    above = "".join(_made_from(stage, row) for stage, row in sample.ancestors[:SHOWN_ABOVE])
    more = len(sample.ancestors) - SHOWN_ABOVE
    above += f'<p class="label">and {more} more: synth trace shows them</p>' if more > 0 else ""
    nothing = '<p class="pale">It came from outside, or its origin is no longer in the lake.</p>'
    return (
        f'<article class="sample" data-verdict="{escape(verdict["verdict"])}">'
        f"<h3><code>{record['record_id'].hex()}</code></h3>{_decided(verdict)}{_about(record)}{family(sample)}"
        f'<div class="texts"><div>{_texts(record)}</div><div>{above or nothing}</div></div></article>'
    )


def _decided(verdict: Mapping[str, Any]) -> str:
    twin = verdict["duplicate_of"]
    parts = [verdict["verdict"], verdict["reason"], f"duplicate of {twin.hex()}" if twin else None]
    parts += [f"score {verdict['score']:.4g}" if verdict["score"] is not None else None]
    return f'<p class="label"><b>{escape(", ".join(str(part) for part in parts if part))}</b></p>'


def _made_from(stage: str, row: Mapping[str, Any]) -> str:
    return f'<p class="label"><b>{escape(stage)}</b> {row["record_id"].hex()[:12]}</p>{_about(row)}{_texts(row)}'


def _about(row: Mapping[str, Any]) -> str:
    names = {
        "method": "",
        "model_id": "model ",
        "prompt_hash": "prompt ",
        "source": "source ",
        "license": "",
        "lang": "",
    }
    shown = (f"{name}{row[column]}" for column, name in names.items() if row.get(column))
    return f'<p class="label">{escape(cut(", ".join(shown)))}</p>'


def _texts(row: Mapping[str, Any]) -> str:
    said = list(_said(row))
    shown = [
        f'<p class="label">{escape(cut(label))}</p><p class="text" dir="auto">{escape(cut(text))}</p>'
        for label, text in said[:MOST_TURNS]
    ]
    more = len(said) - MOST_TURNS
    return "".join(shown) + (f'<p class="label">and {more} more turns</p>' if more > 0 else "")


def _said(row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Everything that a record says, with who says it."""
    if "text" in row:
        yield row.get("title") or "text", row["text"] or ""
    for column in ("messages", "prompt", "chosen", "rejected"):
        for turn in row.get(column) or ():
            yield turn["role"] if column in ("messages", "prompt") else column, turn["content"] or ""
