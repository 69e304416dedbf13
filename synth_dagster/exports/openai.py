"""OpenAI's fine-tuning files: chat conversations, and pairs for preference fine-tuning."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter, Unfit, turns
from synth_dagster.records import Json, RecordKind


class OpenAI(Exporter):
    title = "OpenAI fine-tuning"
    shapes: ClassVar = {
        "instruction": '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
        "preference": '{"input": {"messages": [...], "tools": [], "parallel_tool_calls": true}, '
        '"preferred_output": [...], "non_preferred_output": [...]}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "instruction":
            return {"messages": _ending(turns(row["messages"]), "assistant")}
        return {
            "input": {"messages": turns(row["prompt"]), "tools": [], "parallel_tool_calls": True},
            "preferred_output": _ending(turns(row["chosen"]), "assistant"),
            "non_preferred_output": _ending(turns(row["rejected"]), "assistant"),
        }


def _ending(conversation: Sequence[Mapping[str, Json]], role: str) -> list[Mapping[str, Json]]:
    """The conversation, whose last turn must be that role's: the endpoint refuses a file with any other."""
    if conversation[-1]["role"] != role:
        raise Unfit(f"last_turn_is_not_{role}")
    return list(conversation)
