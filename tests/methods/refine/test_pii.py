"""PII: what is replaced, what stays, and that no text can make the search slow."""

import asyncio
import re

import pytest

from synth_dagster.methods.refine import pii
from synth_dagster.methods.refine.pii import Pii
from synth_dagster.parts.privacy import personal_data
from synth_dagster.records import Document

EMAIL = r"(email@example\.com|firstname\.lastname@example\.org)"
ADDRESS = r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"


def refined(document, **settings):
    return asyncio.run(Pii(**settings).refine(document))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Write to jane.roe+x@mail.acme.co.uk.", rf"Write to {EMAIL}\.", id="sentence ends after it"),
        pytest.param("<jane@acme.org>,joe@acme.org", rf"<{EMAIL}>,{EMAIL}", id="two, one in brackets"),
        pytest.param("mailto:JANE@ACME.ORG?subject=x", rf"mailto:{EMAIL}\?subject=x", id="capitals in a link"),
        pytest.param("x" * 90 + "@acme.org", "x{26}" + EMAIL, id="more than 64 characters before the @"),
        pytest.param("请写信给jane@acme.org谢谢", f"请写信给{EMAIL}谢谢", id="no blanks around it"),
        pytest.param("Server 93.184.216.34.", rf"Server {ADDRESS}\.", id="public address"),
        pytest.param("http://8.8.8.8:53/", f"http://{ADDRESS}:53/", id="address in a link"),
    ],
)
def test_what_may_name_somebody_is_replaced(text, expected):
    assert re.fullmatch(expected, refined(Document(body=text)).body)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("Nothing here.", id="plain"),
        pytest.param("See user@example.com or me@mail.example.org.", id="example hosts"),
        pytest.param("localhost is 127.0.0.1, the router 192.168.0.1 or 10.0.0.1", id="private addresses"),
        pytest.param("Multicast 224.0.0.1, reserved 240.0.0.1, any 0.0.0.0", id="reserved addresses"),
        pytest.param("Section 1.2.3.4.5 and 1.2.3", id="section numbers"),
        pytest.param("999.8.8.8 and 8.8.8.888 and 08.8.8.8", id="no addresses"),
        pytest.param("@property\ndef x(self): return a @ b", id="decorators"),
    ],
)
def test_what_names_nobody_leaves_the_record_as_it_is(text):
    document = Document(body=text)
    assert refined(document) is document


def test_replacements_are_counted_over_text_title_and_url():
    found = refined(Document(body="a@acme.org b@acme.org 8.8.8.8", title="By a@acme.org", url="http://8.8.4.4/"))
    assert found.attributes["pii"] == {"emails": 3, "ips": 2}
    assert "acme" not in f"{found.body}{found.title}" and "8.8" not in f"{found.body}{found.url}"


def test_other_attributes_stay_and_the_old_version_is_the_parent():
    document = Document(body="a@acme.org", attributes={"page": 3})
    found = refined(document)
    assert found.attributes["page"] == 3
    assert found.parents == (document,)


def test_one_address_becomes_one_example_everywhere():
    first, second = (refined(Document(body=f"{mark} jane@acme.org")).body[2:] for mark in "ab")
    assert first == second == refined(Document(body="x JANE@acme.org")).body[2:]


def test_all_examples_are_used():
    emails, _ = pii.replace_emails(" ".join(f"name{n}@acme.org" for n in range(40)))
    addresses, _ = pii.replace_public_ips(" ".join(f"93.184.216.{n}" for n in range(100)))
    assert (len(set(emails.split())), len(set(addresses.split()))) == (2, 6)


def test_a_second_pass_finds_nothing():
    once = refined(Document(body=" ".join([f"name{n}@acme.org 93.184.216.{n}" for n in range(40)])))
    assert refined(once) is once


def test_each_kind_can_be_left_alone():
    text = "a@acme.org 8.8.8.8"
    assert refined(Document(body=text), emails=False).body.startswith("a@acme.org")
    assert refined(Document(body=text), ips=False).body.endswith("8.8.8.8")


@pytest.mark.parametrize("pattern", [personal_data.EMAIL, personal_data.IPV4], ids=["email", "ipv4"])
def test_every_repetition_is_bounded_so_that_the_search_is_linear(pattern):
    # without character classes and escapes, what is left of a * or + or {n,} would be an unbounded repetition
    skeleton = re.sub(r"\[[^\]]*\]|\\.", "x", pattern.pattern)
    assert not re.search(r"[*+]|,\}", skeleton)


@pytest.mark.parametrize("piece", ["a", "a.", "a@", "a@a.", "1.", "1.1.1.", "a@" + "b." * 20, "%+-"])
def test_text_made_to_slow_it_down_is_read_to_its_end(piece):
    document = Document(body=piece * (200_000 // len(piece)) + " x@acme.org")
    assert "acme" not in refined(document).body
