"""The report of a release: true counts, the same bytes again, and words of records as text and nothing more."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from synth_dagster.governance.guarded import Found
from synth_dagster.governance.report import release_facts, write_report
from synth_dagster.governance.report_page import page
from synth_dagster.governance.report_style import POLICY, SCRIPT
from tests.assets.project import TAUGHT, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

EVIL = "<script>alert(1)</script>"
LINES = [
    f"The mill of {EVIL} Corran grinds oats and it stands beside the weir of the river.",
    "The mill of Pell presses apples and it stands behind the orchard of the village.",
    "The mill of Sulmar saws timber and it stands below the forest of the valley.",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    recipe = TAUGHT.replace(
        "filters: [answer_rules]",
        "filters: [answer_rules]\n    deduplicate: {minhash: {}}\n    measure: [distinct_n, ngram_novelty,"
        " {long_tail_coverage: {by: source, floor: 7, reference: inbox/expected/}}]",
    )
    hand = ByHand(small_project(tmp_path_factory.mktemp("report") / "p", recipe, Programs(EchoTeacher())))
    # two items with the same text: their answers are duplicates of each other
    hand.project.deliver([*LINES, LINES[1]])
    expected = hand.project.root / "inbox/expected/sources.jsonl"
    expected.parent.mkdir()
    expected.write_text('{"cell": "notes", "count": 3}\n{"cell": "letters", "count": 1}\n')
    hand.batches()
    hand.release("r0001")
    facts = facts_of(hand)
    return hand, facts, write_report(hand.lake, facts)


def facts_of(hand):
    return release_facts(hand.lake, hand.lake.meta.release("tiny", "r0001"), hand.context.recipe, hand.context.root)


def read(path):
    return Path(path).read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, page):
        super().__init__()
        self.found, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_the_counts_are_those_of_the_tables(made):
    hand, facts, _ = made
    verdicts = hand.project.rows("verdicts")
    dropped = [row for row in verdicts if row["verdict"] == "dropped"]
    assert (facts.about.judged, facts.about.kept) == (len(verdicts), len(hand.project.rows("filtered_mix")))
    assert facts.clusters.dropped == sum(row["duplicate_of"] is not None for row in dropped) > 0
    assert (
        sum(size * count for size, count in facts.clusters.sizes.items())
        == facts.clusters.dropped + facts.clusters.count
    )
    assert sum(facts.lengths.kept) == facts.about.kept
    by_stage = {stage.name: stage for stage in facts.stages}
    assert list(by_stage) == ["seed_corpus", "generated_instructions"]
    for name, stage in by_stage.items():
        rows = hand.project.rows(name)
        current = [row for row in rows if row["status"] == "current"]
        assert (stage.records, stage.older) == (len(current), len(rows) - len(current))
        assert sum(one.records for one in facts.about.makers if one.stage == name) == len(current)
    assert by_stage["generated_instructions"].calls > 0 == by_stage["seed_corpus"].calls


def test_measures_of_words_and_of_columns_are_shown_with_what_they_count_by(made):
    _, facts, written = made
    # three records kept of one source; letters were expected too
    assert facts.measures["long_tail_coverage"]["records"] == 3 == facts.before["long_tail_coverage"]["records"] - 1
    assert facts.spreads["long_tail_coverage"] == {"letters": 7, "notes": 4}
    # two answers say the same, and before they were dropped for one another every run of one stood in the other
    assert facts.measures["ngram_novelty"]["longest"] < facts.before["ngram_novelty"]["longest"]
    page = " ".join(Elements(read(written.page)).words)
    assert "long_tail_coverage, of the kept records" in page and "letters" in page
    assert "| ngram_novelty | novelty_1 |" in read(written.card)


def test_the_funnel_ends_with_what_was_kept(made):
    facts = made[1]
    funnel = facts.funnel()
    assert list(funnel)[:2] == ["seed_corpus", "generated_instructions"]
    assert funnel["after minhash"] == funnel["kept"] == facts.about.kept < facts.about.judged
    short = facts.short_funnel(3)
    assert len(short) == 3 and list(short.items())[-1] == ("after minhash", facts.about.kept)


def test_the_funnel_tells_what_guards_held_apart_from_what_was_replaced(made):
    facts = made[1]
    dropped = {"evol_instruct": 2, "privacy_security_guard:email": 3, "canaries:planted": 1, "minhash:duplicate": 4}
    about = replace(facts.about, judged=20, kept=10, dropped=dropped)
    found = Found(
        stage="seed_corpus",
        guard="privacy_security_guard",
        check="personal_data",
        kind="email",
        severity="quarantine",
        findings=3,
        records=3,
        held=3,
        kept=0,
    )
    told = replace(facts, about=about, found=[found], stages=[])
    steps = {"current": 18, "not held by guards": 15, "not planted": 14, "after answer_rules": 14, "after minhash": 10}
    assert told.funnel() == steps | {"kept": 10}
    assert told.short_funnel(8) == {name: count for name, count in steps.items() if name != "after answer_rules"}


def test_no_bar_of_the_funnel_is_the_sum_of_others(made):
    facts = made[1]
    deciding = [f"rule_{n}" for n in range(12)]
    dropped = {f"{step}:few": 1 for step in deciding}
    shown = replace(facts, deciding=deciding, about=replace(facts.about, judged=20, kept=8, dropped=dropped))
    (said,) = [words for words in page(shown, []).split('aria-label="') if words.startswith("Records after each step")]
    assert "others" not in said and "after rule_10 9, after rule_11 8" in said.partition('"')[0]


def test_the_same_release_gives_the_same_bytes(made):
    hand, _, report = made
    before = read(report.page), read(report.card), report.picture
    again = write_report(hand.lake, facts_of(hand))
    assert (read(again.page), read(again.card), again.picture) == before


def test_the_page_shows_records_with_their_parents_and_no_word_of_them_is_more_than_text(made):
    hand, _, report = made
    page = Elements(read(report.page))
    words = "".join(page.words)
    tags = {tag for tag, _ in page.found}
    assert EVIL in words and not tags & {"iframe", "object", "link", "img", "base"}
    assert [attributes for tag, attributes in page.found if tag == "script"] == [{}] and page.words.count(SCRIPT) == 1
    assert all(attributes["href"].startswith("#") for tag, attributes in page.found if tag == "a")
    assert ("meta", POLICY) in [(tag, attributes.get("content")) for tag, attributes in page.found]
    assert POLICY.startswith("default-src 'none'") and "unsafe-inline'; script" in POLICY
    for row in hand.project.rows("filtered_mix")[:10]:
        assert row["record_id"].hex() in words and row["messages"][0]["content"] in words
        (parent,) = row["parents"]
        source = next(one for one in hand.project.rows("seed_corpus") if one["record_id"] == parent["record_id"])
        assert source["text"] in words and source["record_id"].hex()[:12] in words


def test_the_page_names_what_it_was_made_of(made):
    hand, facts, report = made
    words = "".join(Elements(read(report.page)).words)
    release = hand.lake.meta.release("tiny", "r0001")
    for told in (
        release.data_version,
        release.manifest["recipe"],
        release.manifest["mix"],
        "CC0-1.0",
        "minhash:duplicate",
    ):
        assert told in words
    assert {one.prompt for one in facts.about.makers if one.prompt} <= set(re.findall(r"[0-9a-f]{16,}", words))


def test_a_demo_is_marked_and_only_that(made, monkeypatch):
    hand, facts, report = made
    assert not facts.about.demo and "not for training" not in read(report.page) + read(report.card)
    release = hand.lake.meta.release
    monkeypatch.setattr(hand.lake.meta, "release", lambda *names: replace(release(*names), demo=True))
    marked = write_report(hand.lake, facts_of(hand))
    assert "Demo, not for training" in read(marked.page) and "Demo." in read(marked.card)


def test_the_card_holds_no_record_text(made):
    _, facts, report = made
    assert EVIL not in read(report.card) + json.dumps(facts.manifest) and "Corran" not in read(report.card)


def test_a_release_that_kept_nothing_has_a_report_too(tmp_path):
    recipe = TAUGHT.replace("filters: [answer_rules]", "filters: [{answer_rules: {max_question_characters: 1}}]")
    hand = ByHand(small_project(tmp_path / "p", recipe, Programs(EchoTeacher())))
    hand.project.deliver(LINES)
    hand.batches()
    hand.release("r0001")
    report = write_report(hand.lake, facts_of(hand))
    assert "Nothing was judged" not in read(report.page) and "0%" in read(report.page)
