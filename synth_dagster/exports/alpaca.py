"""Stanford Alpaca's form: one instruction and its answer, or two answers of which one is better.

Format: https://github.com/tatsu-lab/stanford_alpaca; the pairs as LLaMA-Factory reads them. A longer conversation does
not fit, and is counted in the manifest.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.rows import Unfit, answered, only_turn, turns
from synth_dagster.records import Json, RecordKind


class Alpaca(Exporter):
    title = "Alpaca"
    shapes: ClassVar = {
        "instruction": '{"instruction": "...", "input": "", "output": "..."}',
        "preference": '{"instruction": "...", "input": "", "chosen": "...", "rejected": "..."}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "instruction":
            asked, answer = _two(answered(turns(row["messages"])))
            return {"instruction": _question([asked]), "input": "", "output": _words(answer)}
        sides = {side: _words(only_turn(row[side])) for side in ("chosen", "rejected")}
        return {"instruction": _question(turns(row["prompt"])), "input": "", **sides}


def _two(conversation: Sequence[Mapping[str, Json]]) -> Sequence[Mapping[str, Json]]:
    if conversation[0]["role"] == "system":
        raise Unfit("system_turn")
    if len(conversation) != 2:
        raise Unfit("more_than_one_turn")
    return conversation


def _question(prompt: Sequence[Mapping[str, Json]]) -> Json:
    if prompt[0]["role"] == "system":
        raise Unfit("system_turn")
    if len(prompt) != 1:
        raise Unfit("more_than_one_turn")
    if prompt[0]["role"] != "user":
        raise Unfit("first_turn_is_not_user")
    return _words(prompt[0])


def _words(turn: Mapping[str, Json]) -> Json:
    if turn.get("tool_calls"):
        raise Unfit("tool_calls")
    return turn["content"]
