"""LLaMA-Factory: ShareGPT conversations, or texts, with the `dataset_info.json` that names their columns.

Format: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md. Train with `dataset_dir` set to the folder
and `dataset` to the name in `dataset_info.json`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.manifest import Manifest
from synth_dagster.exports.rows import text_of
from synth_dagster.exports.sharegpt import SHAPES, conversations
from synth_dagster.exports.split import TRAIN
from synth_dagster.records import Json, RecordKind

_COLUMNS: Mapping[RecordKind, Mapping[str, Json]] = {
    "document": {"columns": {"prompt": "text"}},
    "instruction": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    "preference": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    },
}


class LlamaFactory(Exporter):
    title = "LLaMA-Factory"
    shapes: ClassVar = {"document": '{"text": "..."}', **SHAPES}

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        return {"text": text_of(row)} if kind == "document" else conversations(row, kind)

    def beside(self, manifest: Manifest, data: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        info = {
            _name(manifest, split): {"file_name": _file(files), **_COLUMNS[manifest.kind]}
            for split, files in data.items()
        }
        return {"dataset_info.json": json.dumps(info, indent=2) + "\n"}


def _name(manifest: Manifest, split: str) -> str:
    base = f"{manifest.dataset}_{manifest.release}"
    return base if split == TRAIN else f"{base}_{split}"


def _file(files: Sequence[str]) -> str:
    """A file, or the folder of a split's shards."""
    return files[0].rpartition("/")[0] or files[0]
