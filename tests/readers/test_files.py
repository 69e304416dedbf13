"""Files come in line by line; what cannot be read costs itself and nothing else."""

import json
import os
import socket
import subprocess
import sys
import tracemalloc
import unicodedata
from pathlib import Path

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.parts.shards import digest_of, shards
from synth_dagster.readers.base import DeliveryChanged, Item, NotDelivered, Unreadable, start_of
from synth_dagster.readers.files import Files
from synth_dagster.readers.formats.json_lines import lines_of
from synth_dagster.readers.places import Places
from synth_dagster.record_tables import RAW_LIMIT
from synth_dagster.records import canonical_json

GOOD = {"text": "It rained."}
ROOT = Path(__file__).resolve().parents[2]


# ----------------------------------------------------------------------------------------------- what is well delivered


def test_a_folder_is_read_by_name_with_everything_below_it(deliver, read):
    deliver("inbox/b.txt", "second")
    deliver("inbox/a/z.md", "# First\n\ntext")
    deliver("inbox/c.jsonl", [{"id": 7, "text": "third", "title": "T"}, {"text": "fourth"}])
    found = read()
    assert [item.text for item in found] == ["# First\n\ntext", "second", "third", "fourth"]
    assert [item.native_key for item in found][:3] == ["inbox/a/z.md", "inbox/b.txt", "inbox/c.jsonl#7"]
    assert [item.title for item in found] == ["First", None, "T", None]


@pytest.mark.parametrize("path", ["inbox/a.txt", "inbox", "inbox/", "./inbox", "inbox/*.txt", "**/*.txt", "x/../inbox"])
def test_a_path_is_a_file_a_folder_or_a_pattern(path, deliver, read, tmp_path):
    (tmp_path / "x").mkdir()
    deliver("inbox/a.txt", "text")
    assert [(item.native_key, item.text) for item in read(path)] == [("inbox/a.txt", "text")]


def test_an_absolute_path_inside_the_project_is_that_path(deliver, read):
    path = deliver("inbox/a.txt", "text")
    assert [item.native_key for item in read(str(path))] == ["inbox/a.txt"]


def test_an_absolute_path_through_another_spelling_of_the_project_is_that_path_too(deliver, tmp_path):
    deliver("project/inbox/a.txt", "text")
    (tmp_path / "link").symlink_to(tmp_path / "project")
    for path in ("inbox", str(tmp_path / "link/inbox"), str(tmp_path / "project/inbox")):
        assert [item.native_key for item in Files(path=path).items(Places(tmp_path / "link"))] == ["inbox/a.txt"]


def test_a_name_that_looks_like_a_pattern_is_taken_as_it_is(deliver, read):
    deliver("inbox/[1].txt", "bracketed")
    deliver("inbox/1.txt", "plain")
    assert [item.text for item in read("inbox/[1].txt")] == ["bracketed"]


def test_the_fields_of_a_line_are_mapped_and_the_others_are_attributes(deliver, read):
    deliver(
        "inbox/a.jsonl", [{"body": "B", "name": "N", "key": "k", "license": "MIT", "lang": "de", "url": "u", "n": [1]}]
    )
    assert read(text_field="body", title_field="name", id_field="key") == [
        Item(
            native_key="inbox/a.jsonl#k",
            text="B",
            title="N",
            url="u",
            attributes={"n": [1]},
            license="MIT",
            lang="de",
            locator='{"byte":0,"file":"inbox/a.jsonl","line":1}',
        )
    ]


def test_a_field_that_is_turned_off_is_an_attribute(deliver, read):
    deliver("inbox/a.jsonl", [{"text": "B", "license": {"name": "MIT"}, "id": ["x"]}])
    (item,) = read(license_field=None, id_field=None)
    assert item.attributes == {"license": {"name": "MIT"}, "id": ["x"]} and item.license is None


def test_byte_order_marks_line_ends_and_blank_lines_are_not_text(deliver, read):
    deliver("inbox/a.jsonl", b'\xef\xbb\xbf{"text": "one"}\r\n\r\n  \n{"text": "two"}')
    deliver("inbox/b.txt", b"\xef\xbb\xbfthree")
    assert [item.text for item in read()] == ["one", "two", "three"]


def test_front_matter_says_what_a_markdown_file_is(deliver, read):
    deliver("inbox/a.md", '---\ntitle: "The title"\nlicense: CC-BY-4.0\nauthor: A. Person\n---\n\n# Heading\n\ntext')
    (item,) = read()
    assert (item.title, item.license, item.attributes) == ("The title", "CC-BY-4.0", {"author": "A. Person"})
    assert item.text == "# Heading\n\ntext"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("```\n# comment\n```\n\n## Real ##\n", "Real", id="not inside code"),
        pytest.param("Underlined\n==========\n", "Underlined", id="underlined"),
        pytest.param("text only", None, id="none"),
        pytest.param("# About C#", "About C#", id="a name that ends in a hash"),
        pytest.param("# a" + " " * 100_000 + "b", "a" + " " * 100_000 + "b", id="a long run of spaces costs no time"),
        pytest.param("---\ntags: [a, b]\n---\ntext", "tags: [a, b]", id="front matter that is not simple is text"),
        pytest.param("#hashtag\n\n# Title", "Title", id="a hash without a space is no heading"),
    ],
)
def test_the_first_heading_is_the_title(text, title, deliver, read):
    deliver("inbox/a.md", text)
    (item,) = read()
    assert (item.title, item.text) == (title, text)


def test_hidden_and_unfinished_files_are_passed_over(deliver, read):
    for name in (".hidden.txt", "a.txt.part", "b.txt~", "~$c.txt", "d.tmp", ".git/e.txt", "#f.txt#"):
        deliver(f"inbox/{name}", "text")
    deliver("inbox/good.txt", "text")
    assert [item.native_key for item in read()] == ["inbox/good.txt"]


def test_two_spellings_of_a_name_have_one_key(deliver, read):
    deliver("inbox/" + unicodedata.normalize("NFD", "é.txt"), "text")
    assert read()[0].native_key == unicodedata.normalize("NFC", "inbox/é.txt")
    deliver("inbox/" + unicodedata.normalize("NFC", "é.txt"), "other text")
    assert [type(item) for item in read()] == [Item, Unreadable]


def test_a_file_name_that_is_not_utf8_is_read_and_can_be_stored(deliver, read, tmp_path):
    deliver("inbox/a.txt", "text")
    (tmp_path / "inbox/a.txt").rename(tmp_path / os.fsdecode(b"inbox/\xff.txt"))
    (item,) = read()
    assert item.native_key == "inbox/\\udcff.txt" and item.text == "text"
    assert read(start=item.locator) == [item]


# ------------------------------------------------------------------------------------------------------- bad deliveries

LINES = [
    pytest.param(b"not json", "not_json", id="not JSON"),
    pytest.param(b'{"text": "cut o', "not_json", id="cut off"),
    pytest.param(b'{"text": "a"} {"text": "b"}', "not_json", id="two in a line"),
    pytest.param(b'{"text": "a", "n": NaN}', "not_json", id="NaN"),
    pytest.param(b'{"text": "a", "n": 1e999}', "not_json", id="a number that overflows"),
    pytest.param(b'{"text": "a", "n": ' + b"9" * 5_000 + b"}", "not_json", id="an endless number"),
    pytest.param(b"[" * 100_000, "not_json", id="nested without end"),
    pytest.param(b'["text"]', "wrong_type", id="a list"),
    pytest.param(b"null", "wrong_type", id="null"),
    pytest.param(b'{"txt": "a"}', "missing_field", id="another field"),
    pytest.param(b'{"text": null}', "missing_field", id="a null text"),
    pytest.param(b'{"text": 5}', "wrong_type", id="a number as text"),
    pytest.param(b'{"text": "a", "title": 5}', "wrong_type", id="a number as title"),
    pytest.param(b'{"text": "a", "license": ["MIT"]}', "wrong_type", id="a list as licence"),
    pytest.param(b'{"text": "a", "id": true}', "wrong_type", id="a truth value as id"),
    pytest.param(b'{"text": "a", "id": "' + b"x" * 1_001 + b'"}', "wrong_type", id="a text as id"),
    pytest.param(b'{"text": ""}', "blank_text", id="empty text"),
    pytest.param(b'{"text": " \\n\\u00a0"}', "blank_text", id="blank text"),
    pytest.param(b'{"text": "a\\u0000b"}', "nul_byte", id="NUL"),
    pytest.param(b'{"text": "\\ud800"}', "lone_surrogate", id="half a surrogate pair"),
    pytest.param(b'{"text": "a", "n": {"\\udfff": 1}}', "lone_surrogate", id="half a pair in an attribute"),
    pytest.param(b'{"text": "caf\xe9"}', "invalid_utf8", id="latin-1"),
    pytest.param(b'{"text": "' + b"x" * 6_000 + b'"}', "line_too_long", id="too long"),
]


@pytest.mark.parametrize(("line", "reason"), LINES)
def test_a_bad_line_is_reported_with_its_number_and_the_rest_goes_on(line, reason, deliver, read):
    deliver("inbox/a.jsonl", b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')
    before, bad, after = read(max_line_bytes=200_000 if line.startswith(b"[[") else 5_500)
    assert (before.text, after.text) == ("before", "after")
    assert (bad.reject.reason, bad.reject.location) == (reason, "inbox/a.jsonl:2")
    assert bad.reject.detail and len(bad.reject.raw) <= RAW_LIMIT
    canonical_json([bad.reject.raw, bad.reject.detail, bad.native_key]).encode()  # can be stored
    assert "\0" not in bad.reject.raw


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("a.txt", b"", "empty_file", id="empty"),
        pytest.param("a.jsonl", b"", "empty_file", id="empty lines"),
        pytest.param("a.jsonl", b"\n\n", "empty_file", id="blank lines only"),
        pytest.param("a.txt", b" \n\t", "blank_text", id="blank"),
        pytest.param("a.md", b"---\ntitle: T\n---\n", "blank_text", id="front matter only"),
        pytest.param("a.txt", b"caf\xe9", "invalid_utf8", id="latin-1"),
        pytest.param("a.txt", "text".encode("utf-16"), "invalid_utf8", id="UTF-16"),
        pytest.param("a.txt", b"a\0b", "nul_byte", id="binary"),
        pytest.param("a.docx", b"PK", "unknown_format", id="another format"),
        pytest.param("noend", b"text", "unknown_format", id="no suffix"),
        pytest.param("a.txt", b"x" * 101, "file_too_large", id="too large"),
    ],
)
def test_a_bad_file_is_reported_and_the_others_are_read(name, content, reason, deliver, reasons):
    deliver(f"inbox/{name}", content)
    deliver("inbox/good.txt", "good")
    assert reasons(max_file_bytes=100) == (["good"], {f"inbox/{name}": reason})


def test_an_unknown_format_names_the_allowed_ones(deliver, read):
    deliver("inbox/a.docx", "x")
    assert ".txt, .md, .markdown, .html" in read()[0].reject.detail


def test_a_wrong_encoding_says_where(deliver, read):
    deliver("inbox/a.txt", b"caf\xe9")
    deliver("inbox/b.jsonl", b'{"text": "caf\xe9"}')
    assert [item.reject.detail[:6] for item in read()] == ["Byte 3", "Byte 1"]  # 13 in the line


def test_an_id_that_stands_twice_is_refused_the_second_time(deliver, reasons):
    deliver("inbox/a.jsonl", [{"id": "x", "text": "one"}, {"id": "y", "text": "two"}, {"id": "x", "text": "three"}])
    assert reasons() == (["one", "two"], {"inbox/a.jsonl:3": "duplicate_key"})


def test_equal_lines_without_an_id_are_items_of_their_own(deliver, read):
    deliver("inbox/a.jsonl", [GOOD, GOOD, GOOD, "bad", "bad"])
    keys = [item.native_key for item in read()]
    assert len(set(keys)) == 5 and keys[1] == keys[0] + "~2" and keys[4] == keys[3] + "~2"


def test_a_file_that_the_system_refuses_to_open_is_reported(deliver, reasons, monkeypatch):
    deliver("inbox/a.txt", "secret")
    deliver("inbox/b.txt", "text")
    opened = type(deliver("inbox/c.txt", "more")).open

    def refuse(path, *args, **more):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **more)

    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert reasons() == (["text", "more"], {"inbox/a.txt": "unreadable"})


def test_pipes_and_sockets_are_not_waited_for(deliver, reasons, tmp_path, monkeypatch):
    deliver("inbox/a.txt", "text")
    os.mkfifo(tmp_path / "inbox/pipe.txt")
    monkeypatch.chdir(tmp_path / "inbox")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.txt")
        assert reasons() == (["text"], {"inbox/pipe.txt": "not_a_file", "inbox/socket.txt": "not_a_file"})


# ----------------------------------------------------------------------------------------------- staying in the project


@pytest.mark.parametrize(
    "path", ["../outside", "inbox/../../outside", "/etc/passwd", "/etc/*", "../*.txt", "*/../../*.txt"]
)
def test_a_path_that_leaves_the_project_is_refused(path, tmp_path):
    project = tmp_path / "project"
    (project / "inbox").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("secret")
    with pytest.raises(SynthError, match=r"leaves the project.*Copy what it points to"):
        Files(path=path).items(Places(project))


def test_an_inbox_that_stands_elsewhere_gives_the_same_items(deliver, tmp_path):
    deliver("here/inbox/notes/a.txt", "text")
    deliver("here/inbox/b.txt", "more")
    (tmp_path / "there").mkdir()
    (tmp_path / "here/inbox").rename(tmp_path / "there/box")
    places = Places(tmp_path / "here", tmp_path / "there/box")
    for path in ("inbox", "./inbox/", "inbox/**/*.txt"):
        assert [item.native_key for item in Files(path=path).items(places)] == ["inbox/b.txt", "inbox/notes/a.txt"]
    (item,) = Files(path="inbox/notes").items(places)
    assert list(Files(path="inbox").items(places, start=item.locator)) == [item]
    for path in ("inbox/../b.txt", "inbox/../../here"):
        with pytest.raises(SynthError, match=r"leaves the inbox .*into the inbox"):
            Files(path=path).items(places)
    with pytest.raises(NotDelivered, match=r"No file is at 'none' in .*box"):
        Files(path="inbox/none").items(places)


def test_a_link_that_leaves_the_project_is_refused(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    project = tmp_path / "project"
    (project / "inbox").mkdir(parents=True)
    (project / "inbox/link.txt").symlink_to(tmp_path / "secret.txt")
    (project / "inbox/folder").symlink_to(tmp_path)
    (project / "inbox/good.txt").write_text("good")
    found = list(Files(path="inbox").items(Places(project)))
    assert [item.text if isinstance(item, Item) else item.reject.reason for item in found] == [
        "linked_folder",
        "good",
        "outside_project",
    ]
    for path in ("inbox/link.txt", "inbox/folder", "inbox/folder/*.txt"):
        with pytest.raises(SynthError, match="leaves the project"):
            Files(path=path).items(Places(project))


def test_a_link_inside_the_project_is_followed_and_broken_ones_are_reported(deliver, reasons, tmp_path):
    deliver("data/a.txt", "text")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/link.txt").symlink_to(tmp_path / "data/a.txt")
    (tmp_path / "inbox/nowhere.txt").symlink_to(tmp_path / "data/b.txt")
    (tmp_path / "inbox/round.txt").symlink_to(tmp_path / "inbox/round.txt")
    assert reasons() == (["text"], {"inbox/nowhere.txt": "unreadable", "inbox/round.txt": "unreadable"})


@pytest.mark.parametrize("path", ["inbox", "inbox/a.txt", "inbox/*.txt", "empty"])
def test_a_required_source_must_be_there_and_an_optional_one_need_not(path, read, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotDelivered, match="optional: true") as refused:
        read(path)
    assert path in str(refused.value)
    assert read(path, optional=True) == []


@pytest.mark.parametrize("path", [" ", "a\0b", "inbox/**x"])
def test_a_path_that_is_none_is_refused(path, read):
    with pytest.raises(SynthError):
        read(path)


# ----------------------------------------------------------------------------------------------- starting in the middle


def mixed(deliver):
    lines = [{"id": n % 7 if n % 3 else None, "text": f"text {n % 11}"} for n in range(40)]
    deliver("inbox/a.txt", "a")
    deliver("inbox/b.jsonl", b"\xef\xbb\xbf" + "\r\n".join(map(json.dumps, lines)).encode() + b"\nbad\n\n\xff\n")
    deliver("inbox/c.md", "# c")
    deliver("inbox/d.bin", "d")


def test_reading_can_start_at_any_item_and_gives_the_same_rest(deliver, read):
    mixed(deliver)
    everything = read()
    assert len(everything) == 45  # a, 40 lines, two bad lines, c, d
    for place, item in enumerate(everything):
        assert read(start=item.locator) == everything[place:]


def test_shards_are_read_back_alone(deliver, read):
    mixed(deliver)
    everything = read()
    for shard in shards(everything, target=6):
        assert digest_of(read(start=start_of(shard.start, shard.repeats))[: shard.count]) == shard.digest


def test_a_shard_is_read_back_without_reading_what_stands_before_it(deliver, read, monkeypatch):
    deliver(
        "inbox/a.jsonl", [*[{"text": f"line {n}"} for n in range(200)], GOOD, {"text": "line 3"}, GOOD, "bad", GOOD]
    )
    everything = list(shards(read(), target=20))
    monkeypatch.setattr("synth_dagster.readers.formats.rows._repeats", None)  # the pass over the whole file
    for shard in everything:
        assert digest_of(read(start=start_of(shard.start, shard.repeats))[: shard.count]) == shard.digest
    assert any(shard.repeats for shard in everything)


def test_a_file_that_grows_while_it_is_read_ends_the_reading(deliver, tmp_path):
    path = deliver("inbox/a.jsonl", [GOOD, {"text": "two"}])
    found = Files(path="inbox").items(Places(tmp_path))
    assert next(found).text == "It rained."
    with path.open("a") as file:
        file.write('{"text": "three"}\n')
    with pytest.raises(DeliveryChanged, match=r"'inbox/a.jsonl' changed while it was read.*ends in .part"):
        list(found)


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.with_name("b.jsonl").replace(path)])
def test_a_file_that_is_removed_or_replaced_while_it_is_read_ends_the_reading(change, deliver, tmp_path):
    path = deliver("inbox/a.jsonl", [GOOD, {"text": "two"}])
    deliver("inbox/b.jsonl", [GOOD, {"text": "two"}])
    found = Files(path="inbox/a.jsonl").items(Places(tmp_path))
    next(found)
    change(path)
    with pytest.raises(DeliveryChanged, match="changed while it was read"):
        list(found)


def test_an_inserted_line_changes_the_shards_around_it_only(deliver, read):
    lines = [{"text": f"line {n}"} for n in range(1_000)]
    deliver("inbox/a.jsonl", lines)
    before = {(shard.key, shard.digest) for shard in shards(read(), target=50)}
    deliver("inbox/a.jsonl", [*lines[:500], {"text": "new"}, "a bad line", *lines[500:]])
    after = {(shard.key, shard.digest) for shard in shards(read(), target=50)}
    assert len(before) > 10 and len(after - before) <= 4  # two changes side by side


def test_a_place_that_is_gone_says_to_plan_again(deliver, read, tmp_path):
    deliver("inbox/a.jsonl", [GOOD, GOOD])
    _, second = read()
    deliver("inbox/a.jsonl", [{"text": "longer than before, so that no line begins there"}])
    with pytest.raises(DeliveryChanged, match="synth run"):
        read(start=second.locator)
    (tmp_path / "inbox/a.jsonl").rename(tmp_path / "inbox/b.jsonl")
    with pytest.raises(DeliveryChanged, match="synth run"):
        read(start=second.locator)
    with pytest.raises(DeliveryChanged, match="synth run"):
        read(start="not a locator")


# --------------------------------------------------------------------------------------------------- size and real data


GROWTH = """
import sys
from pathlib import Path
from synth_dagster.readers.files import Files
from synth_dagster.readers.places import Places
from tests.peak_memory import peak_bytes
items = Files(path="big.jsonl").items(Places(Path(sys.argv[1])))
next(items)
before = peak_bytes()
print(1 + sum(1 for _ in items), peak_bytes() - before)
"""


def test_two_hundred_thousand_lines_stream_in_bounded_memory(tmp_path):
    (tmp_path / "big.jsonl").write_text("".join(f'{{"text": "line {n} {"x" * 400}"}}\n' for n in range(200_000)))
    ended = subprocess.run(
        [sys.executable, "-c", GROWTH, tmp_path], capture_output=True, text=True, check=True, cwd=ROOT
    )
    count, growth = map(int, ended.stdout.split())
    # 85 MB of lines; what grows is a number for each line to know repeats by, about 70 bytes in a Python set
    assert count == 200_000 and (tmp_path / "big.jsonl").stat().st_size > 80_000_000
    assert growth < 40_000_000


def test_a_line_of_fifty_megabytes_is_passed_over_without_holding_it(tmp_path):
    with (tmp_path / "long.jsonl").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b'\n{"text": "after"}\n')
    tracemalloc.start()
    try:
        long, after = Files(path="long.jsonl", max_line_bytes=100_000).items(Places(tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(long, Unreadable) and long.reject.reason == "line_too_long"
    assert isinstance(after, Item) and after.locator == '{"byte":50000001,"file":"long.jsonl","line":2}'
    assert peak < 3_000_000


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["LF", "CRLF", "no end"])
@pytest.mark.parametrize(
    ("length", "fits"), [(9, True), (10, True), (11, False), (12, False), (13, False), (35, False)]
)
def test_the_limit_of_a_line_is_exact(length, fits, end, tmp_path):
    (tmp_path / "lines").write_bytes(b"x" * length + end + (b"next" if end else b""))
    with (tmp_path / "lines").open("rb") as stream:
        line, *rest = lines_of(stream, 0, 1, 10)
    assert line.is_whole is fits
    assert [(found.offset, found.number, found.data) for found in rest] == (
        [(length + len(end), 2, b"next")] if end else []
    )


def test_the_hash_of_a_long_line_is_over_all_of_it(tmp_path):
    def hash_of(data, limit):
        (tmp_path / "line").write_bytes(data)
        with (tmp_path / "line").open("rb") as stream:
            return next(lines_of(stream, 0, 1, limit)).hash_of_all

    assert hash_of(b"x" * 40 + b"1\n", 10) != hash_of(b"x" * 40 + b"2\n", 10)


def test_the_speeches_are_read(shared):
    folder = shared("state_of_the_union")
    found = list(Files(path="state_of_the_union").items(Places(folder.parent)))
    assert len(found) == len(list(folder.glob("*.txt"))) == 65
    readable = [item for item in found if isinstance(item, Item)]
    assert {item.reject.reason for item in found if isinstance(item, Unreadable)} <= {"invalid_utf8"}
    assert len(readable) >= 60 and readable[0].native_key == "state_of_the_union/1945-Truman.txt"


def test_the_seed_tasks_are_read_by_their_own_fields(shared):
    folder = shared("self_instruct")
    reader = Files(path="self_instruct/*.jsonl", text_field="instruction", title_field="name")
    found = list(reader.items(Places(folder.parent)))
    assert len(found) == 175 and all(isinstance(item, Item) for item in found)
    assert found[0].native_key == "self_instruct/seed_tasks.jsonl#seed_task_0"
    assert found[0].title == "breakfast_suggestion" and "instances" in found[0].attributes
