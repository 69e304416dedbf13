"""URL rules: an address for each rule, and its neighbour that stays."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.methods.filter.url_filter import UrlFilter, entries
from synth_dagster.parts.pages.hosts import domain_of, hosts_of
from synth_dagster.records import Document

LISTS = """
# places
spam.example
domain: shop.co.uk
domain: forum.fine.example
domain: Bücher.example
domain: shop.kawasaki.jp
domain: 192.0.2.7
domain: [2001:db8::7]
domain: alice.github.io
domain: blogspot.com
url: https://fine.example/one-bad-page
word: casino
soft: poker
soft: bonus
part: freemovies
"""


@pytest.fixture
def reasons(verdicts_of, references):
    def of(*urls, **settings):
        pages = [Document(body=f"page {number}", url=url) for number, url in enumerate(urls)]
        found = references({"lists": LISTS.split("\n\n")})
        return verdicts_of(UrlFilter(lists="lists", **settings), pages, services={"references": found})

    return of


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://spam.example/page", "domain"),
        ("https://www.SPAM.example", "domain"),
        ("http://user@spam.example:8080/?q", "domain"),
        ("spam.example/without-a-scheme", "domain"),
        ("https://notspam.example/page", None),
        ("https://spam.example.org/page", None),
        ("https://www.shop.co.uk/", "domain"),
        ("https://other.co.uk/", None),
        ("https://co.uk/", None),
        (
            "https://www.a.shop.kawasaki.jp/",
            None,
        ),  # *.kawasaki.jp is a suffix: a.shop.kawasaki.jp is what is registered
        ("https://shop.kawasaki.jp/", "subdomain"),
        ("https://www.spam.example./page", "domain"),
        ("https://www.spam.example.:8080/page", "domain"),
        ("https://a@b@spam.example/", "domain"),
        (" https://spam.example", "domain"),
        ("https://www\u3002spam\u3002example/", "domain"),
        ("https://www.bücher.example/", "domain"),
        ("https://www.XN--BCHER-KVA.example/", "domain"),
        ("https://www.b\u0000ücher.example/", None),
        ("http://192.0.2.7:8080/page", "subdomain"),
        ("http://1.192.0.2.7/", None),
        ("http://[2001:DB8::7]:443/page", "subdomain"),
        ("http://[2001:db8::8]/", None),
        ("https://alice.github.io/", "subdomain"),
        ("https://www.alice.github.io/", None),
        ("https://bob.blogspot.com/", "domain"),
        ("https://spam.example?q=a@b", "domain"),
        ("https://fine.example/@spam.example", None),
        ("https://forum.fine.example/", "subdomain"),
        ("https://fine.example/", None),
        ("https://fine.example/one-bad-page", "url"),
        ("https://fine.example/one-bad-page/2", None),
        ("https://fine.example/best-casino", "banned_word"),
        ("https://fine.example/bestcasino", None),
        ("https://fine.example/poker/bonus", "soft_words"),
        ("https://fine.example/poker/poker", None),
        ("https://fine.example/Free-Movies/now", "banned_part"),
        ("https://fine.example/free/of/charge", None),
        ("", None),
        (None, "domain:no_value"),
        ("\u202e\u0000 not an address", None),
    ],
)
def test_rules_in_their_order(url, reason, reasons):
    assert reasons(url) == [reason]


def test_a_name_under_a_private_suffix_is_a_domain_of_its_own_when_asked(reasons):
    urls = ["https://www.alice.github.io/", "https://bob.github.io/", "https://bob.blogspot.com/", "https://github.io/"]
    assert reasons(*urls) == [None, None, "domain", None]
    assert reasons(*urls, private_suffixes=True) == ["domain", None, "domain", None]


def test_each_page_is_judged_by_its_own_address(reasons):
    urls = ["https://fine.example/poker", None, "https://spam.example/", "https://fine.example/bonus"]
    assert reasons(*urls) == [None, "domain:no_value", "domain", None]
    assert reasons(*urls, without_url="keep", max_soft_words=0) == ["soft_words", None, "domain", "soft_words"]


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(MethodError, match=r"kind 'words'. Kinds are domain, url, word, soft, part"):
        entries(("words: casino",))


_PIECES = [
    *(
        "http://",
        "HTTPS://",
        "https://",
        "//",
        "www.",
        ".",
        "a.",
        "@",
        ":80",
        "/",
        "?",
        "#",
        " ",
        "\n",
        "-",
        "ü",
        "\u3002",
    ),
    *("spam.example", "SPAM.example", "shop.co.uk", "co.uk", "forum.fine.example", "bücher.example", "192.0.2.7"),
    *("[2001:db8::7]", "alice.github.io", "blogspot.com", "shop.kawasaki.jp", "casino", "Casino", "poker", "bonus"),
    *("free", "Movies", "https://fine.example/one-bad-page", "com"),
]


@given(st.lists(st.none() | st.lists(st.sampled_from(_PIECES), max_size=7).map("".join), max_size=20), st.booleans())
def test_a_batch_says_what_each_address_says_by_itself(urls, private):
    found = UrlFilter(lists="lists", private_suffixes=private).measure(
        pa.table({"url": pa.array(urls, pa.string())}), references=_Lists()
    )
    assert {name: column.to_pylist() for name, column in found.items()} == {
        name: [None if url is None else _plainly(url, private)[name] for url in urls] for name in found
    }


class _Lists:
    def texts(self, path):
        return [LISTS]


def _plainly(url, private):
    banned = {kind: of.values for kind, of in entries((LISTS,)).items()}
    (host,) = hosts_of(pa.array([url])).to_pylist()
    words = set(re.split("[^a-zA-Z0-9]+", url))
    letters = re.sub("[^a-zA-Z0-9]+", "", url).lower()
    return {
        "domain": bool({domain_of(host), domain_of(host, private=private)} & banned["domain"]),
        "subdomain": host in banned["domain"],
        "address": url in banned["url"],
        "banned_words": len(words & banned["word"]),
        "soft_words": len(words & banned["soft"]),
        "banned_part": any(part in letters for part in banned["part"]),
    }
