"""Terms of service as three labels: categories, merge order, and the words that count where no teacher has read."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.licences.site_terms import Access, Competing, Labels, Licensed, by_words, of_page, plain, strictest

LABELS = st.builds(Labels, st.sampled_from(Access), st.sampled_from(Licensed), st.sampled_from(Competing))


@pytest.mark.parametrize(
    ("access", "licensed", "competing", "verdict"),
    [
        (1, 1, 1, "no_scraping_no_ai"),
        (2, 1, 1, "no_scraping"),
        (3, 3, 4, "no_ai"),
        (4, 1, 1, "non_commercial"),
        (5, 1, 4, "non_commercial"),
        (4, 2, 1, "non_compete"),
        (5, 3, 3, "non_compete"),  # the audit's second code for it
        (5, 3, 2, "no_redistribution"),
        (4, 3, 4, "conditional"),
        (5, 2, 4, "conditional"),
        (5, 3, 4, "unrestricted"),
    ],
)
def test_labels_are_merged_in_the_order_of_the_audit(access, licensed, competing, verdict):
    assert Labels(Access(access), Licensed(licensed), Competing(competing)).verdict() == verdict


def test_no_combination_is_without_a_verdict_and_one_alone_is_unrestricted():
    every = [Labels(*codes).verdict() for codes in itertools.product(Access, Licensed, Competing)]
    # 3 of 5 access codes forbid: 3 * 3 * 4 = 36. Of the other 24, no sale 2 * 1 * 4; then 2 * 2 of each code
    assert len(every) == 60 and every.count("unrestricted") == 1
    assert sum(verdict.startswith("no_") and verdict != "no_redistribution" for verdict in every) == 36
    assert every.count("non_commercial") == 8 and every.count("non_compete") == 8
    assert every.count("no_redistribution") == 4 and every.count("conditional") == 3


def test_the_strictest_page_wins_question_by_question_with_its_words():
    terms = Labels(Access.CONDITIONAL, Licensed.NON_COMMERCIAL, evidence={"access": "a", "licensed": "b"})
    policy = Labels(Access.NO_AI, competing=Competing.NO_REDISTRIBUTION, evidence={"access": "c", "competing": "d"})
    whole = strictest([terms, policy])
    assert (whole.access, whole.licensed, whole.competing) == (3, 1, 2)
    assert whole.evidence == {"access": "c", "licensed": "b", "competing": "d"}
    assert strictest([]).verdict() == "unrestricted"


def test_parts_of_one_page_that_forbid_programs_and_ai_forbid_both():
    parts = [
        Labels(access=Access.NO_AI, evidence={"access": "a"}),
        Labels(Access.NO_SCRAPING, evidence={"access": "b"}),
    ]
    assert of_page(parts).access is Access.NO_SCRAPING_NO_AI and of_page(parts).evidence == {"access": "b ... a"}
    assert strictest(parts).access is Access.NO_SCRAPING  # of two pages the audit takes the smaller code


@given(st.lists(LABELS, max_size=5), LABELS)
def test_one_more_page_never_allows_more(pages, more):
    before, after = strictest(pages), strictest([*pages, more])
    assert after.access <= before.access and after.licensed <= before.licensed and after.competing <= before.competing
    assert strictest([more, *pages]) == strictest([*pages, more])


# Thirty pages in the manner of real ones, with what they say of access, licence and competition.
PAGES = r"""
5|3|4|Welcome to the pages of the valley. We hope that you like them.
5|3|4|All texts are in the public domain. Do with them whatever you like.
5|3|4|The site uses cookies to remember your language. You can switch them off.
5|3|4|We are not liable for damage that comes from an error in a recipe.
5|3|4|Our trained staff answers every letter within a week.
2|3|4|You may not scrape the site.
2|3|4|Use of robots, spiders or other automated means to access the service is prohibited.
2|3|4|No part of the site may be crawled without our written permission.
2|3|4|You agree not to:\n- post insults;\n- use bots to visit the site;\n- pretend to be another person.
2|3|4|Data mining of this catalogue is forbidden.
3|3|4|Our articles must not be used to train large language models.
3|3|4|You shall not use any content for the development of artificial intelligence.
3|3|4|Machine learning on the photographs is not permitted.
3|3|4|Use of our texts in generative systems is prohibited.
1|3|4|You may not crawl the site in order to train AI systems.
1|3|4|Text and data mining is not allowed.
1|3|4|You may not:\n(a) harvest data from the forum;\n(b) use the forum to train any model.
4|2|4|Crawlers may visit the site in accordance with our robots.txt.
4|2|4|You may crawl our pages provided that you wait ten seconds between two requests.
5|1|4|The content is for your personal, non-commercial use.
5|1|4|You may print pages for personal use only.
5|1|4|You may not use the maps for commercial purposes.
5|1|4|Copies for noncommercial education are welcome.
5|2|4|You may quote our articles provided that you name the author.
5|2|4|Permission is granted to reproduce the tables with a link to this page.
5|3|1|You may not use the service to build a product that competes with it.
5|3|2|You must not republish our articles elsewhere.
5|3|2|Redistribution of the data is prohibited.
2|1|2|The site is for personal use. You may not scrape it. You may not sublicense or resell its texts.
3|1|1|You may not train models on the corpus. It is not for commercial gain. No competitor may use it.
""".strip().splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_words_find_what_a_page_forbids(page):
    access, licensed, competing, text = page.split("|", 3)
    found = by_words(text.replace("\\n", "\n"))
    assert (found.access, found.licensed, found.competing) == (int(access), int(licensed), int(competing))
    assert all(words for words in found.evidence.values())


def test_there_are_thirty_pages_and_each_category_is_among_them():
    assert len(PAGES) == 30
    for place, codes in enumerate((Access, Licensed, (1, 2, 4))):
        assert {int(page.split("|")[place]) for page in PAGES} == {int(code) for code in codes}


def test_html_is_read_by_its_words():
    page = """<html><head><style>p {x}</style><script>no ai</script></head><body><h1>Terms</h1>
    <p>You may not&nbsp;use the <b>texts</b> to train
    models.</p><ul><li>One</li></ul></body></html>"""
    assert plain(page).split("\n") == ["Terms", "You may not use the texts to train models.", "- One"]
    assert by_words(plain(page)).verdict() == "no_ai"
    assert plain("a < b and\n c") == "a < b and\n c"


@given(st.text(max_size=200))
def test_no_page_stops_the_reading(text):
    assert by_words(plain(text)).verdict()
    assert by_words(plain(f"<p>{text}</p>")).verdict()
