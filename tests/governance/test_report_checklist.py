"""How open a release is, on its page and card: every answer with its evidence, and no word of it is more than text."""

from html.parser import HTMLParser

from synth_dagster.governance.checklist import HARM, LICENCES, Checklist, Item
from synth_dagster.governance.report import release_facts, write_report
from synth_dagster.governance.report_checklist import checklist_in_card, checklist_in_page
from tests.governance.audit_world import plant

EVIL = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """Every tag of a section, and the words of its cells."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def found(*, blockers=None, arrangement="MIT"):
    items = [
        Item(LICENCES, "every part is openly licensed", True, "synth licences"),
        Item(LICENCES, "terms of use stand apart from the licence", None, "there are none"),
        Item(HARM, "there is a way to have data removed", False, f"publication {EVIL}"),
    ]
    return Checklist("demo", "r1", True, "open_access", "openly_licensed", arrangement, False, items, blockers or {})


def test_sections_have_their_scores_and_questions_their_evidence():
    words = Tags(checklist_in_page(found())).words
    assert words[0] == (
        "Tier open access (its parts alone: openly licensed). Others could not make it again. Arrangement: MIT."
    )
    assert f"{LICENCES[:1].upper()}{LICENCES[1:]}: 1 of 1" in words  # what does not apply does not count
    at = words.index("there is a way to have data removed")
    assert words[at + 1 : at + 3] == ["no", f"publication {EVIL}"]
    assert "As it is, it cannot be published." not in words


def test_what_stands_against_publishing_it_is_said_and_no_word_becomes_a_tag():
    seen = Tags(checklist_in_page(found(blockers={"no_removal": f"Nobody says {EVIL}"}, arrangement=EVIL)))
    assert "As it is, it cannot be published." in seen.words and f"Nobody says {EVIL}" in seen.words
    assert "script" not in seen.tags and any(f"Arrangement: {EVIL}" in one for one in seen.words)


def test_the_report_of_a_release_shows_it(tmp_path):
    lake = plant(tmp_path / "lake")
    facts = release_facts(lake, lake.meta.release("demo", "r0001"), None)
    write_report(lake, facts)
    page, card = (lake.store.read(f"reports/demo/r0001.{kind}").decode() for kind in ("html", "md"))
    assert page.count(checklist_in_page(facts.checklist)) == 1 and checklist_in_card(facts.checklist) in card
    assert "Nobody has classed LicenseRef-Odd." in page  # one of the licences that were planted
    assert facts.as_json()["checklist"]["scores"][LICENCES] == {"satisfied": 0, "applicable": 3}
