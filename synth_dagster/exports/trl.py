"""TRL's dataset formats: conversational preferences with an explicit prompt, conversations, and plain text."""

from collections.abc import Mapping
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter, Unfit, turns
from synth_dagster.records import Json, RecordKind


class Trl(Exporter):
    title = "TRL (DPO, reward and supervised fine-tuning)"
    shapes: ClassVar = {
        "document": '{"text": "..."}',
        "instruction": '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
        "preference": '{"prompt": [{"role": ..., "content": ...}], "chosen": [...], "rejected": [...]}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "document":
            return {"text": _text(row)}
        if kind == "instruction":
            return {"messages": turns(row["messages"])}
        return {side: turns(row[side]) for side in ("prompt", "chosen", "rejected")}


def _text(row: Mapping[str, Any]) -> str:
    if not row["text"]:
        raise Unfit("no_text")
    return row["text"]
