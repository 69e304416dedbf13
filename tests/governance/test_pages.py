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
