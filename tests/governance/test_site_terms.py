"""Terms of service read by a teacher: what is written down, what is believed, and what becomes of the records."""

import asyncio
import json
from datetime import date

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.governance.consent import consent_report
from synth_dagster.governance.site_terms import QUESTIONS, read_terms
from synth_dagster.services import Call, Unusable
from tests.assets.project import Programs, small_project
from tests.runner.by_hand import ByHand

DAY = date(2026, 4, 2)
WEB = """
dataset: tiny
sources:
  - {name: web, reader: files, path: inbox/web/, license: CC-BY-4.0, lang: en, signals: signals/, url_field: url}
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, optional: true}
stages:
  seed_corpus: []
  filtered_mix: {of: seed_corpus}
use: {opt_outs: obey}
"""
NO_AI = "The editors ask machines to stay away: our stories are no food for them."  # no word that is looked for
HOME = "Read our stories at home, and leave the shop to us."


class Judge:
    """Answers each question by the first of its (words of the page, category, evidence) that the page has."""

    models = ("judge-1",)

    def __init__(self, **answers):
        self.answers, self.requests = answers, []

    async def ask(self, asked, /, *, into, sample=0, page, **_):
        (name,) = (name for name, (one, _) in QUESTIONS.items() if one is asked)
        self.requests.append((name, sample))
        fitting = (one[1:] for one in self.answers.get(name, ()) if one[0] in page)
        code, evidence = next(fitting, (into.model_fields["category"].annotation.__args__[-1], ""))
        if code is None:
            raise Unusable("refused", "")
        reply = into(category=code, evidence=evidence)
        reply.answered_by(Call(b"c", "judge-1", asked.hash))
        return reply


@pytest.fixture
def web(tmp_path):
    """Pages of three sites of equal length, and `web.judge = ...` who reads their terms."""
    made = small_project(tmp_path / "p", WEB, Programs(Judge()))
    pages = [(host, n) for host in ("a.org", "b.org", "c.org") for n in range(2)]
    rows = [{"text": f"The mill {n} of {host[0]} grinds the corn.", "url": f"http://{host}/{n}"} for host, n in pages]
    (made.root / "inbox/web").mkdir(parents=True)
    (made.root / "inbox/web/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    terms(made, "a.org", f"<p>{NO_AI}</p><p>Welcome.</p>")
    terms(made, "b.org", HOME)
    return made


def terms(made, host, page, name="terms.html", day="2026-03-01"):
    place = made.root / "signals" / day / host
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(page)
    return place


def judged(made, **answers):
    made.teachers.teacher = Judge(**answers)
    return read_terms(made.context(), today=DAY), made.teachers.teacher


def consents(made, release):
    ByHand(made).batches()
    ByHand(made).release(release)
    verdicts = {row["record_id"]: row["reason"] for row in made.rows("verdicts", where=f"release = '{release}'")}
    rows = made.rows("seed_corpus")
    return {
        row["url"].split("/")[2]: (row["consent"].partition(", snapshot")[0], verdicts[row["record_id"]])
        for row in rows
    }


ANSWERS = {
    "access": [(NO_AI, 3, "our stories are no food for them")],
    "licensed": [(HOME, 1, "Read our  stories at home, and leave the shop to us.")],
}


def test_what_a_judge_reads_lies_beside_the_page_with_words_hash_day_and_model(web):
    read, judge = judged(web, **ANSWERS)
    assert (read.read, read.before, read.unusable) == (2, 0, [])
    assert len(judge.requests) == 6  # three questions a page
    page = json.loads((web.root / "signals/2026-03-01/a.org/terms.json").read_text())["pages"]["terms.html"]
    assert page["access"] == {"category": 3, "evidence": "our stories are no food for them"}
    assert (page["verdict"], page["read_on"], page["by"]) == ("no_ai", "2026-04-02", "judge-1")
    assert len(page["sha256"]) == 64 and page["prompts"] == sorted(asked.hash for asked, _ in QUESTIONS.values())
    other = json.loads((web.root / "signals/2026-03-01/b.org/terms.json").read_text())["pages"]["terms.html"]
    assert other["licensed"]["evidence"] == HOME  # as the page has it, not as it was quoted
    assert web.lake.meta.prompt(QUESTIONS["access"][0].hash)[1].startswith("{page}May programs")


def test_reading_makes_the_corpus_anew_and_its_records_are_kept_and_dropped_by_it(web):
    before = consents(web, "r0001")
    assert {reason for _, reason in before.values()} == {None}  # no word was found
    judged(web, **ANSWERS)
    assert consents(web, "r0002") == {
        "a.org": ("opt-out by terms (no AI) of a.org on 2026-03-01", "licence:opted_out"),
        "b.org": ("no opt-out of b.org on 2026-03-01", None),
        "c.org": ("not looked up: c.org", None),
    }
    web.write_recipe(WEB.replace("obey", "obey, purpose: commercial"))
    assert consents(web, "r0003")["b.org"][1] == "licence:site_no_sale"


def test_a_second_reading_asks_nothing_and_a_changed_page_is_read_again(web):
    judged(web, **ANSWERS)
    again, judge = judged(web, **ANSWERS)
    assert (again.read, again.before) == (0, 2) and judge.requests == []
    terms(web, "a.org", "<p>Welcome.</p>")
    changed, judge = judged(web, **ANSWERS)
    assert (changed.read, changed.before, len(judge.requests)) == (1, 1, 3)


def test_words_that_do_not_stand_in_the_page_are_asked_for_once_more_and_then_not_believed(web):
    read, judge = judged(web, access=[(NO_AI, 1, "Scraping is forbidden.")])
    assert read.read == 1 and read.unusable == ["2026-03-01/a.org/terms.html"]
    assert sorted(sample for name, sample in judge.requests if name == "access") == [0, 0, 1]
    assert not (web.root / "signals/2026-03-01/a.org/terms.json").exists()


def test_a_page_without_a_usable_answer_stops_no_other_and_is_searched_for_words(web):
    terms(web, "a.org", "You may not train models on our stories.")
    read, _ = judged(web, access=[("train models", None, "")], licensed=ANSWERS["licensed"])
    assert (read.read, read.unusable) == (1, ["2026-03-01/a.org/terms.html"])
    assert consents(web, "r0001")["a.org"][0] == "opt-out by terms (no AI), unsure, of a.org on 2026-03-01"


def test_when_reading_breaks_off_the_pages_that_are_under_way_are_finished_and_kept(web):
    class Slow(Judge):
        """Has no answer for the first page, and takes its time over the other."""

        async def ask(self, asked, /, *, page, **more):
            if NO_AI in page:
                raise SynthError("The budget is spent.")
            for _ in range(100):
                await asyncio.sleep(0)
            return await super().ask(asked, page=page, **more)

    web.teachers.teacher = Slow(**ANSWERS)
    with pytest.raises(SynthError, match="The budget is spent"):
        read_terms(web.context(), today=DAY)
    page = json.loads((web.root / "signals/2026-03-01/b.org/terms.json").read_text())["pages"]["terms.html"]
    assert page["licensed"]["evidence"] == HOME


def test_a_long_page_is_read_in_pieces_and_what_its_parts_forbid_counts_together(web):
    filler = "\n\n".join(f"Paragraph {n} of this page tells of the weather in the valley." for n in range(400))
    terms(web, "a.org", f"No robots here.\n\n{filler}\n\nNo food for machines.", "terms.txt")
    answers = [("No robots here.", 2, "No robots here."), ("No food", 3, "No food for machines.")]
    judged(web, access=answers)
    page = json.loads((web.root / "signals/2026-03-01/a.org/terms.json").read_text())["pages"]["terms.txt"]
    assert page["access"] == {"category": 1, "evidence": "No robots here. ... No food for machines."}


def test_without_a_model_that_can_read_it_says_what_to_do(tmp_path, web):
    web.teachers.teacher.models = ("embedded-1",)
    with pytest.raises(SynthError, match=r"embedded teacher, which cannot read .* Set SYNTH_MODEL"):
        read_terms(web.context(), today=DAY)
    web.write_recipe(WEB.replace("signals: signals/, ", ""))
    with pytest.raises(SynthError, match="No source of 'tiny' has 'signals:'"):
        read_terms(web.context(), today=DAY)


# ------------------------------------------------------------------------------------------------- shares over time


def report(made):
    return consent_report(made.lake, made.recipe("tiny"), made.root)


def test_restricted_tokens_are_counted_day_by_day_over_all_tokens_of_the_corpus(web):
    """Three sites of 18 tokens each, and 18 tokens without an address: a site is a quarter of 72."""
    web.deliver(["The mill 0 of a grinds the corn.", "The mill 1 of a grinds the corn."])
    terms(web, "a.org", "User-agent: GPTBot\nDisallow: /\n", "robots.txt")
    terms(web, "b.org", "User-agent: *\nDisallow: /private\n", "robots.txt")
    terms(web, "b.org", "User-agent: *\nDisallow: /\n", "robots.txt", day="2026-04-01")
    ByHand(web).batches()
    found = report(web)
    assert (found.tokens, found.tokens_with_address, found.sites) == (72, 54, 3)  # 9 tokens a text
    march, april = found.days
    assert (march.day, march.restricted.full, march.restricted.some) == ("2026-03-01", 0.25, 0.5)
    assert (april.day, april.restricted.full, april.restricted.some) == ("2026-04-01", 0.5, 0.5)
    openai, search = march.by_organisation["OpenAI"], march.by_organisation["Google Search"]
    assert (openai.full, openai.some) == (0.25, 0.5)
    assert (search.full, search.some) == (0.0, 0.25)  # b.org keeps a folder from everybody
    assert april.by_organisation["Google Search"].full == 0.25
    assert march.looked_up == pytest.approx(2 / 3) and march.estimate == 0.5  # of the two that are known
    assert found.not_looked_up == ["c.org"]


def test_terms_of_service_are_counted_by_what_they_come_to_and_whether_somebody_read_them(web):
    ByHand(web).batches()
    assert report(web).terms == {"unrestricted": pytest.approx(2 / 3)} and report(web).unsure == pytest.approx(2 / 3)
    judged(web, **ANSWERS)
    found = report(web)
    assert found.terms == {"no_ai": pytest.approx(1 / 3), "non_commercial": pytest.approx(1 / 3)} and found.unsure == 0


def test_without_a_corpus_or_signals_it_says_what_is_missing_or_names_what_to_look_up(web):
    with pytest.raises(SynthError, match=r"has no corpus yet.*'synth run tiny' makes it"):
        report(web)
    web.write_recipe(WEB.replace("signals: signals/, ", ""))
    ByHand(web).batches()
    found = report(web)
    assert (found.days, found.terms, found.not_looked_up) == ([], {}, ["a.org", "b.org", "c.org"])
