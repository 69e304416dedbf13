"""What goes out comes back: Hugging Face `datasets` reads the same rows, and TRL's rules of format hold."""

import json
import os

import pytest

from synth_dagster import exports
from synth_dagster.exports.base import Form
from synth_dagster.exports.files import ShardSize
from synth_dagster.exports.split import Split, key_of
from synth_dagster.record_tables import to_table
from synth_dagster.records import Message
from tests.exports.by_hand import assistant, document, exported, instruction, lines_of, pair, talk, user

pytest.importorskip("datasets", reason="datasets is not installed (the extra is `huggingface`)")
CALLS = json.dumps([{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}])
RECORDS = {
    "document": [document(f"Text {n} ä 東京 \u2028 end.") for n in range(7)],
    "instruction": [instruction(f"Q{n}?", f"A{n}.") for n in range(7)],
    "preference": [pair(f"Q{n}?", chosen_score=n / 2) for n in range(7)],
}
FACTS = {"asked": 0.3, "reached": 2 / 7, "seed": 1, "groups": 7}
HELD = {kind: Split(frozenset(key_of(one.record_id) for one in some[:2]), FACTS) for kind, some in RECORDS.items()}
PAIRS = [(slug, kind) for slug, one in exports.exporters().items() for kind in one.shapes]


@pytest.fixture
def load(tmp_path):
    """`datasets.load_dataset` on a folder, without its hub and with a cache of its own."""
    before = dict(os.environ)
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    yield lambda folder: load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(("slug", "kind"), PAIRS)
@pytest.mark.parametrize("shard", [None, ShardSize(rows=2)], ids=["files", "shards"])
def test_datasets_reads_the_rows_of_each_split(slug, kind, shard, load, tmp_path):
    form = Form(split=HELD[kind], shard=shard)
    manifest = exported(slug, RECORDS[kind], kind, to=tmp_path / "out", form=form)
    loaded = load(tmp_path / "out")
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 5, "validation": 2}
    for name, part in loaded.items():
        assert part.to_list() == _written(tmp_path / "out", manifest.splits[name]["files"], kind, name)


def _written(folder, files, kind, split):
    """The rows as the standard library reads them, or of Parquet those that were given."""
    if files[0].endswith(".jsonl"):
        return [line for file in files for line in lines_of(folder / file)]
    side = slice(0, 2) if split == "validation" else slice(2, None)
    given = to_table(RECORDS[kind][side], kind).drop_columns(["run_id", "created_at"]).to_pylist()
    return json.loads(json.dumps(given, default=bytes.hex))


@pytest.mark.parametrize("slug", ["trl", "openai", "axolotl"])
def test_datasets_reads_conversations_of_which_only_some_have_names_and_tool_calls(slug, load, tmp_path):
    tools = talk(
        user("Look."), assistant("", tool_calls=CALLS), Message("tool", "seen", name="look"), assistant("Done.")
    )
    plain = [instruction(f"Q{n}?", "A. " * 20_000) for n in range(200)]  # 12 MB: `datasets` reads 10 MB at a time
    exported(slug, [*plain, tools], "instruction", to=tmp_path / "out")
    last = load(tmp_path / "out")["train"][-1]["messages"]
    assert last[1]["tool_calls"][0]["function"]["name"] == "look" and last[2]["name"] == "look"


# TRL 1.16: `data_utils.apply_chat_template` takes these sets of columns and no other, and `is_conversational` wants a
# list whose first item is a dict with a role. tests/exports/trl_check.py asks TRL itself, where it is installed.
TRL_COLUMNS = {"instruction": {"messages"}, "preference": {"prompt", "chosen", "rejected"}}


@pytest.mark.parametrize("kind", TRL_COLUMNS)
def test_trls_rules_of_format_hold(kind, load, tmp_path):
    exported("trl", RECORDS[kind], kind, to=tmp_path / "out")
    for row in load(tmp_path / "out")["train"]:
        assert set(row) == TRL_COLUMNS[kind]
        for messages in row.values():
            assert messages and all({"role", "content"} <= set(turn) for turn in messages)
        assert kind == "instruction" or row["prompt"][-1]["role"] in ("user", "tool", "assistant")
