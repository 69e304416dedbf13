"""TRL's dataset formats: conversational preferences with an explicit prompt, conversations, and plain text.

Format: https://huggingface.co/docs/trl/dataset_formats
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.rows import Unfit, text_of, turns
from synth_dagster.records import Json, RecordKind


class Trl(Exporter):
    title = "TRL (DPO, reward and supervised fine-tuning)"
    has_turns = True
    shapes: ClassVar = {
        "document": '{"text": "..."}',
        "instruction": '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
        "preference": '{"prompt": [{"role": ..., "content": ...}], "chosen": [...], "rejected": [...]}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "document":
            return {"text": text_of(row)}
        if kind == "instruction":
            return {"messages": turns(row["messages"])}
        return {
            "prompt": _asking(turns(row["prompt"])),
            "chosen": turns(row["chosen"]),
            "rejected": turns(row["rejected"]),
        }


def _asking(prompt: Sequence[Mapping[str, Json]]) -> Sequence[Mapping[str, Json]]:
    """The prompt, unless it ends with a role after which TRL's `apply_chat_template` lets no answer follow."""
    if prompt[-1]["role"] not in ("user", "tool", "assistant"):
        raise Unfit("prompt_ends_without_a_question")
    return prompt
