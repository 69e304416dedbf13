"""Takes delivered conversations over into the stage that their source joins, turn for turn, and into those on the way.

In the corpus a conversation stands as a transcript, so that the steps there, licences, erasure and lineage treat it as
any other text. Here its turns are read from the transcript again. What those steps changed is changed in the turns too;
a transcript whose turns can no longer be told apart is a reject.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from synth_dagster.errors import LakeError
from synth_dagster.parts.asking.transcript import Conversation, parsed
from synth_dagster.readers.base import Item
from synth_dagster.recipe import ADOPTED, ADOPTION_VERSION, Recipe, Source
from synth_dagster.record_tables import RAW_LIMIT
from synth_dagster.records import Document, Instruction, Json, Preference, Record, RecordKind, Reject
from synth_dagster.runner.stamp import Stamper


class Adopting:
    """What a stamp says of an adopted record in the place of a method."""

    version: ClassVar[str] = ADOPTION_VERSION

    def fingerprint(self) -> str:
        return ADOPTED


class Adoption:
    """The step that made an adopted record."""

    key = slug = ADOPTED
    method = Adopting()


def unfit(recipe: Recipe, source: Source, item: Item) -> Reject | None:
    """Why an item cannot join the stage that its source joins, if so."""
    way = recipe.adopting(source.name)
    needs_pairs = any(recipe.stage(stage).kind == "preferences" for stage in way)
    if not way or item.form == "preference" or (item.form and not needs_pairs):
        return None
    reason, wanted = ("not_a_preference", "pairs") if needs_pairs else ("not_a_conversation", "conversations")
    detail = f"The source joins '{source.joins}', which takes {wanted}, and this is none."
    if item.form is None:
        detail += " If it has one beside a text, name its form in the recipe."
    return Reject(reason=reason, detail=detail, raw=item.text[:RAW_LIMIT], location=item.native_key)


def adopted(
    stage: str, kind: RecordKind, batch: str, inputs: Iterable[Record], documents: Mapping[Json, Document]
) -> Iterator[Record | Reject]:
    """The inputs as records of this stage; `documents` are those of the corpus by native key, where inputs are none.

    Raises LakeError when the corpus is no longer the one that the inputs were made from.
    """
    stamper = Stamper(stage, batch, Adoption())
    for record in inputs:
        document = record if isinstance(record, Document) else documents.get(record.attributes.get("native_key"))
        try:
            conversation = parsed(document.body if document else "")
        except ValueError as error:
            if document is record:
                yield _broken(record, str(error))
                continue
            conversation = None
        if document is None or conversation is None or not _is_of(record, conversation):
            raise LakeError(
                f"'{stage}' cannot take over batch '{batch}': the corpus changed after the stage above was made. "
                "Run 'synth run' again: it makes that stage anew first."
            )
        child = _child(kind, record, document, conversation)
        yield stamper.stamp(child, sample=0, relation=ADOPTED) if isinstance(child, Record) else child


def _is_of(record: Record, conversation: Conversation) -> bool:
    """Whether the stage above took its record from this conversation."""
    if isinstance(record, Instruction):
        return record.messages == (*conversation.messages, *conversation.chosen)
    return not isinstance(record, Preference) or record.chosen == conversation.chosen


def _child(kind: RecordKind, record: Record, document: Document, talk: Conversation) -> Record | Reject:
    attributes = document.attributes
    if kind == "instruction":
        return Instruction(messages=(*talk.messages, *talk.chosen), parents=(record,), attributes=attributes)
    if not talk.is_preference:
        return _broken(record, "It has no two answers.")
    return Preference(
        prompt=talk.messages,
        chosen=talk.chosen,
        rejected=talk.rejected,
        chosen_score=_number(attributes, "chosen_score", "score_chosen"),
        rejected_score=_number(attributes, "rejected_score", "score_rejected"),
        parents=(record,),
        attributes=attributes,
    )


def _number(attributes: Mapping[str, Json], *names: str) -> float | None:
    found = next((attributes[name] for name in names if name in attributes), None)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _broken(record: Record, why: str) -> Reject:
    detail = f"{why} A step of the corpus changed the headings of its turns: take that step out, or this source."
    return Reject(
        reason="transcript_broken",
        detail=detail,
        raw=record.text()[:RAW_LIMIT],
        location=str(record.attributes.get("native_key", "")),
        record_id=record.record_id,
    )
