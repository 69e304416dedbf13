"""Addresses of a batch at once, against the same asked address by address."""

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.pages.addresses import BLOCK, Block, Parts, Sieve, blocks
from synth_dagster.parts.pages.hosts import hosts_of

PIECES = [
    *("http://", "HTTPS://", "https://", "//", "ftp://", "mailto:", "www.", "a.b", ".", "..", "co.uk", "github.io"),
    *("@", ":", ":80", "/", "?", "#", "[", "]", "[::1]", "\\", " ", "\n", "\t", "\x00", "\x7f", "%20", "-", "_"),
    *("ü", "\u3002", "\u00a0", "Σ", "例え", "İ", "word", "Word", "x9", "10.0.0.1"),
]
addresses = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)


@given(st.lists(addresses, max_size=12), st.integers(0, 3))
def test_plain_hosts_words_and_letters_are_those_of_the_plain_form(urls, start):
    urls = pa.array(["https://before.example/x", "", "b"][:start] + urls, pa.string()).slice(start)
    block = Block(urls)
    spans, plain = block.hosts
    assert [host.lower() for host in block.cut(spans.chosen(plain))] == hosts_of(urls.filter(plain)).to_pylist()
    words = [(owner, word) for owner, url in enumerate(urls.to_pylist()) for word in re.findall("[a-zA-Z0-9]+", url)]
    assert list(zip(block.owners_of(block.words).tolist(), block.cut(block.words), strict=True)) == words
    letters, offsets = block.letters
    cut = [letters[start:end].decode() for start, end in pairwise(offsets)]
    assert cut == [re.sub("[^a-zA-Z0-9]+", "", url).lower() for url in urls.to_pylist()]


def test_an_address_as_most_are_is_plain():
    urls = [*("https://www.Example.com", "http://a.b.co.uk:80/@x", "HTTPS://x.example./?q", "x.example/y", "x.example")]
    spans, plain = (block := Block(pa.array(urls))).hosts
    assert plain.all()
    assert block.cut(spans) == ["www.Example.com", "a.b.co.uk", "x.example", "x.example", "x.example"]
    tails = block.tails(spans)
    assert list(zip(tails.owners.tolist(), block.cut(tails), strict=True)) == [
        (0, "Example.com"),  # the host itself is none of its tails, and a last label alone is no domain
        (1, "b.co.uk"),
        (1, "co.uk"),
    ]


@given(st.lists(st.text("abAB.-0", max_size=12), max_size=40), st.lists(st.text("abAB.-0", max_size=12), min_size=1))
def test_a_sieve_never_says_no_of_an_entry(entries, others):
    sieve, block = Sieve(entries), Block(pa.array(others, pa.string()))
    held = sieve.may_hold(block.hashes(block.whole))
    entered = {entry.lower() for entry in entries}
    assert all(may or other.lower() not in entered for may, other in zip(held.tolist(), others, strict=True))


def test_a_sieve_says_no_of_nearly_all_others():
    sieve = Sieve([f"{number}.example" for number in range(2_000)])
    block = Block(pa.array([f"www{number}.example.org" for number in range(4_000)]))
    assert (
        sieve.may_hold(block.hashes(block.whole)).sum() < 500
    )  # 1 in 16 would be 250, and it has 32,768 bits at least


@given(
    st.lists(st.text("ab0", min_size=1, max_size=11), max_size=4), st.lists(st.text("ab0", max_size=24), max_size=12)
)
def test_parts_are_found_where_they_stand_and_never_across_two_texts(parts, texts):
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    found = Parts(parts).are_in("".join(texts).encode(), offsets)
    assert found.tolist() == [any(part in text for part in parts) for text in texts]


@pytest.mark.parametrize("size", [0, 1, 300])
def test_blocks_hold_each_address_once_however_long(size):
    urls = pa.array(["x" * 100_000 if number % 7 == 3 else f"y{number}" for number in range(size)], pa.string())
    found = list(blocks(urls))
    assert [url for block in found for url in block.urls.to_pylist()] == urls.to_pylist()
    assert all(len(block.bytes) <= BLOCK for block in found)
    (alone,) = blocks(pa.array(["z" * (2 * BLOCK)]))  # longer than a block
    assert np.array_equal(alone.hashes(alone.whole), Block(pa.array(["Z" * (2 * BLOCK)])).hashes(alone.whole))
