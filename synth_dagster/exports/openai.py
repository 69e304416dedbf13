"""OpenAI's fine-tuning files: chat conversations, and pairs for preference fine-tuning."""

from collections.abc import Mapping
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.rows import answered, turns
from synth_dagster.records import Json, RecordKind


class OpenAI(Exporter):
    title = "OpenAI fine-tuning"
    has_turns = True
    shapes: ClassVar = {
        "instruction": '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
        "preference": '{"input": {"messages": [...], "tools": [], "parallel_tool_calls": true}, '
        '"preferred_output": [...], "non_preferred_output": [...]}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "instruction":
            return {"messages": answered(turns(row["messages"]))}
        return {
            "input": {"messages": turns(row["prompt"]), "tools": [], "parallel_tool_calls": True},
            "preferred_output": answered(turns(row["chosen"])),
            "non_preferred_output": answered(turns(row["rejected"])),
        }
