"""A release goes out in the form that its trainer reads, whole or not at all, with what it is beside it."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from synth_dagster import exports
from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.exports.base import Origin
from synth_dagster.exports.place import Folder
from synth_dagster.parts.text.tokens import NAME, count
from synth_dagster.record_tables import schema_of, to_table
from synth_dagster.records import Document, Instruction, Message, digest
from tests.exports.by_hand import ORIGIN, assistant, exported, instruction, lines_of, pair, rows, user

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def export(tmp_path):
    """Exports records and gives back the manifest and the lines, read with nothing but the standard library."""

    def run(slug, records, kind, *, copies=None, to=tmp_path / "out", demo=False, facts=None, form=None):
        origin = Origin(dataset="demo_set", release="r0001", demo=demo, facts=facts or {})
        manifest = exported(slug, records, kind, to=to, copies=copies, origin=origin, form=form)
        return manifest, lines_of(to / "train.jsonl")

    return run


def test_names_and_tool_calls_are_there_where_they_are_and_nowhere_else(export):
    calls = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    talk = Instruction(
        record_id=digest(1),
        messages=(
            user("Look."),
            assistant("", tool_calls=json.dumps(calls)),
            Message("tool", "seen", name="look"),
            assistant("Done."),
        ),
    )
    (line,) = export("openai", [talk], "instruction")[1]
    assert [sorted(turn) for turn in line["messages"]] == [
        ["content", "role"],
        ["content", "role", "tool_calls"],
        ["content", "name", "role"],
        ["content", "role"],
    ]
    assert line["messages"][1]["tool_calls"] == calls


def test_copies_repeat_a_row_and_none_leaves_it_out(export):
    records = [instruction(f"Q{n}?", "A.") for n in range(3)]
    manifest, lines = export("trl", records, "instruction", copies=[1, 3, 0])
    assert [line["messages"][0]["content"] for line in lines] == ["Q0?", "Q1?", "Q1?", "Q1?"]
    assert (manifest.records, manifest.rows) == (2, 4)


def test_line_n_names_its_record(export, tmp_path):
    records = [instruction(f"Q{n}?", "A.") for n in range(3)]
    _, lines = export("trl", records, "instruction", copies=[2, 1, 1])
    ids = (tmp_path / "out/record_ids/train.txt").read_text().split()
    assert ids == [digest(line["messages"][0]["content"]).hex() for line in lines]


def test_the_manifest_says_what_was_written(export, tmp_path):
    records = [instruction("Why?", "It rained."), instruction("How?", "Slowly.")]
    manifest, _ = export("trl", records, "instruction", copies=[1, 2], facts={"kept": 2, "seed": 7})
    written = json.loads((tmp_path / "out/manifest.json").read_text())
    assert written == json.loads(manifest.to_json())
    # Why ? It rained . is 5 tokens once, How ? Slowly . is 4 tokens twice
    assert written["tokens"] == 13 == count("Why? It rained.") + 2 * count("How? Slowly.")
    expected = {
        "format": "trl", "dataset": "demo_set", "release": "r0001", "kind": "instruction", "demo": False,
        "records": 2, "rows": 3, "licenses": {"MIT": 2}, "sources": {"notes": 2}, "left_out": {},
        "facts": {"kept": 2, "seed": 7}, "token_counter": NAME,
    }  # fmt: skip
    assert expected.items() <= written.items()
    assert written["created_by"].startswith("synth_dagster ")
    for name, facts in written["files"].items():
        data = (tmp_path / "out" / name).read_bytes()
        lines = {} if name == "README.md" else {"rows": 3}
        assert facts == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **lines}
    there = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert there == {*written["files"], "manifest.json", "SHA256SUMS"}


def test_the_same_release_gives_the_same_bytes(export, tmp_path):
    for name in ("one", "two"):
        export("trl", [pair("Q?"), pair("R?")], "preference", to=tmp_path / name, facts={"b": 1, "a": 2})
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_the_card_says_how_it_was_made_and_warns_of_a_demo(export, tmp_path):
    export("trl", [pair("Q?")], "preference", demo=True, facts={"judge": "embedded-extractive"})
    card = (tmp_path / "out/README.md").read_text()
    assert "not for training" in card and "embedded teacher" in card
    assert "judge model ranked" in card and "- judge: embedded-extractive" in card and "| MIT | 1 |" in card
    export("trl", [pair("Q?")], "preference", demo=False)
    assert "not for training" not in (tmp_path / "out/README.md").read_text()


def test_every_character_survives(export):
    text = 'line\u2028separator\u2029next\x85 "quoted" \\ \0 é 🎉 <b> \r\n\t'
    manifest, lines = export("trl", [Document(body=text, record_id=b"1")], "document")
    assert lines == [{"text": text}] and manifest.rows == 1


# -------------------------------------------------------------------------------------------------------- what is unfit


def test_a_kind_that_a_format_does_not_hold_names_those_that_do(export, tmp_path):
    with pytest.raises(
        SynthError, match=r"'openai' holds no document records. Formats that do: axolotl, llama_factory, parquet, trl"
    ):
        export("openai", [Document(body="text")], "document")
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_nothing_is_an_error_and_leaves_nothing(export, tmp_path):
    with pytest.raises(SynthError, match="it has no records"):
        export("trl", [], "preference")
    with pytest.raises(SynthError, match=r'left out: \{"no_messages":1\}'):
        export("trl", [Instruction(record_id=b"1")], "instruction")
    assert list(tmp_path.iterdir()) == []


def test_negative_copies_are_refused(export):
    with pytest.raises(SynthError, match="has -1 copies"):
        export("trl", [pair("Q?")], "preference", copies=[-1])


# -------------------------------------------------------------------------------------------------- whole or not at all


def test_an_earlier_export_is_replaced(export, tmp_path):
    export("trl", [pair("Q?"), pair("R?")], "preference")
    _, lines = export("openai", [pair("S?")], "preference")
    assert len(lines) == 1 and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_somebody_else_is_left_alone(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(SynthError, match="nothing there is touched"):
        export("trl", [pair("Q?")], "preference")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_an_earlier_export_with_a_file_of_somebody_else_is_left_alone(export, tmp_path):
    export("trl", [pair("Q?")], "preference")
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(SynthError, match="nothing there is touched"):
        export("trl", [pair("R?")], "preference")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("manifest", ["{}", "[]", "not json", '{"created_by": "another tool 1", "files": []}'])
def test_a_manifest_of_another_tool_is_not_ours(manifest, export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.json").write_text(manifest)
    with pytest.raises(SynthError, match="nothing there is touched"):
        export("trl", [pair("Q?")], "preference")


def test_an_empty_folder_and_missing_parents_are_places(export, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "a/b/c"):
        export("trl", [pair("Q?")], "preference", to=place)
        assert (place / "manifest.json").is_file()


def test_a_file_is_no_place(export, tmp_path):
    (tmp_path / "out").write_text("file")
    with pytest.raises(SynthError, match="is a file"):
        export("trl", [pair("Q?")], "preference")
    with pytest.raises(SynthError, match="could not be written"):
        export("trl", [pair("Q?")], "preference", to=tmp_path / "out/below")


@pytest.mark.parametrize("error", [RuntimeError("the lake went away"), OSError(28, "No space left on device")])
def test_a_failure_in_the_middle_leaves_the_earlier_export(error, export, tmp_path):
    export("trl", [pair("Q?")], "preference")
    before = (tmp_path / "out/train.jsonl").read_bytes()

    def broken():
        yield from rows([pair("R?")], "preference")
        raise error

    with pytest.raises(SynthError if isinstance(error, OSError) else RuntimeError):
        exports.exporter("trl").export(broken(), "preference", to=Folder(tmp_path / "out"), origin=ORIGIN)
    assert (tmp_path / "out/train.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, ".")
from synth_dagster import exports
from synth_dagster.exports.place import Folder
from tests.exports.by_hand import ORIGIN, pair, rows
def killed():
    yield from rows([pair("R?")], "preference")
    os.kill(os.getpid(), 9)
exports.exporter("trl").export(killed(), "preference", to=Folder(Path(sys.argv[1])), origin=ORIGIN)
"""


def test_a_killed_export_leaves_the_earlier_one_and_the_next_cleans_up(export, tmp_path):
    export("trl", [pair("Q?")], "preference")
    before = (tmp_path / "out/train.jsonl").read_bytes()
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "out"], cwd=ROOT, check=False)
    assert ended.returncode == -9
    assert (tmp_path / "out/train.jsonl").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2  # the half export beside it
    export("trl", [pair("S?")], "preference")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_the_two_renames_is_mended(export, tmp_path):
    export("trl", [pair("Q?")], "preference")
    (tmp_path / "out").rename(tmp_path / ".out.replaced")  # where such a kill leaves it
    with pytest.raises(SynthError, match="has no records"):
        export("trl", [], "preference")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# ------------------------------------------------------------------------------------------------------- names and size


def test_formats_are_found_by_file_name():
    assert set(exports.known()) >= {"trl", "openai"} and "base" not in exports.known()
    with pytest.raises(UnknownName, match=r"No export format is called 'trll'. Did you mean 'trl'"):
        exports.exporter("trll")


def test_a_large_release_streams_in_bounded_memory(tmp_path):
    text = "word " * 200
    batch = to_table([Document(body=text, record_id=digest(n)) for n in range(2_000)], "document").to_batches()[0]
    assert batch.schema == schema_of("document")
    tracemalloc.start()
    try:
        exports.exporter("trl").export(
            (batch for _ in range(5)), "document", to=Folder(tmp_path / "out"), origin=ORIGIN
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 10,000 rows of 1,000 characters go out; 500 of them are Python objects at a time
    assert (tmp_path / "out/train.jsonl").stat().st_size > 10_000_000
    assert peak < 5_000_000
