"""robots.txt as RFC 9309 reads it and the audit judges it; the first cases are those of the audit's own code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.licences.robots import parse_robots

NO_STAR = """
User-agent: GoogleBot
Disallow: /private
Allow: /private/stats
"""


def robots(text):
    return parse_robots("\n".join(line.strip() for line in text.splitlines()))


@pytest.mark.parametrize(
    ("text", "agent", "status"),
    [
        ("User-agent: *\nDisallow: /", "GoogleBot", "all"),
        ("User-agent: *\nDisallow:", "GoogleBot", "none"),
        ("User-agent: *\nDisallow: /private\nDisallow: /tmp\nDisallow: /config", "BingBot", "some"),
        ("User-agent: *\nDisallow: /\n\nUser-agent: GoogleBot\nAllow: /public\nDisallow: /", "GoogleBot", "some"),
        ("User-agent: *\nDisallow: /\n\nUser-agent: GoogleBot\nAllow: /public\nDisallow: /", "YahooBot", "all"),
        ("User-agent: *\nDisallow: /*.php\nDisallow: /?id=123", "BingBot", "some"),
        ("User-agent: *\nDisallow: /?id=123", "BingBot", "none"),
        ("User-agent: *\nAllow: /a\nDisallow: /a", "BingBot", "none"),
        (NO_STAR, "GoogleBot", "some"),
        (NO_STAR, "*", "none"),
        ("", "GPTBot", "none"),
        ("<html><body>Not found: /robots.txt</body></html>", "GPTBot", "none"),
    ],
)
def test_how_much_a_file_forbids_an_agent(text, agent, status):
    assert parse_robots(text).status(agent) == status


# What a group of a file may say, and what that comes to.
SAYS = {
    "Disallow: /": "all",
    "Disallow: /\nDisallow: /private": "all",
    "Disallow: /\nCrawl-delay: 10": "all",
    "Disallow: /\nAllow: /public": "some",
    "Disallow: /a\nDisallow: /b": "some",
    "Disallow:": "none",
    "Allow: /": "none",
}


@pytest.mark.parametrize("everybody", [*SAYS, None])
@pytest.mark.parametrize("own", [*SAYS, None])
def test_an_agent_has_its_own_group_and_else_that_of_everybody(everybody, own):
    """Sixty-four files, in either order of their groups and another spelling of their words."""
    groups = [f"User-agent: *\n{everybody}"] if everybody else []
    groups += [f"USER-AGENT: gptBOT # x\n{own}"] if own else []
    for order in (groups, groups[::-1]):
        found = parse_robots("\n\n".join(order))
        inherited = SAYS[everybody] if everybody else "none"
        assert found.status("GPTBot") == (SAYS[own] if own else inherited)
        assert found.status("SomeoneElse") == inherited


def test_agents_that_follow_each_other_share_rules_and_the_next_agent_begins_a_group():
    found = robots("""User-agent: A
        User-Agent: b  # a comment
        Crawl-delay: 3
        Disallow: /
        user-agent: C
        Allow: /""")
    assert [found.status(agent) for agent in ("a", "B", "C", "D")] == ["all", "all", "none", "none"]


def test_a_rule_before_any_agent_and_unknown_words_are_errors_and_sitemaps_are_kept():
    found = robots("""Disallow: /early
        Sitemap: http://h/map.xml
        User-agent: *
        Noindex: /
        nonsense""")
    assert found.errors == ["disallow: /early", "noindex: /", "nonsense: "]
    assert found.sitemaps == ["http://h/map.xml"] and found.status("x") == "none"


def test_an_organisation_is_told_the_strictest_of_what_its_agents_are():
    found = parse_robots("User-agent: ClaudeBot\nDisallow: /a\n\nUser-agent: anthropic-ai\nDisallow: /")
    assert found.strictest(["ClaudeBot", "anthropic-ai"]) == "all"
    assert found.strictest(["ClaudeBot", "GPTBot"]) == "some"
    assert found.strictest([]) == "none"


@pytest.mark.parametrize(
    ("rules", "path", "forbidden"),
    [
        ("Disallow: /a\nAllow: /a/b", "/a/c", True),
        ("Disallow: /a\nAllow: /a/b", "/a/b/c", False),
        ("Disallow: /a\nAllow: /a", "/a", False),  # at equal length the permission wins
        ("Disallow: /*.pdf$", "/x/y.pdf", True),
        ("Disallow: /*.pdf$", "/x/y.pdf.html", False),
        ("Disallow: ", "/x", False),
        ("Disallow: /a(b", "/a(b", True),
        ("Disallow: /*?id=", "/page?id=3", True),
        ("Disallow: /page?", "/page", False),
        # the spellings of RFC 9309, 2.2.2: the same path, escaped or not
        ("Disallow: /foo/bar/\u30c4", "/foo/bar/%E3%83%84", True),
        ("Disallow: /foo/bar/%E3%83%84", "/foo/bar/\u30c4", True),
        ("Disallow: /foo/bar/%62%61%7A", "/foo/bar/baz", True),
        ("Disallow: /foo/bar/%e3%83%84", "/foo/bar/%E3%83%84", True),
        ("Disallow: /a%2Fb", "/a/b", False),  # an escaped slash parts no folders
    ],
)
def test_the_longest_rule_that_fits_a_path_decides(rules, path, forbidden):
    assert parse_robots(f"User-agent: *\n{rules}").rules("x").forbid(path) is forbidden


@given(st.text(max_size=300), st.text(max_size=20))
def test_no_text_stops_the_reading(text, path):
    found = parse_robots(f"User-agent: *\nDisallow: /{path}\n{text}")
    assert found.status("x") in ("none", "some", "all")
    assert found.rules("x").forbid(f"/{path}") in (True, False)
