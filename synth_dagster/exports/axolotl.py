"""axolotl: one JSON object a line, with the part of its configuration that reads them.

Format: https://docs.axolotl.ai/docs/dataset-formats/ and https://docs.axolotl.ai/docs/rlhf.html. `axolotl.yaml` is to
be taken into one's own configuration; its paths are relative to the folder.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.card_header import plain_dumper
from synth_dagster.exports.manifest import Manifest
from synth_dagster.exports.rows import answered as ending_with_an_answer
from synth_dagster.exports.rows import only_turn, text_of, turns
from synth_dagster.exports.split import TRAIN
from synth_dagster.records import Json, RecordKind

_PROPERTIES = {"role": "role", "content": "content"}
_READING: Mapping[RecordKind, Mapping[str, Json]] = {
    "document": {"type": "completion", "field": "text"},
    "instruction": {
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": _PROPERTIES,
        "roles_to_train": ["assistant"],
    },
    "preference": {
        "type": "chat_template.default",
        "field_messages": "messages",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
        "message_property_mappings": _PROPERTIES,
    },
}


class Axolotl(Exporter):
    title = "axolotl"
    has_turns = True
    shapes: ClassVar = {
        "document": '{"text": "..."}',
        "instruction": '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
        "preference": '{"messages": [{"role": "user", "content": "..."}], "chosen": {"role": "assistant", "content": '
        '"..."}, "rejected": {"role": "assistant", "content": "..."}}',
    }

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        if kind == "document":
            return {"text": text_of(row)}
        if kind == "instruction":
            return {"messages": ending_with_an_answer(turns(row["messages"]))}
        return {
            "messages": turns(row["prompt"]),
            "chosen": only_turn(row["chosen"]),
            "rejected": only_turn(row["rejected"]),
        }

    def beside(self, manifest: Manifest, data: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        import yaml

        parts: dict[str, Json] = {"rl": "dpo"} if manifest.kind == "preference" else {}
        for split, files in data.items():
            read = {"path": _path(files), "ds_type": "json", "split": "train", **_READING[manifest.kind]}
            parts["datasets" if split == TRAIN else "test_datasets"] = [read]
        head = "# Take this into your axolotl configuration. Paths are relative to this folder.\n"
        return {"axolotl.yaml": head + yaml.dump(parts, sort_keys=False, Dumper=plain_dumper())}


def _path(files: Sequence[str]) -> str:
    """A file, or the folder of a split's shards; `./` keeps it from being taken for a name of the hub."""
    return "./" + (files[0].rpartition("/")[0] or files[0])
