"""What sites said on which day, looked up in snapshots."""

import json

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.licences.signals import Signals, opted_out


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


CLOSED = "User-agent: GPTBot\nDisallow: /\n"


def test_a_site_that_keeps_a_training_crawler_out_has_opted_out_with_the_day(signals):
    found = signals({"2026-03-01/example.org/robots.txt": CLOSED})
    said = found.consent("https://www.example.org/page?x=1")
    assert said == "opt-out by robots.txt (OpenAI) of example.org on 2026-03-01"
    assert opted_out(said) and opted_out(f"By contract AND {said}")


def test_the_newest_day_counts(signals):
    found = signals(
        {"2026-03-01/example.org/robots.txt": CLOSED, "2026-04-01/example.org/robots.txt": "User-agent: *\nAllow: /\n"}
    )
    assert found.consent("http://example.org/") == "no opt-out of example.org on 2026-04-01"


def test_a_path_that_is_closed_is_an_opt_out_of_that_page_only(signals):
    found = signals({"2026-03-01/h.org/robots.txt": "User-agent: CCBot\nDisallow: /news\n"})
    assert opted_out(found.consent("http://h.org/news/1")) and not opted_out(found.consent("http://h.org/about"))


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
    assert found.consent("http://a.org/x") == "opt-out by ai.txt of a.org on 2026-03-01"
    assert found.consent("http://b.org/x") == "opt-out by tdmrep.json of b.org on 2026-03-01"
    assert not opted_out(found.consent("http://b.org/free/x")) and not opted_out(found.consent("http://c.org/"))


def test_a_site_that_nobody_looked_up_is_named_and_a_text_without_address_says_nothing(signals):
    found = signals({"2026-03-01/a.org/robots.txt": ""})
    assert found.consent("http://other.org/x") == "not looked up: other.org"
    assert found.consent(None) == found.consent("notes.txt") == ""


def test_a_folder_that_holds_no_days_is_refused(tmp_path):
    (tmp_path / "s/example.org").mkdir(parents=True)
    for folder in ("s", "none"):
        with pytest.raises(SynthError, match="a folder for each day"):
            Signals.read(tmp_path / folder)
