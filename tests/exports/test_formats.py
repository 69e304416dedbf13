"""Each format as its trainers describe it: the shape of a record, what stands beside it, and what does not fit."""

import json

import pytest
import yaml

from synth_dagster import exports
from synth_dagster.errors import SynthError
from synth_dagster.exports.base import Form
from synth_dagster.exports.files import ShardSize
from synth_dagster.exports.split import Split, key_of
from synth_dagster.records import Document, Instruction, Message
from tests.exports.by_hand import assistant, document, exported, instruction, lines_of, pair, talk, user

CALLS = json.dumps([{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}])
SYSTEM = Message("system", "Be short.")
Q, A = {"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}
YES, NO = {"role": "assistant", "content": "Yes."}, {"role": "assistant", "content": "No."}
HUMAN, GPT = {"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}
SHAREGPT_PAIR = {
    "conversations": [HUMAN],
    "chosen": {"from": "gpt", "value": "Yes."},
    "rejected": {"from": "gpt", "value": "No."},
}
ONE = {"document": document("A text."), "instruction": instruction("Q?", "A."), "preference": pair("Q?")}
LINES = {
    ("trl", "document"): {"text": "A text."},
    ("trl", "instruction"): {"messages": [Q, A]},
    ("trl", "preference"): {"prompt": [Q], "chosen": [YES], "rejected": [NO]},
    ("openai", "instruction"): {"messages": [Q, A]},
    ("openai", "preference"): {
        "input": {"messages": [Q], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [YES],
        "non_preferred_output": [NO],
    },
    ("alpaca", "instruction"): {"instruction": "Q?", "input": "", "output": "A."},
    ("alpaca", "preference"): {"instruction": "Q?", "input": "", "chosen": "Yes.", "rejected": "No."},
    ("sharegpt", "instruction"): {"conversations": [HUMAN, GPT]},
    ("sharegpt", "preference"): SHAREGPT_PAIR,
    ("axolotl", "document"): {"text": "A text."},
    ("axolotl", "instruction"): {"messages": [Q, A]},
    ("axolotl", "preference"): {"messages": [Q], "chosen": YES, "rejected": NO},
    ("llama_factory", "document"): {"text": "A text."},
    ("llama_factory", "instruction"): {"conversations": [HUMAN, GPT]},
    ("llama_factory", "preference"): SHAREGPT_PAIR,
}


@pytest.fixture
def export(tmp_path):
    def run(slug, records, kind, form=None):
        return exported(slug, records, kind, to=tmp_path / "out", form=form), tmp_path / "out"

    return run


@pytest.mark.parametrize(("slug", "kind"), LINES, ids=" ".join)
def test_a_record_has_the_shape_of_the_format(slug, kind, export):
    assert lines_of(export(slug, [ONE[kind]], kind)[1] / "train.jsonl") == [LINES[slug, kind]]


def test_every_pair_of_format_and_kind_is_shown_here():
    held = {(slug, kind) for slug, one in exports.exporters().items() for kind in one.shapes}
    assert held == {*LINES, *(("parquet", kind) for kind in ONE)}


@pytest.mark.parametrize("slug", exports.known())
def test_of_a_pair_the_chosen_side_can_go_out_as_a_conversation(slug, tmp_path):
    form = Form(only_chosen=True)
    manifest = exported(slug, [pair("Q?")], "preference", to=tmp_path / "one", form=form)
    exported(slug, [instruction("Q?", "Yes.")], "instruction", to=tmp_path / "other")
    assert manifest.kind == "instruction" and manifest.options["only_chosen"] is True
    if slug != "parquet":
        assert (tmp_path / "one/train.jsonl").read_bytes() == (tmp_path / "other/train.jsonl").read_bytes()


def test_only_pairs_have_a_chosen_side(export, tmp_path):
    with pytest.raises(
        SynthError, match=r"Only preference pairs have a chosen side; this release has document records"
    ):
        export("trl", [document("text")], "document", Form(only_chosen=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("slug", "fitting"),
    [
        ("openai", "axolotl, llama_factory, parquet, trl"),
        ("alpaca", "axolotl, llama_factory, parquet, trl"),
        ("sharegpt", "axolotl, llama_factory, parquet, trl"),
    ],
)
def test_a_kind_that_a_format_does_not_hold_names_those_that_do(slug, fitting, export, tmp_path):
    with pytest.raises(SynthError, match=f"'{slug}' holds no document records. Formats that do: {fitting}."):
        export(slug, [document("text")], "document")
    assert list(tmp_path.iterdir()) == []


TOOLS = (user("Look."), assistant("", tool_calls=CALLS), Message("tool", "seen", name="look"), assistant("Done."))
UNFIT = [
    ("trl", "document", Document(body="", record_id=b"2"), "no_text"),
    ("trl", "instruction", Instruction(record_id=b"2"), "no_messages"),
    ("trl", "preference", pair("R?", chosen=(assistant("", tool_calls="{broken"),)), "tool_calls_not_json"),
    ("trl", "preference", pair("R?", prompt=(user("Q?"), SYSTEM)), "prompt_ends_without_a_question"),
    ("openai", "instruction", talk(user("Q?")), "last_turn_is_not_assistant"),
    ("openai", "preference", pair("R?", rejected=()), "no_messages"),
    ("alpaca", "instruction", talk(user("a"), assistant("b"), user("c"), assistant("d")), "more_than_one_turn"),
    ("alpaca", "instruction", talk(SYSTEM, user("a"), assistant("b")), "system_turn"),
    ("alpaca", "instruction", talk(assistant("a"), assistant("b")), "first_turn_is_not_user"),
    ("alpaca", "instruction", talk(user("a"), assistant("", tool_calls=CALLS)), "tool_calls"),
    ("alpaca", "preference", pair("R?", prompt=(user("a"), assistant("b"), user("c"))), "more_than_one_turn"),
    ("alpaca", "preference", pair("R?", chosen=(assistant("a"), assistant("b"))), "answer_of_several_turns"),
    ("sharegpt", "instruction", talk(user("a"), user("b"), assistant("c")), "turns_do_not_alternate"),
    ("sharegpt", "instruction", talk(user("a")), "last_turn_is_not_assistant"),
    ("sharegpt", "instruction", talk(SYSTEM), "last_turn_is_not_assistant"),
    ("sharegpt", "instruction", talk(Message("critic", "a"), assistant("b")), "role_that_the_format_has_not"),
    ("sharegpt", "instruction", talk(user("a"), assistant("b", tool_calls=CALLS)), "text_beside_tool_calls"),
    ("sharegpt", "instruction", talk(user("a"), assistant("", tool_calls="[1]")), "tool_calls_without_function"),
    ("llama_factory", "preference", pair("R?", prompt=(user("a"), assistant("b"))), "prompt_ends_with_an_answer"),
    ("axolotl", "preference", pair("R?", rejected=(user("a"),)), "last_turn_is_not_assistant"),
    ("parquet", "preference", pair("R?", rejected=()), "no_messages"),
    ("parquet", "document", Document(body="", record_id=b"2"), "no_text"),
]


@pytest.mark.parametrize(
    ("slug", "kind", "record", "reason"), UNFIT, ids=lambda one: one if isinstance(one, str) else ""
)
def test_an_unfit_record_is_left_out_and_counted(slug, kind, record, reason, export):
    manifest, folder = export(slug, [ONE[kind], record], kind)
    assert (manifest.records, dict(manifest.left_out)) == (1, {reason: 1})
    assert f"| {reason} | 1 |" in (folder / "README.md").read_text()


def test_sharegpt_has_names_of_its_own_for_system_and_tools(export):
    _, folder = export("sharegpt", [talk(SYSTEM, *TOOLS)], "instruction")
    (line,) = lines_of(folder / "train.jsonl")
    assert [turn["from"] for turn in line["conversations"]] == [
        "system",
        "human",
        "function_call",
        "observation",
        "gpt",
    ]
    assert json.loads(line["conversations"][2]["value"]) == [{"name": "look", "arguments": "{}"}]


# ------------------------------------------------------------------------------------------------ what stands beside it

TWO = {kind: [one, other] for kind, one, other in (
    ("document", document("A text."), document("Another.")),
    ("instruction", instruction("Q?", "A."), instruction("R?", "B.")),
    ("preference", pair("Q?"), pair("R?")),
)}  # fmt: skip


def held_out(kind):
    """The second record for validation."""
    return Split(frozenset({key_of(TWO[kind][1].record_id)}), {"asked": 0.5, "reached": 0.5, "seed": 1, "groups": 2})


# The keys are those of LLaMA-Factory's data/README.md, read by its src/llamafactory/data/parser.py.
INFO_KEYS = {"file_name", "formatting", "ranking", "columns", "tags"}
COLUMN_KEYS = {"prompt", "query", "response", "history", "messages", "system", "tools", "chosen", "rejected", "kto_tag"}


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize("shard", [None, ShardSize(rows=1)], ids=["files", "shards"])
def test_llama_factory_finds_its_files_and_columns_by_dataset_info(kind, shard, export):
    _, folder = export("llama_factory", TWO[kind], kind, Form(split=held_out(kind), shard=shard))
    info = json.loads((folder / "dataset_info.json").read_text())
    assert list(info) == ["demo_set_r0001", "demo_set_r0001_validation"]
    for one in info.values():
        assert one.keys() <= INFO_KEYS and one["columns"].keys() <= COLUMN_KEYS
        place = folder / one["file_name"]
        files = sorted(place.iterdir()) if shard else [place]
        (line,) = lines_of(files[0])
        assert set(one["columns"].values()) == set(line)
        assert one.get("ranking", False) == (kind == "preference")
        # ShareGPT's own names are the defaults of LLaMA-Factory's tags, so that none are given
        assert one.get("formatting", "alpaca") == ("alpaca" if kind == "document" else "sharegpt")


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize("shard", [None, ShardSize(rows=1)], ids=["files", "shards"])
def test_axolotl_gets_the_part_of_its_configuration_that_reads_them(kind, shard, export):
    _, folder = export("axolotl", TWO[kind], kind, Form(split=held_out(kind), shard=shard))
    config = yaml.safe_load((folder / "axolotl.yaml").read_text())
    assert config.get("rl") == ("dpo" if kind == "preference" else None)
    (read,), (tested,) = config["datasets"], config["test_datasets"]
    assert read["type"] == {
        "document": "completion", "instruction": "chat_template", "preference": "chat_template.default"
    }[kind]  # fmt: skip
    for one in (read, tested):
        files = sorted((folder / one["path"]).iterdir()) if shard else [folder / one["path"]]
        (line,) = lines_of(files[0])
        named = {one[key] for key in ("field", "field_messages", "field_chosen", "field_rejected") if key in one}
        assert named == set(line)
