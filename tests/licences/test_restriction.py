"""Restricted tokens and their estimate, by arithmetic that fits a comment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.licences.agents import agents_for, all_agents
from synth_dagster.licences.restriction import Share, Stratum, estimate, shares, strata, to_look_up

TOKENS = {"a": 50, "b": 30, "c": 15, "d": 5}


def test_the_estimate_weighs_each_stratum_by_its_tokens():
    # 0.2 * 0.3 + 0.8 * 0.05 = 0.06 + 0.04
    assert estimate(Stratum(0.2, 0.3), Stratum(0.8, 0.05)) == pytest.approx(0.10)


def test_a_stratum_that_nobody_has_looked_at_leaves_no_estimate_unless_it_is_empty():
    assert estimate(Stratum(0.2, 0.3), Stratum(0.8, None)) is None
    assert estimate(Stratum(1.0, 0.3), Stratum(0.0, None)) == 0.3
    assert estimate(Stratum(0.0, None), Stratum(0.0, None)) == 0


def test_strata_are_the_largest_sites_and_the_others_of_which_only_some_were_looked_up():
    # head a and b: 80 of 100 tokens, both known, b closed: 30 / 80. Others: c is known and open, d is not known.
    head, others = strata(TOKENS, {"a": False, "b": True, "c": False}, head=2)
    assert head == Stratum(0.8, 30 / 80) and others == Stratum(0.2, 0.0)
    assert estimate(head, others) == pytest.approx(0.30)


def test_a_corpus_of_known_rates_is_found_again():
    """Ten sites of 200 tokens and 100 of 80 have 0.2 and 0.8 of them; 3 of the ten and 5 of the hundred are closed."""
    tokens = {f"head{n}": 200 for n in range(10)} | {f"tail{n}": 80 for n in range(100)}
    restricted = {site: int(site[4:]) < (3 if site.startswith("head") else 5) for site in tokens}
    assert estimate(*strata(tokens, restricted, head=10)) == pytest.approx(0.10)
    drawn = {site: closed for site, closed in restricted.items() if site.startswith("head") or int(site[4:]) % 20 < 10}
    assert estimate(*strata(tokens, drawn, head=10)) == pytest.approx(0.2 * 0.3 + 0.8 * 5 / 50)


def test_all_and_some_are_two_counts_and_one_organisation_suffices():
    told = {"a": ["none", "all"], "b": ["some", "none"], "c": ["no_robots"]}
    assert shares(TOKENS, told, 100) == Share(0.5, 0.8)
    assert shares(TOKENS, told, 200) == Share(0.25, 0.4)  # of which 100 have no address
    assert shares({}, {}, 0) == Share(0, 0)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50)),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["all", "some", "none", "no_robots"])),
)
def test_shares_lie_between_none_and_all_and_a_stricter_site_never_lowers_them(tokens, told):
    whole = sum(tokens.values())
    found = shares(tokens, {site: [status] for site, status in told.items()}, whole)
    assert 0 <= found.full <= found.some <= 1
    stricter = shares(tokens, {site: [status, "all"] for site, status in told.items()}, whole)
    assert stricter.full >= found.full and stricter.some >= found.some
    if tokens and tokens.keys() <= told.keys():  # with every site known the estimate is the share itself
        closed = {site: status == "all" for site, status in told.items()}
        assert estimate(*strata(tokens, closed, head=2)) == pytest.approx(found.full)


def test_the_largest_sites_are_looked_up_first_and_of_the_others_a_draw_that_stays():
    tokens = {f"s{n}": 100 - n for n in range(100)}
    asked = to_look_up(tokens, seed=1, head=3, random=10)
    assert asked[:3] == ["s0", "s1", "s2"] and len(set(asked)) == 13
    assert asked == to_look_up(tokens, seed=1, head=3, random=10) != to_look_up(tokens, seed=2, head=3, random=10)
    assert len(to_look_up(tokens, seed=1)) == 100


def test_the_table_of_crawlers_is_that_of_the_audit():
    train = agents_for("train")
    assert (train["OpenAI"], train["Anthropic"]) == (["GPTBot"], ["ClaudeBot", "CCBot"])
    assert train["Anthropic by other names"] == ["anthropic-ai", "Claude-Web"]
    assert not {"Google Search", "Internet Archive", "Perplexity"} & train.keys()
    assert all_agents()["OpenAI"] == ["GPTBot", "ChatGPT-User", "OAI-SearchBot"]
    assert all_agents()["Perplexity"] == ["PerplexityBot", "Perplexity-User"]
    assert all_agents()["Internet Archive"] == ["ia_archiver"] and all_agents()["Google Search"] == ["Googlebot"]
