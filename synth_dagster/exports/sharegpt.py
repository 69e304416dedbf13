"""ShareGPT's form: who says what, under the names human and gpt.

Format: https://github.com/hiyouga/LLaMA-Factory/tree/main/data, "Sharegpt Format"; FastChat reads the same.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.rows import only_turn, speech, speeches, turns
from synth_dagster.records import Json, RecordKind

SHAPES: Mapping[RecordKind, str] = {
    "instruction": '{"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}',
    "preference": '{"conversations": [{"from": "human", "value": "..."}], "chosen": {"from": "gpt", "value": "..."}, '
    '"rejected": {"from": "gpt", "value": "..."}}',
}


class ShareGPT(Exporter):
    title = "ShareGPT"
    shapes: ClassVar = SHAPES

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        return conversations(row, kind)


def conversations(row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
    """A conversation, or a prompt with its two answers. Raises Unfit where its trainers would skip it."""
    if kind == "instruction":
        return {"conversations": speeches(turns(row["messages"]), answered=True)}
    return {
        "conversations": speeches(turns(row["prompt"]), answered=False),
        "chosen": speech(only_turn(row["chosen"])),
        "rejected": speech(only_turn(row["rejected"])),
    }
