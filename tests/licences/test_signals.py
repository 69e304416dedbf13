"""What sites said on which day, looked up in snapshots."""

import hashlib
import json
import re

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.licences.consent import joined_consents, refused
from synth_dagster.licences.signals import Signals


def opted_out(said):
    """Whether a release that obeys keeps a record of this consent out, whatever it is used for."""
    return refused(said, purpose=None, published=False) == "opted_out"


@pytest.fixture
def signals(tmp_path):
    """`signals({"DAY/HOST/FILE": text})` are the snapshots that were kept."""

    def signals(files):
        for name, text in files.items():
            path = tmp_path / "s" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Signals.read(tmp_path / "s")

    return signals


def bare(said):
    """What is said without the hashes of the snapshots."""
    return re.sub(", snapshot [0-9a-f]{12}", "", said)


CLOSED = "User-agent: GPTBot\nDisallow: /\n"


def test_a_site_that_keeps_a_training_crawler_out_has_opted_out_with_the_day(signals):
    found = signals({"2026-03-01/example.org/robots.txt": CLOSED})
    said = found.consent("https://www.example.org/page?x=1")
    assert bare(said) == "opt-out by robots.txt (OpenAI) of example.org on 2026-03-01"
    assert opted_out(said) and opted_out(f"By contract AND {said}")


def test_the_newest_day_counts(signals):
    found = signals(
        {"2026-03-01/example.org/robots.txt": CLOSED, "2026-04-01/example.org/robots.txt": "User-agent: *\nAllow: /\n"}
    )
    assert bare(found.consent("http://example.org/")) == "no opt-out of example.org on 2026-04-01"


def test_a_path_that_is_closed_is_an_opt_out_of_that_page_only(signals):
    found = signals({"2026-03-01/h.org/robots.txt": "User-agent: CCBot\nDisallow: /news\n"})
    assert opted_out(found.consent("http://h.org/news/1")) and not opted_out(found.consent("http://h.org/about"))


def test_a_page_is_asked_for_with_its_query_and_in_any_spelling(signals):
    rules = "User-agent: GPTBot\nDisallow: /*?print=\nDisallow: /\u65b0\u95fb/\n"
    found = signals({"2026-03-01/h.org/robots.txt": rules})
    assert opted_out(found.consent("http://h.org/a?print=1")) and not opted_out(found.consent("http://h.org/a"))
    assert opted_out(found.consent("http://h.org/%E6%96%B0%E9%97%BB/1"))
    assert opted_out(found.consent("http://h.org/\u65b0\u95fb/1"))


def test_search_engines_that_are_kept_out_say_nothing_about_training(signals):
    assert not opted_out(
        signals({"2026-03-01/h.org/robots.txt": "User-agent: Googlebot\nDisallow: /\n"}).consent("http://h.org/")
    )


def test_ai_txt_and_tdm_reservations_are_opt_outs_too(signals):
    reserved = [{"location": "/", "tdm-reservation": 1}, {"location": "/free/", "tdm-reservation": 0}]
    found = signals(
        {
            "2026-03-01/a.org/ai.txt": "User-Agent: *\nDisallow: *.txt\nAllow: *.png\n",
            "2026-03-01/b.org/tdmrep.json": json.dumps(reserved),
            "2026-03-01/c.org/tdmrep.json": "<html>not found</html>",
        }
    )
    assert bare(found.consent("http://a.org/x")) == "opt-out by ai.txt of a.org on 2026-03-01"
    assert bare(found.consent("http://b.org/x")) == "opt-out by tdmrep.json of b.org on 2026-03-01"
    assert not opted_out(found.consent("http://b.org/free/x")) and not opted_out(found.consent("http://c.org/"))


@pytest.mark.parametrize(
    ("file", "text", "by"),
    [
        ("headers.txt", "Content-Type: text/html\nTDM-Reservation: 1\n", "headers"),
        ("headers.txt", "x-robots-tag: noimageindex, NoAI", "headers"),
        ("headers.txt", "X-Robots-Tag: noindex\ntdm-reservation: 0", None),
        ("index.html", '<head><meta name="robots" content="noai, noimageai"></head>', "the front page"),
        ("index.html", "<META content='1' NAME='tdm-reservation'>", "the front page"),
        ("index.html", '<meta name="description" content="noai">', None),
    ],
)
def test_headers_and_marks_of_the_front_page_are_opt_outs(signals, file, text, by):
    said = bare(signals({f"2026-03-01/a.org/{file}": text}).consent("http://a.org/x"))
    assert said == (f"opt-out by {by} of a.org on 2026-03-01" if by else "no opt-out of a.org on 2026-03-01")


def test_a_snapshot_is_named_by_what_was_fetched_and_not_by_what_was_read_into_it(signals, tmp_path):
    said = [signals({"2026-03-01/a.org/robots.txt": text}).consent("http://a.org/") for text in ("", "# x", "")]
    assert said[0] == said[2] != said[1]
    assert signals({"2026-03-01/a.org/terms.json": "{}"}).consent("http://a.org/") == said[0]


def test_consents_of_several_origins_are_joined_statement_by_statement(signals):
    """Brackets in a statement are no choice, as they are in a licence: an opt-out stays one beside other origins."""
    closed = signals({"2026-03-01/example.org/robots.txt": CLOSED}).consent("http://example.org/")
    both = joined_consents([closed, "By contract", f"By contract AND {closed}", ""])
    assert both == f"By contract AND {closed}" and opted_out(both)
    assert joined_consents([both, both]) == both and joined_consents([]) == ""


# ------------------------------------------------------------------------------------------------- terms of service

NO_AI = "<p>You may not use our articles to train language models.</p>"
READ = {
    "access": {"category": 5, "evidence": ""},
    "licensed": {"category": 1, "evidence": "for yourself"},
    "competing": {"category": 4, "evidence": ""},
}


def read_as(page, labels=READ):
    return json.dumps({"pages": {"terms.html": {"sha256": hashlib.sha256(page.encode()).hexdigest(), **labels}}})


def test_terms_that_nobody_has_read_are_searched_for_words_and_marked_as_unsure(signals):
    said = bare(signals({"2026-03-01/a.org/terms.html": NO_AI}).consent("http://a.org/"))
    assert said == "opt-out by terms (no AI), unsure, of a.org on 2026-03-01" and opted_out(said)


def test_what_was_read_in_the_terms_goes_before_the_words_as_long_as_the_page_is_the_same(signals):
    files = {"2026-03-01/a.org/terms.html": NO_AI, "2026-03-01/a.org/terms.json": read_as(NO_AI)}
    said = bare(signals(files).consent("http://a.org/"))
    assert said == "no sale by terms of a.org on 2026-03-01 AND no opt-out of a.org on 2026-03-01"
    assert "unsure" in signals({"2026-03-01/a.org/terms.html": f"{NO_AI} "}).consent("http://a.org/")


def test_the_strictest_page_of_a_site_counts_and_one_unread_page_leaves_it_unsure(signals):
    files = {"2026-03-01/a.org/terms.html": NO_AI, "2026-03-01/a.org/terms.json": read_as(NO_AI)}
    said = signals({**files, "2026-03-01/a.org/tos-forum.txt": "You may not scrape it."}).consent("http://a.org/")
    assert said.startswith("opt-out by terms (no scraping), unsure, of a.org")


def test_terms_that_ask_for_nothing_say_nothing(signals):
    said = bare(signals({"2026-03-01/a.org/terms.txt": "Welcome."}).consent("http://a.org/"))
    assert said == "no opt-out of a.org on 2026-03-01"


@pytest.mark.parametrize("noted", ["{", "[]", '{"pages": 3}', read_as(NO_AI, {"access": {"category": 9}})])
def test_labels_that_nobody_can_read_stop_the_run_and_are_not_taken_for_none(signals, noted):
    found = signals({"2026-03-01/a.org/terms.html": NO_AI, "2026-03-01/a.org/terms.json": noted})
    with pytest.raises(SynthError, match=r"2026-03-01/a\.org/terms\.json' cannot be read: .*--read-terms"):
        found.consent("http://a.org/")


@pytest.mark.parametrize(
    ("consent", "purpose", "published", "why"),
    [
        ("opt-out by terms (no AI) of h", None, False, "opted_out"),
        ("no sale by terms of h", "commercial", False, "site_no_sale"),
        ("no sale by terms of h", "unspecified", False, "site_no_sale"),
        ("no sale by terms of h", "non_commercial", True, None),
        ("no sale by terms of h", None, True, None),
        ("no competition by terms of h", "commercial", False, "site_no_competition"),
        ("no competition by terms of h", "research", False, None),
        ("no passing on by terms of h", "commercial", False, None),
        ("no passing on by terms of h", None, True, "site_no_passing_on"),
        ("conditions by terms of h AND no opt-out of h", "commercial", True, None),
        ("a AND no sale by terms of h AND opt-out by ai.txt of h", "research", False, "opted_out"),
        ("", "commercial", True, None),
    ],
)
def test_what_sites_say_keeps_a_record_out_of_the_uses_that_it_is_about(consent, purpose, published, why):
    assert refused(consent, purpose=purpose, published=published) == why


def test_a_site_that_nobody_looked_up_is_named_and_a_text_without_address_says_nothing(signals):
    found = signals({"2026-03-01/a.org/robots.txt": ""})
    assert found.consent("http://other.org/x") == "not looked up: other.org"
    assert found.consent(None) == found.consent("notes.txt") == ""


def test_a_folder_that_holds_no_days_is_refused(tmp_path):
    (tmp_path / "s/example.org").mkdir(parents=True)
    for folder in ("s", "none"):
        with pytest.raises(SynthError, match="a folder for each day"):
            Signals.read(tmp_path / folder)
