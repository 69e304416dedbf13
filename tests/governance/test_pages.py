"""Links to the lake's pages: where a browser finds them."""

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.governance.pages import DEFAULT, Pages


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("/home/me/lake/previews/notes-a%3A1.html", f"{DEFAULT}/previews/notes-a%253A1.html"),
        ("s3://bucket/lake/reports/notes/r0001.html", f"{DEFAULT}/reports/notes/r0001.html"),
        ("/home/previews/lake/previews/p.html", f"{DEFAULT}/previews/p.html"),
    ],
    ids=["a path", "a bucket", "a lake in a folder of that name"],
)
def test_a_page_has_an_address(link: str, address: str):
    assert Pages().address(link) == address


def test_what_is_no_page_has_none():
    with pytest.raises(ValueError, match="no page of a lake"):
        Pages().address("/home/me/lake/notes/seed_corpus/part.parquet")


def test_a_variable_moves_them():
    assert Pages.of({}).base == DEFAULT
    assert Pages.of({"SYNTH_PAGES": "https://data.example/pages/"}).address("/lake/previews/p.html") == (
        "https://data.example/pages/previews/p.html"
    )


@pytest.mark.parametrize(
    "given", ["localhost:3070", "ftp://host", "http://", "http://host:0", "http://host:x", "file:///x"]
)
def test_what_is_no_address_is_refused_with_what_to_do(given: str):
    with pytest.raises(SynthError, match=r"SYNTH_PAGES is .* must be an address such as"):
        Pages.of({"SYNTH_PAGES": given})


def test_the_explorer_is_where_the_pages_of_this_machine_are():
    assert Pages.of({}).release("notes", "r0001") == f"{DEFAULT}/release/notes/r0001"
    moved = Pages.of({"SYNTH_PAGES": "http://localhost:81"})
    assert moved.batch("notes", "seed_corpus", "a b:1&c") == (
        "http://localhost:81/search?dataset=notes&stage=seed_corpus&batch=a+b%3A1%26c"
    )


def test_a_server_of_two_folders_is_no_explorer():
    team = {"SYNTH_PAGES": "https://data.example/pages"}
    assert Pages.of(team).release("notes", "r0001") is None
    assert Pages.of({**team, "SYNTH_EXPLORE": "https://explore.example/"}).release("notes", "r 1") == (
        "https://explore.example/release/notes/r%201"
    )
    with pytest.raises(SynthError, match="SYNTH_EXPLORE is"):
        Pages.of({"SYNTH_EXPLORE": "here"})
