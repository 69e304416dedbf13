"""Each format gives the same items plain, compressed and encoded, from any place on; what is wrong costs itself."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from synth_dagster.parts.shards import digest_of, shards
from synth_dagster.readers.base import DeliveryChanged, Item, Unreadable, start_of
from synth_dagster.readers.files import Files
from synth_dagster.readers.places import Places

ROWS = [{"id": str(n) if n % 3 else None, "text": f"text {n % 11}\nsecond line", "topic": "rain"} for n in range(40)]


def zst(data):
    return pa.compress(data, codec="zstd", asbytes=True)


def as_csv(rows, delimiter=","):
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_parquet(rows, **how):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows) if isinstance(rows, list) else rows, file, row_group_size=7, **how)
    return file.getvalue()


WRITERS = {
    "a.jsonl": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode(),
    "a.json": lambda rows: json.dumps(rows, indent=1).encode(),
    "b.json": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows).encode(),
    "a.csv": as_csv,
    "a.tsv": lambda rows: as_csv(rows, "\t"),
    "a.parquet": as_parquet,
}
SQUEEZED = {"": lambda data: data, ".gz": gzip.compress, ".zst": zst}


@pytest.fixture
def only(deliver, read):
    """The one thing that a file gives."""

    def of(name, content, **settings):
        deliver(f"inbox/{name}", content)
        (found,) = read(f"inbox/{name}", **settings)
        return found

    return of


def reason(found):
    assert isinstance(found, Unreadable), found
    return found.reject.reason


# ------------------------------------------------------------------------------------------------------- every format


@pytest.mark.parametrize("suffix", SQUEEZED)
@pytest.mark.parametrize("name", WRITERS)
def test_rows_are_items_whatever_file_they_stand_in(name, suffix, deliver, read):
    deliver(f"inbox/{name}{suffix}", SQUEEZED[suffix](WRITERS[name](ROWS)))
    found = read()
    assert [item.text if isinstance(item, Item) else item.reject.reason for item in found] == [
        row["text"] for row in ROWS
    ]
    assert {item.attributes["topic"] for item in found} == {"rain"}
    assert found[1].native_key == f"inbox/{name}{suffix}#1"
    assert len({item.native_key for item in found}) == 40


@pytest.mark.parametrize("suffix", SQUEEZED)
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_can_be_entered_at_any_item(name, suffix, deliver, read, monkeypatch):
    deliver("inbox/0.txt", "before")
    deliver(f"inbox/{name}{suffix}", SQUEEZED[suffix](WRITERS[name](ROWS)))
    deliver("inbox/z.txt", "after")
    everything = read()
    assert len(everything) == 42
    for place, item in enumerate(everything):
        assert read(start=item.locator) == everything[place:]
    monkeypatch.setattr("synth_dagster.readers.formats.rows._repeats", None)  # no second pass over the file
    for shard in shards(everything, target=6):
        assert digest_of(read(start=start_of(shard.start, shard.repeats))[: shard.count]) == shard.digest


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv"])
def test_rows_in_another_encoding_are_read_where_the_recipe_says_it(name, encoding, deliver, read):
    rows = [{"id": str(n), "text": f"café {n}"} for n in range(20)]
    data = json.dumps(rows, ensure_ascii=False).encode() if name == "a.json" else None
    data = data or "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    data = as_csv(rows, "\t" if name == "a.tsv" else ",") if name.endswith("sv") else data
    deliver(f"inbox/{name}.gz", gzip.compress(data.decode().encode(encoding)))
    found = read(encoding=encoding)
    assert [item.text for item in found] == [row["text"] for row in rows]
    assert read(start=found[7].locator, encoding=encoding) == found[7:]


def test_bytes_that_are_not_of_the_encoding_cost_their_line(deliver, reasons):
    deliver("inbox/a.jsonl", b'{"text": "caf\xe9"}\n{"text": "\x81"}\n{"text": "good"}\n')
    assert reasons(encoding="cp1252") == (["café", "good"], {"inbox/a.jsonl:2": "invalid_utf8"})


def test_text_in_another_encoding_is_read_where_the_recipe_says_it(only):
    assert only("a.txt", "café".encode("utf-16"), encoding="utf-16").text == "café"
    found = only("b.txt", "café".encode("utf-16"))
    assert reason(found) == "invalid_utf8" and "set encoding: utf-16" in found.reject.detail


def test_files_that_are_no_text_have_no_encoding(deliver, read):
    deliver("inbox/a.parquet", as_parquet([{"text": "rain"}]))
    deliver("inbox/b.pdf", pdf_of("Rain falls."))
    deliver("inbox/c.txt", "café".encode("cp1252"))
    assert [item.text for item in read(encoding="cp1252")] == ["rain", "Rain falls.", "café"]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"encoding": "utf-9"}, id="an encoding that is none"),
        pytest.param({"encoding": "base64"}, id="an encoding of bytes"),
        pytest.param({"delimiter": '"'}, id="a quote as delimiter"),
        pytest.param({"columns": ["a", "a"]}, id="a column twice"),
        pytest.param({"template": "no field"}, id="a template without a field"),
        pytest.param({"template": "{a!r}"}, id="a template with a conversion"),
        pytest.param({"template": "{a"}, id="a template with an open brace"),
        pytest.param({"template": "{}"}, id="a template with a place of no name"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValidationError):
        Files(path="inbox", **settings)


@pytest.mark.parametrize("name", WRITERS)
def test_a_template_makes_the_text_of_several_fields(name, deliver, read):
    rows = [{"question": f"Why {n}?", "answer": "So.", "points": n, "topic": "rain"} for n in range(3)]
    deliver(f"inbox/{name}", WRITERS[name](rows))
    found = read(template="{question} {{{points}}}\n\n{answer}")
    assert [item.text for item in found] == [f"Why {n}? {{{n}}}\n\nSo." for n in range(3)]
    assert found[0].attributes == {"topic": "rain"}


def test_a_text_that_is_null_is_told_from_one_whose_field_is_not_there(deliver, read):
    deliver("inbox/a.jsonl", [{"text": None}, {"body": "A text under another name."}])
    null, absent = (found.reject.detail for found in read())
    assert null.startswith("'text' is null.") and absent.startswith("There is no 'text'")


def test_a_field_that_the_template_lacks_or_cannot_hold_is_a_reject(deliver, reasons):
    deliver("inbox/a.jsonl", [{"q": "Why?", "a": "So."}, {"q": "Why?"}, {"q": "Why?", "a": ["So."]}])
    found = reasons(template="{q} {a}")
    assert found == (["Why? So."], {"inbox/a.jsonl:2": "missing_field", "inbox/a.jsonl:3": "wrong_type"})


def test_the_fields_that_stay_as_attributes_can_be_chosen(only):
    row = {"text": "t", "topic": "rain", "embedding": [1, 2]}
    assert only("a.jsonl", [row], attribute_fields=["topic"]).attributes == {"topic": "rain"}
    assert only("a.jsonl", [row], attribute_fields=[]).attributes == {}
    assert only("a.jsonl", [row]).attributes == {"topic": "rain", "embedding": [1, 2]}


# -------------------------------------------------------------------------------------------------------- compression


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_is_cut_off_costs_what_follows_and_the_next_file_is_read(suffix, deliver, read):
    rows = [{"text": f"line {n} {'x' * (n % 97)}"} for n in range(50_000)]
    whole = SQUEEZED[suffix](WRITERS["a.jsonl"](rows))
    deliver(f"inbox/a.jsonl{suffix}", whole[: len(whole) // 2])
    deliver("inbox/b.txt", "after")
    *items, broken, after = read()
    assert [item.text for item in items] == [row["text"] for row in rows[: len(items)]] and len(items) > 1_000
    assert reason(broken) == "broken_compression" and after.text == "after"
    assert read(start=broken.locator) == [broken, after]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_is_not_compressed_at_all_says_so(suffix, only):
    assert reason(only(f"a.jsonl{suffix}", b'{"text": "plain"}\n')) == "broken_compression"
    assert reason(only(f"a.txt{suffix}", b"plain")) == "broken_compression"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.parquet"])
def test_a_bomb_is_refused_where_it_becomes_too_much(name, suffix, only):
    bomb = SQUEEZED[suffix](b"\0" * 80_000_000)  # 78 kB in gz, 2.4 kB in zst
    found = only(f"{name}{suffix}", bomb, max_file_bytes=200_000_000)
    assert reason(found) == "expands_too_far" and "Raise max_expansion" in found.reject.detail


def test_a_file_that_is_right_may_expand_as_far_as_the_recipe_says(deliver, read):
    line = json.dumps({"text": "the same words again " * 8_000}).encode() + b"\n"
    deliver("inbox/a.jsonl.zst", zst(line * 500))  # 84 MB from a few kB
    assert reason(read()[-1]) == "expands_too_far"
    assert len(read(max_expansion=1_000_000)) == 500


def test_compression_alone_is_no_format(only):
    found = only("a.gz", gzip.compress(b"text"))
    assert reason(found) == "unknown_format" and ".parquet, each also with .gz or .zst" in found.reject.detail


def test_several_compressed_parts_in_one_file_are_all_read(only):
    assert only("a.txt.gz", gzip.compress(b"one ") + gzip.compress(b"two")).text == "one two"
    assert only("a.txt.zst", zst(b"one ") + zst(b"two")).text == "one two"


# --------------------------------------------------------------------------------------------------------------- JSON


def test_one_object_is_one_item(only):
    assert only("a.json", b'\xef\xbb\xbf {"text": "only"} \n').text == "only"


@pytest.mark.parametrize(
    ("content", "texts", "wrong"),
    [
        pytest.param(b"[]", [], ["empty_file"], id="an empty array"),
        pytest.param(b" \n", [], ["empty_file"], id="nothing"),
        pytest.param(b'[{"text": "a"}, 5, {"text": "b"}]', ["a", "b"], ["wrong_type"], id="a number among objects"),
        pytest.param(b'[{"text": "a"}, [1, "]", [{}]], {"text": "b"}]', ["a", "b"], ["wrong_type"], id="a list"),
        pytest.param(b'[{"text": "caf\xe9"}, {"text": "b"}]', ["b"], ["invalid_utf8"], id="Latin-1"),
        pytest.param(b'[{"text": "\\ud800"}, {"text": "b"}]', ["b"], ["lone_surrogate"], id="half a pair"),
        pytest.param(b'[{"text": "a", "n": NaN}, {"text": "b"}]', ["b"], ["not_json"], id="NaN"),
        pytest.param(
            b'[{"n": ' + b"[" * 90_000 + b"]" * 90_000 + b'}, {"text": "b"}]', ["b"], ["not_json"], id="nested deeply"
        ),
        pytest.param(b'[{"text": "a"} {"text": "b"}]', ["a"], ["not_json"], id="no comma"),
        pytest.param(b'[{"text": "a"},]', ["a"], ["not_json"], id="a comma too many"),
        pytest.param(b'[{"text": "a"}, {"text": "b"', ["a"], ["not_json"], id="cut off"),
        pytest.param(b'[{"text": "a"}, {"text": "b"}', ["a", "b"], ["not_json"], id="cut off between elements"),
        pytest.param(b'[{"text": "a"}] {"text": "b"}', ["a"], ["not_json"], id="more behind the array"),
        pytest.param(b"[{'text': 'a'}]", [], ["not_json"], id="single quotes"),
        pytest.param(
            b'[{"text": "a"}, {"text": "' + b'\\\\\\"]}x' * 400_000 + b'"}, {"text": "b"}]',
            ["a", "b"],
            ["line_too_long"],
            id="an element that is too long",
        ),
    ],
)
def test_an_array_is_read_element_by_element(content, texts, wrong, deliver, read):
    deliver("inbox/a.json", content)
    found = read(max_line_bytes=200_000)
    assert [item.text for item in found if isinstance(item, Item)] == texts
    assert [reason(item) for item in found if isinstance(item, Unreadable)] == wrong
    for place, item in enumerate(found):
        assert read(start=item.locator, max_line_bytes=200_000) == found[place:]


def test_an_element_of_five_megabytes_is_read_where_it_is_allowed(deliver, read):
    text = 'It said "no" \\ twice. ' * 250_000
    deliver("inbox/a.json", json.dumps([{"text": "a"}, {"text": text}, {"text": "b"}]))
    assert [item.text for item in read()] == ["a", text, "b"]


def test_a_syntax_mistake_says_where_and_what_survives_it(only):
    found = only("a.json", b"[{'text': 'a'}]")
    assert "at byte 1." in found.reject.detail and ".jsonl" in found.reject.detail


# --------------------------------------------------------------------------------------------------------------- tables


def test_quoted_cells_hold_line_ends_quotes_and_delimiters(only):
    found = only("a.csv", b'id;text;title\r\n1;"one\n;""two""\r\n\r\nthree";\r\n', delimiter=";")
    assert (found.text, found.title, found.native_key) == ('one\n;"two"\r\n\r\nthree', None, "inbox/a.csv#1")


def test_bad_rows_cost_themselves_and_are_told_with_their_line(deliver, read):
    deliver(
        "inbox/a.csv",
        b'text,topic\nfirst,a\n"two\nlines",b\nonly one\n\nthree,c,too many\n"no end" here,x\n"",blank\n'
        b"caf\xe9,latin\nnul\0,z\nlast,d\n",
    )
    found = read()
    assert [item.text for item in found if isinstance(item, Item)] == ["first", "two\nlines", "last"]
    assert {item.reject.location: reason(item) for item in found if isinstance(item, Unreadable)} == {
        "inbox/a.csv:5": "ragged_row",
        "inbox/a.csv:7": "ragged_row",
        "inbox/a.csv:8": "bad_quotes",
        "inbox/a.csv:9": "missing_field",
        "inbox/a.csv:10": "invalid_utf8",
        "inbox/a.csv:11": "nul_byte",
    }
    for place, item in enumerate(found):
        assert read(start=item.locator) == found[place:]


def test_a_quote_that_is_never_closed_costs_one_line(deliver, reasons):
    deliver("inbox/a.csv", b'text\nfirst\n"open\n' + b"more\n" * 1_000)
    texts, wrong = reasons()
    assert texts == ["first", *["more"] * 1_000] and wrong == {"inbox/a.csv:3": "bad_quotes"}
    texts, wrong = reasons(max_line_bytes=2_000)
    assert texts == ["first", *["more"] * 1_000] and wrong == {"inbox/a.csv:3": "line_too_long"}


def test_a_line_that_is_too_long_is_passed_over(deliver, reasons):
    deliver("inbox/a.csv", b"text\nfirst\n" + b"x" * 100_000 + b"\nlast\n")
    assert reasons(max_line_bytes=1_000) == (["first", "last"], {"inbox/a.csv:3": "line_too_long"})


def test_a_table_without_names_gets_them_from_the_recipe(deliver, read):
    deliver("inbox/a.tsv", b"1\tone\n2\ttwo\n")
    found = read(columns=["id", "text"])
    assert [(item.native_key, item.text) for item in found] == [("inbox/a.tsv#1", "one"), ("inbox/a.tsv#2", "two")]
    assert read(start=found[1].locator, columns=["id", "text"]) == found[1:]


@pytest.mark.parametrize(
    ("content", "why", "detail"),
    [
        pytest.param(b"a;text\n1;one\n", "missing_field", "'a;text'. Set delimiter to ';'.", id="another delimiter"),
        pytest.param(b"text,text\none,two\n", "bad_header", "columns", id="a name twice"),
        pytest.param(b"text\n", "empty_file", "no row", id="names only"),
        pytest.param("text\none\n".encode("utf-16"), "invalid_utf8", "encoding: utf-16", id="UTF-16"),
    ],
)
def test_what_is_wrong_with_a_whole_table_is_one_cause(content, why, detail, only):
    found = only("a.csv", content)
    assert reason(found) == why and detail in found.reject.detail


# -------------------------------------------------------------------------------------------------------------- Parquet


def test_times_exact_numbers_and_nested_values_are_attributes(only):
    row = {
        "text": "t",
        "at": datetime(2024, 1, 2, tzinfo=UTC),
        "price": Decimal("1.10"),
        "score": float("nan"),
        "tags": [{"name": "a", "weight": float("inf")}],
        "picture": {"bytes": b"\0", "path": "p"},
        "raw": b"\xff",
    }
    found = only("a.parquet", as_parquet([row]))
    assert found.attributes == {
        "at": "2024-01-02T00:00:00+00:00",
        "price": "1.10",
        "score": None,
        "tags": [{"name": "a", "weight": None}],
    }


def test_text_that_is_stored_as_a_dictionary_is_text(deliver, read):
    table = pa.table({"text": pa.array(["one", "two", "one"]).dictionary_encode(), "id": [1, 2, 3]})
    deliver("inbox/a.parquet", as_parquet(table))
    assert [(item.native_key[-1], item.text) for item in read()] == [("1", "one"), ("2", "two"), ("3", "one")]


@pytest.mark.parametrize(
    ("columns", "why", "detail"),
    [
        pytest.param({"body": ["x"]}, "missing_field", "'body'", id="another name"),
        pytest.param({"text": [["x"]]}, "wrong_type", "'text' is list<", id="nested"),
        pytest.param({"text": [5]}, "wrong_type", "'text' is int64", id="a number"),
        pytest.param({"text": [b"x"]}, "wrong_type", "'text' is binary", id="bytes"),
        pytest.param({"text": ["x"], "title": [5]}, "wrong_type", "'title' is int64", id="a title that is a number"),
        pytest.param({"text": ["x"], "id": [1.5]}, "wrong_type", "'id' is double", id="an id that is no whole number"),
    ],
)
def test_a_wrong_type_is_one_cause_that_names_the_column_and_its_type(columns, why, detail, only):
    found = only("a.parquet", as_parquet(pa.table(columns)))
    assert reason(found) == why and detail in found.reject.detail


@pytest.mark.parametrize("cut", [10, 200, -8, -1])
def test_a_parquet_file_that_is_cut_off_says_so(cut, only):
    assert reason(only("a.parquet", as_parquet(ROWS)[:cut])) == "broken_parquet"


def test_a_broken_page_costs_what_follows(deliver, read):
    rows = [{"text": f"text {n}", "id": n} for n in range(21)]
    data = bytearray(as_parquet(rows, compression="snappy"))
    middle = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(1).column(0).data_page_offset
    data[middle : middle + 40] = b"\xff" * 40
    deliver("inbox/a.parquet", bytes(data))
    deliver("inbox/b.txt", "after")
    *items, broken, after = read()
    assert [item.text for item in items] == [f"text {n}" for n in range(7)]
    assert reason(broken) == "broken_parquet" and after.text == "after"
    assert read(start=broken.locator) == [broken, after]


def test_conversations_are_known_in_every_format(deliver, read):
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    deliver("inbox/a.parquet", as_parquet([{"messages": turns}]))
    deliver("inbox/b.json", json.dumps([{"messages": turns}]))
    deliver("inbox/c.csv", as_csv([{"messages": json.dumps(turns)}]))
    found = read()
    assert [item.form for item in found] == ["openai"] * 3 and len({item.text for item in found}) == 1


# ----------------------------------------------------------------------------------------------------------------- HTML

PAGE = """<!doctype html><html lang="EN-gb"><head><meta charset="{charset}"><title>Why it rains</title>
<link rel="canonical" href="https://example.org/rain">{head}</head><body><nav><a href="/">Home</a> <a>Buy now</a></nav>
<article><h1>Why it rains</h1><p>Rain falls when air rises and cools, because cold air holds less water. Café.</p>
<p>Mountains force the air up, so that it rains on their windward side, and deserts lie behind them. That is all there
is to it, and it is said here in a paragraph that is long enough to be the main text of a page of this size.</p>
<pre><code>x = 1
y = 2</code></pre></article><footer>All rights reserved. {foot}</footer></body></html>"""


def test_the_main_text_of_a_page_is_its_item(only):
    found = only("a.html", PAGE.format(charset="utf-8", head="", foot=""))
    assert (found.title, found.url, found.lang) == ("Why it rains", "https://example.org/rain", "en-gb")
    assert found.text.startswith("# Why it rains") and "```\nx = 1\ny = 2\n```" in found.text
    assert "Buy now" not in found.text and "reserved" not in found.text


COMMONS = "https://creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("head", "foot", "license"),
    [
        pytest.param(f'<link rel="license" href="{COMMONS}/by-sa/4.0/">', "", "CC-BY-SA-4.0", id="in the head"),
        pytest.param("", f'<a rel="nofollow license" href="{COMMONS}/by/3.0">CC</a>', "CC-BY-3.0", id="a link"),
        pytest.param(
            f'<link rel="license" href="{COMMONS}/by/4.0/">',
            f'<a rel="license" href="{COMMONS}/by-nc/4.0/">picture</a>',
            "CC-BY-4.0",
            id="the head before links",
        ),
        pytest.param(
            "",
            f'<a rel="license" href="{COMMONS}/by/4.0/">a</a><a rel="license" href="{COMMONS}/by-nc/4.0/">b</a>',
            None,
            id="links that differ say nothing about the page",
        ),
        pytest.param(
            '<meta name="license" content="https://creativecommons.org/publicdomain/zero/1.0/">',
            "",
            "CC0-1.0",
            id="CC0",
        ),
        pytest.param(f'<link rel="license" href="{COMMONS}/by/3.0/us/">', "", None, id="a ported licence"),
        pytest.param('<link rel="license" href="/terms">', "", None, id="terms of their own"),
    ],
)
def test_a_page_may_name_its_licence(head, foot, license, only):
    found = only("a.html", PAGE.format(charset="utf-8", head=head, foot=foot))
    assert found.license == license
    assert ("license_url" in found.attributes) is ("rel" in head or license is not None)


@pytest.mark.parametrize(
    ("charset", "encoding", "settings"),
    [
        pytest.param("utf-8", "utf-8-sig", {}, id="a byte order mark"),
        pytest.param("iso-8859-1", "cp1252", {}, id="as the page says"),
        pytest.param("nonsense", "utf-8", {}, id="a name that is none"),
        pytest.param("utf-8", "utf-16", {}, id="UTF-16 by its mark"),
        pytest.param("utf-8", "cp1252", {"encoding": "cp1252"}, id="as the recipe says"),
    ],
)
def test_a_page_is_read_in_its_encoding(charset, encoding, settings, only):
    assert "Café." in only("a.html", PAGE.format(charset=charset, head="", foot="").encode(encoding), **settings).text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"<html><body><script>x()</script></body></html>", "no_main_text", id="a script only"),
        pytest.param(b"<div>" * 100_000, "not_html", id="nested without end"),
        pytest.param(PAGE.encode("cp1252"), "invalid_utf8", id="another encoding than the page says"),
        pytest.param(b"\0\1\2\xff" * 100, "invalid_utf8", id="binary"),
        pytest.param(b"<p>" + b"word " * 1_000_000, "file_too_large", id="five megabytes"),
        pytest.param(
            b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><html><body><p>&b;</p></body></html>',
            ("no_main_text", "not_html"),
            id="entities that multiply",
        ),
    ],
)
def test_a_page_that_cannot_be_read_says_why(content, why, only):
    assert reason(only("a.html", content)) in ((why,) if isinstance(why, str) else why)


# ------------------------------------------------------------------------------------------------------------------ PDF


def pdf_of(*pages, title=None, password=None, owner=None):
    """A PDF as a program writes it: one line of text a page."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(400, 400)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(password, owner, algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_the_pages_of_a_pdf_are_one_text(only):
    found = only("a.pdf", pdf_of("Rain falls.", "It dries.", title="On rain"))
    assert (found.text, found.title, found.attributes) == ("Rain falls.\n\nIt dries.", "On rain", {"pages": 2})


def test_a_pdf_that_only_its_owner_may_change_is_read(only):
    assert only("a.pdf", pdf_of("Rain falls.", password="", owner="secret")).text == "Rain falls."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(lambda: pdf_of("Rain.", password="secret"), "protected_pdf", id="a password"),
        pytest.param(lambda: pdf_of("", ""), "no_text", id="a scan"),
        pytest.param(lambda: pdf_of("Rain.")[:300], "broken_pdf", id="cut off"),
        pytest.param(lambda: b"%PDF-1.7 and nothing else", "broken_pdf", id="nonsense"),
        pytest.param(lambda: b"plain text", "broken_pdf", id="no PDF"),
    ],
)
def test_a_pdf_without_readable_text_says_why(content, why, only, capfd):
    assert reason(only("a.pdf", content())) == why
    assert capfd.readouterr() == ("", "")  # pypdf's own words would hold pieces of the file


# -------------------------------------------------------------------------------------------------- while it is written


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_notices_that_its_file_changed(name, deliver, tmp_path):
    path = deliver(f"inbox/{name}", WRITERS[name](ROWS))
    found = Files(path="inbox").items(Places(tmp_path))
    next(found)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DeliveryChanged):
        list(found)


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.jsonl"])
def test_a_place_that_an_edit_moved_never_gives_another_batch(name, deliver, read):
    deliver(f"inbox/{name}", WRITERS[name](ROWS))
    everything = read()
    shard = list(shards(everything, target=6))[2]
    deliver(f"inbox/{name}", WRITERS[name](ROWS[1:]))
    try:
        again = read(start=start_of(shard.start, shard.repeats))[: shard.count]
    except DeliveryChanged:
        return
    assert digest_of(again) != shard.digest
