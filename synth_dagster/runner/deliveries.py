"""Reads one batch of a delivery: its passages as root records, and what could not be read.

What a source holds is read again each time, so it has to be what the plan saw; what was erased stays away.
"""

from collections.abc import Iterable

from synth_dagster.errors import LakeError
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.lake.tombstones import Tombstones
from synth_dagster.licences.consent import joined_consents
from synth_dagster.licences.signals import Signals
from synth_dagster.parts.shards import digest_of
from synth_dagster.parts.text.chunks import split
from synth_dagster.readers.base import Item, Unreadable
from synth_dagster.recipe import Source
from synth_dagster.records import (
    Document,
    Record,
    Reject,
    digest,
    root_id,
)
from synth_dagster.runner.adopt import unfit
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.plan import planned, source_items

READ = "read"  # the step that brings records in
ERASED = Reject(reason="erased", detail="It was erased, and a delivery has brought it again.", kind="dropped")


def read_batch(context: RunContext, stage: str, batch: str) -> tuple[list[Record], list[tuple[str, Reject]]]:
    """A batch's passages, and what could not be read. Raises LakeError when the source is no longer as planned."""
    return read_planned(context, stage, planned(context, batch))


def read_planned(context: RunContext, stage: str, plan: PlannedBatch) -> tuple[list[Record], list[tuple[str, Reject]]]:
    """The same of a plan that need not be written down."""
    source = context.recipe.source(plan.source)
    items = _taken(source_items(context, source, start=plan.start), plan.count)
    if len(items) != plan.count or digest_of(items) != plan.digest:
        raise LakeError(
            f"The source '{source.name}' changed after its batches were planned. Run 'synth run' again: "
            "it reads the source anew and makes only what changed."
        )
    signals = Signals.read(context.root / source.signals) if source.signals else None
    records: list[Record] = []
    rejects: list[tuple[str, Reject]] = []
    tombstones = Tombstones(context.lake.meta.database)
    for item in items[: context.limit]:
        reject = item.reject if isinstance(item, Unreadable) else unfit(context.recipe, source, item)
        if isinstance(item, Item) and tombstones.has_key(context.recipe.dataset, source.name, item.native_key):
            reject = ERASED
        if reject is not None:
            rejects.append((READ, reject))
        elif isinstance(item, Item):
            read = passages(context.recipe.dataset, stage, source, plan.batch, item, signals)
            kept = [one for one in read if not _is_erased(tombstones, context.recipe.dataset, one)]
            rejects += [(READ, ERASED)] * (len(read) - len(kept))
            records.extend(kept)
    return records[: context.limit], rejects


def _is_erased(tombstones: Tombstones, dataset: str, passage: Record) -> bool:
    key, ordinal = str(passage.attributes["native_key"]), passage.attributes["chunk"]
    assert isinstance(ordinal, int)
    return tombstones.has_passage(dataset, passage.source, key, ordinal) or tombstones.has_content(passage.content_hash)


def _taken(items: Iterable[Item | Unreadable], count: int) -> list[Item | Unreadable]:
    return [item for item, _ in zip(items, range(count), strict=False)]


def passages(
    dataset: str, stage: str, source: Source, batch: str, item: Item, signals: Signals | None = None
) -> list[Record]:
    """One delivered item as its passages, each a root record. A conversation stays whole."""
    consent = joined_consents([source.consent, signals.consent(item.url)]) if signals else source.consent
    chunk = source.chunk if item.form is None else None
    form = {"form": item.form} if item.form else {}
    texts = split(item.text, max_words=chunk.max_words, min_words=chunk.min_words) if chunk else [item.text]
    return [
        Document(
            record_id=root_id(dataset, source.name, item.native_key, ordinal, content=text),
            content_hash=digest(text),
            source=source.name,
            batch=batch,
            stage=stage,
            method=source.reader_name,
            method_version="1",
            license=item.license or source.license,
            consent=consent,
            human_share=source.human_share,
            lang=item.lang or source.lang or "und",
            attributes={**item.attributes, **form, "native_key": item.native_key, "chunk": ordinal},
            body=text,
            title=item.title,
            url=item.url,
        )
        for ordinal, text in enumerate(texts)
    ]
