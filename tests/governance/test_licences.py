"""Licences that propagate: a mixed recipe over sources of five licences, what it keeps, what it drops and why."""

import json
from pathlib import Path

import pytest

from synth_dagster.errors import RecipeError, SynthError
from synth_dagster.exports.place import Folder
from synth_dagster.governance.handover import Wishes, hand_over, the_release
from synth_dagster.governance.licences import Chains, Wanted, licence_report, rules_of
from synth_dagster.runner.licences import misfits
from tests.assets.project import Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

DATA = Path(__file__).resolve().parents[3] / "shared/data"

SOURCES = {
    "problems": "MIT",
    "tasks": "Apache-2.0",
    "answers": "CC-BY-NC-4.0",
    "personas": "CC-BY-NC-SA-4.0",
    "speeches": "LicenseRef-Public-Domain",
}
RECIPE = """
dataset: tiny
sources:
{sources}
teachers:
  writer: {{use: embedded}}
stages:
{stages}
expect: {{min_keep_rate: 0}}
publication: {{contact: a@example.org, removal: Write to us.}}
{more}
"""
STAGES = """
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  filtered_mix: {of: generated_instructions, filters: [answer_rules]}
"""
DEEP = """
  seed_corpus: [pii]
  generated_instructions: [{grounded_qa: {per_passage: 1}}, evol_instruct]
  preference_pairs: [ultrafeedback]
  filtered_mix: {of: preference_pairs}
"""
PER_SOURCE = 4


def recipe(licences, more="", stages=STAGES):
    lines = [
        f"  - {{name: {name}, reader: files, path: inbox/{name}/, license: {licence}, lang: en}}"
        for name, licence in licences.items()
    ]
    return RECIPE.format(sources="\n".join(lines), more=more, stages=stages)


@pytest.fixture
def project(tmp_path):
    """`project(licences, more)` has passages of each source, and a teacher that asks about them."""

    def make(licences=SOURCES, more="", *, texts=None, stages=STAGES, teachers=None):
        made = small_project(tmp_path / "p", recipe(licences, more, stages), teachers or Programs(EchoTeacher()))
        for name in licences:
            said = texts[name] if texts else [f"The {name} number {n} tell of mill {n} by the river." for n in range(4)]
            made.deliver(said, source=name)
        return made

    return make


def released(project, name="r0001"):
    """All stages, and a release of them."""
    hand = ByHand(project)
    hand.batches()
    hand.release(name)


def verdicts(project, release="r0001"):
    """(source, reason) -> how many records the release decided so about."""
    found = {}
    for row in project.rows("verdicts", where=f"release = '{release}'"):
        key = row["source"], row["reason"]
        found[key] = found.get(key, 0) + 1
    return found


def real_texts():
    """The first passages of each of the real sources, which have these licences."""
    rows = {
        "problems": [json.loads(line)["question"] for line in _lines("gsm8k/train.jsonl")],
        "tasks": [json.loads(line)["instruction"] for line in _lines("self_instruct/*.jsonl")],
        "answers": [json.loads(line)["instruction"] for line in _lines("alpaca_eval/*.jsonl")],
        "personas": [str(json.loads(line)["input persona"]) for line in _lines("persona_hub/*.jsonl")],
        "speeches": [path.read_text("latin-1")[:400] for path in sorted((DATA / "inaugural").glob("*.txt"))],
    }
    return {name: texts[:PER_SOURCE] for name, texts in rows.items()}


def _lines(pattern):
    (path, *_) = sorted(DATA.glob(pattern))
    with path.open(encoding="utf-8") as file:
        return [line for _, line in zip(range(PER_SOURCE), file, strict=False)]


def test_without_a_stated_use_nothing_is_dropped(project):
    made = project()
    released(made)
    assert {reason for _, reason in verdicts(made)} == {None}
    assert the_release(made.lake, "tiny", "latest").manifest["use"]["purpose"] is None


def test_a_commercial_release_holds_what_allows_it_and_says_of_the_rest_why(project):
    made = project(more="use: {purpose: commercial}")
    released(made)
    assert verdicts(made) == {
        ("problems", None): 4,
        ("tasks", None): 4,
        ("speeches", None): 4,
        ("answers", "licence:non_commercial"): 4,
        ("personas", "licence:non_commercial"): 4,
    }
    report = licence_report(made.lake, the_release(made.lake, "tiny", "latest"))
    assert {line.license: (line.kept, line.dropped) for line in report.lines} == {
        "MIT": (4, 0),
        "Apache-2.0": (4, 0),
        "LicenseRef-Public-Domain": (4, 0),
        "CC-BY-NC-4.0": (0, 4),
        "CC-BY-NC-SA-4.0": (0, 4),
    }
    assert report.whole.attribution and not report.whole.share_alike
    (chain,) = report.chains  # one for each reason
    assert [step.stage for step in chain.steps] == ["generated_instructions", "seed_corpus"]
    assert chain.steps[-1].license.startswith("CC-BY-NC") and chain.brought_in.startswith("source '")


@pytest.mark.skipif(not DATA.exists(), reason="needs the real data beside the checkout")
def test_real_sources_of_five_licences_in_one_recipe(project, tmp_path):
    """GSM8K (MIT), self-instruct (Apache), AlpacaEval (NC), PersonaHub (NC-SA) and speeches of the public domain."""
    made = project(more="use: {purpose: commercial, published: true}", texts=real_texts())
    released(made)
    kept = {source for source, reason in verdicts(made) if reason is None}
    dropped = {source for source, reason in verdicts(made) if reason == "licence:non_commercial"}
    assert dropped == {"answers", "personas"} and kept == set(SOURCES) - dropped
    assert {row["license"] for row in made.rows("filtered_mix")} == {SOURCES[name] for name in kept}
    release = the_release(made.lake, "tiny", "latest")
    known, wanted = rules_of(release)
    judged = made.rows("verdicts", where="verdict = 'dropped'")
    assert len(judged) == 2 * PER_SOURCE
    for row in judged:  # each one by itself: down to the passage that it was made of, and the source that forbids it
        chain = Chains(made.lake, release, wanted, known).of(row["record_id"])
        assert (chain.reason, chain.steps[0].record_id) == ("non_commercial", row["record_id"].hex())
        assert [step.stage for step in chain.steps] == ["generated_instructions", "seed_corpus"]
        (passage,) = made.rows("seed_corpus", where=f"record_id = unhex('{chain.steps[1].record_id}')")
        assert passage["source"] == row["source"]
        assert {step.license for step in chain.steps} == {SOURCES[row["source"]]}
        assert chain.brought_in == f"source '{row['source']}' has that licence"
    assert exported(made, tmp_path / "out").manifest.records == 3 * PER_SOURCE


@pytest.mark.skipif(not DATA.exists(), reason="needs the real data beside the checkout")
def test_real_sources_mixed_without_a_purpose_are_refused_to_whoever_would_sell_them(project, tmp_path):
    made = project(texts=real_texts())
    released(made)
    with pytest.raises(SynthError, match=r"8 of 20 records .*: 4 non_commercial \(CC-BY-NC-4.0\), 4 non_commercial"):
        exported(made, tmp_path / "out", purpose="commercial", published=True)
    assert not (tmp_path / "out").exists()
    assert exported(made, tmp_path / "out", purpose="non_commercial").manifest.records == 20


def test_research_keeps_all_and_a_licence_that_nobody_knows_is_flagged(project):
    made = project({"house": "LicenseRef-House", "problems": "MIT"}, "use: {purpose: research}")
    released(made)
    assert verdicts(made) == {("house", None): 4, ("problems", None): 4}
    report = licence_report(made.lake, the_release(made.lake, "tiny", "latest"))
    assert report.unknown == {
        "LicenseRef-House": "Say its terms under 'licences' in the recipe, such as LicenseRef-House: nc by."
    }


def test_terms_of_ones_own_let_a_source_in_and_only_the_release_is_made_anew(project):
    made = project({"house": "LicenseRef-House", "problems": "MIT"}, "use: {purpose: commercial}")
    released(made)
    assert verdicts(made)["house", "licence:unknown"] == 4
    before = made.versions("generated_instructions")
    own = "use: {purpose: commercial}\nlicences: {LicenseRef-House: by}"
    made.write_recipe(recipe({"house": "LicenseRef-House", "problems": "MIT"}, own))
    released(made, "r0002")
    assert verdicts(made, "r0002") == {("house", None): 4, ("problems", None): 4}
    assert made.versions("generated_instructions") == before


class Provided(Programs):
    """Teachers whose provider has terms on what they write."""

    def identities(self, recipe):
        return {
            role: {**found, "terms": "LicenseRef-OpenAI-Terms"} for role, found in super().identities(recipe).items()
        }


def test_the_terms_of_a_provider_bind_what_its_models_wrote_and_nothing_else(project):
    made = project({"problems": "MIT"}, "use: {purpose: commercial}", teachers=Provided(EchoTeacher()))
    released(made)
    assert {row["license"] for row in made.rows("seed_corpus")} == {"MIT"}
    assert {row["license"] for row in made.rows("generated_instructions")} == {"LicenseRef-OpenAI-Terms AND MIT"}
    assert verdicts(made) == {("problems", "licence:non_commercial"): 4}
    (chain,) = licence_report(made.lake, the_release(made.lake, "tiny", "latest")).chains
    assert len(chain.steps) == 1
    assert chain.brought_in == "the terms of the provider of 'echo' brought in LicenseRef-OpenAI-Terms"


def test_a_recipe_may_leave_the_terms_of_providers_out(project):
    use = "use: {purpose: commercial, provider_terms: ignore}"
    made = project({"problems": "MIT"}, use, teachers=Provided(EchoTeacher()))
    released(made)
    assert verdicts(made) == {("problems", None): 4}


def test_every_record_below_a_forbidden_ancestor_is_found_three_stages_away(project):
    """One passage in twenty is under a licence that forbids sale; a refiner and two generators stand between."""
    licences = {f"s{n}": "CC-BY-NC-4.0" if n == 7 else "MIT" for n in range(20)}
    made = project(licences, "use: {purpose: commercial}", stages=DEEP)
    released(made)
    found = verdicts(made)
    assert {source for source, reason in found if reason == "licence:non_commercial"} == {"s7"}
    assert all(reason is None for source, reason in found if source != "s7")
    (chain,) = licence_report(made.lake, the_release(made.lake, "tiny", "latest")).chains
    assert len(chain.steps) >= 4 and chain.brought_in == "source 's7' has that licence"


def test_what_no_release_would_hold_is_said_before_a_run_pays_for_it(project):
    made = project({"problems": "MIT", "answers": "CC BY-NC 4.0", "house": "CC BY 40"}, "use: {purpose: commercial}")
    openai = {"writer": {"terms": "LicenseRef-OpenAI-Terms"}}
    answers, house, writer = misfits(made.recipe("tiny"), openai)
    assert answers == "What comes from source 'answers' (CC BY-NC 4.0) is left out of releases: licence:non_commercial."
    assert "'house' (CC BY 40) is left out of releases: licence:unknown. Did you mean CC-BY-4.0? Say its terms" in house
    assert writer.startswith("What comes from the teacher 'writer' (LicenseRef-OpenAI-Terms) is left out")
    made.write_recipe(recipe({"problems": "CC-BY-NC-4.0"}))
    assert misfits(made.recipe("tiny"), openai) == []  # no use is stated


# ----------------------------------------------------------------------------------------------------------- exports


def exported(made, folder, **use):
    wishes = Wishes(use=Wanted(**use))
    return hand_over(made.lake, "tiny", "latest", format_="openai", to=Folder(folder), wishes=wishes)


def test_an_export_that_would_break_a_licence_is_refused_with_the_chain(project, tmp_path):
    made = project({"problems": "MIT", "answers": "CC-BY-NC-4.0"})
    released(made)
    with pytest.raises(SynthError) as refused:
        exported(made, tmp_path / "out", purpose="commercial")
    said = str(refused.value)
    assert said.startswith(
        "4 of 8 records of 'r0001' do not fit purpose 'commercial': 4 non_commercial (CC-BY-NC-4.0). The first: "
    )
    assert "<- seed_corpus" in said and "source 'answers' has that licence" in said and "'use:' in the recipe" in said
    assert not (tmp_path / "out").exists()
    assert exported(made, tmp_path / "out", purpose="non_commercial").manifest.records == 8


def test_what_is_public_may_not_hold_changed_texts_that_forbid_it(project, tmp_path):
    made = project({"poems": "CC-BY-ND-4.0"})
    released(made)
    assert exported(made, tmp_path / "home").made
    with pytest.raises(SynthError, match=r"4 of 4 records .* do not fit publication: 4 no_derivatives"):
        exported(made, tmp_path / "out", published=True)


def test_a_release_is_handed_over_for_what_it_was_made_for(project, tmp_path):
    made = project({"problems": "MIT", "answers": "CC-BY-NC-4.0"}, "use: {purpose: commercial}")
    released(made)
    manifest = exported(made, tmp_path / "out").manifest
    assert manifest.records == 4 and manifest.facts["use"] == {
        "purpose": "commercial",
        "published": False,
        "opt_outs": "record",
    }


# ---------------------------------------------------------------------------------------------------------- opt-outs

WEB = """
dataset: tiny
sources:
  - {name: web, reader: files, path: inbox/web/, license: CC-BY-4.0, lang: en, signals: signals/, url_field: url}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  filtered_mix: {of: generated_instructions}
"""


@pytest.fixture
def web(tmp_path):
    """Pages of two sites, of which one has closed itself to training."""
    made = small_project(tmp_path / "p", teachers=Programs(EchoTeacher()))
    pages = [(host, n) for host in ("open.org", "closed.org") for n in range(3)]
    rows = [
        {
            "text": f"The mill number {n} by the river of {host[:-4]} grinds the corn of the valley.",
            "url": f"http://{host}/{n}",
        }
        for host, n in pages
    ]
    (made.root / "inbox/web").mkdir(parents=True)
    (made.root / "inbox/web/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for host, text in {"open.org": "", "closed.org": "User-agent: CCBot\nDisallow: /\n"}.items():
        place = made.root / "signals/2026-03-01" / host
        place.mkdir(parents=True)
        (place / "robots.txt").write_text(text)
    return made


def test_what_sites_say_is_kept_with_its_day_and_obeyed_where_the_recipe_says_so(web):
    web.write_recipe(WEB)
    released(web)
    assert verdicts(web) == {("web", None): 6}
    assert {row["consent"].partition(", snapshot")[0] for row in web.rows("generated_instructions")} == {
        "no opt-out of open.org on 2026-03-01",
        "opt-out by robots.txt (Anthropic, Common Crawl) of closed.org on 2026-03-01",  # ClaudeBot's owner reads both
    }
    web.write_recipe(WEB + "use: {opt_outs: obey}\n")
    released(web, "r0002")
    assert verdicts(web, "r0002") == {("web", None): 3, ("web", "licence:opted_out"): 3}
    (chain,) = licence_report(web.lake, the_release(web.lake, "tiny", "latest")).chains
    assert (chain.reason, [step.stage for step in chain.steps]) == (
        "opted_out",
        ["generated_instructions", "seed_corpus"],
    )
    assert "closed.org" in chain.brought_in and chain.brought_in.startswith("source 'web' has opt-out by robots.txt")


def test_an_export_may_obey_what_a_release_has_only_recorded(web, tmp_path):
    web.write_recipe(WEB)
    released(web)
    assert exported(web, tmp_path / "out").manifest.records == 6
    with pytest.raises(
        SynthError, match=r"3 of 6 records .* do not fit what sites say: 3 opted_out .* source 'web' has"
    ):
        exported(web, tmp_path / "other", opt_outs="obey")


def test_terms_of_service_forbid_the_use_that_they_are_about_and_no_other(web, tmp_path):
    """closed.org only keeps one crawler out; open.org lets everybody in, for personal use."""
    (web.root / "signals/2026-03-01/open.org/terms.txt").write_text("The texts are for your personal use only.")
    web.write_recipe(WEB + "use: {opt_outs: obey, purpose: commercial}\n")
    released(web)
    assert verdicts(web) == {("web", "licence:site_no_sale"): 3, ("web", "licence:opted_out"): 3}
    web.write_recipe(WEB + "use: {opt_outs: obey, purpose: research}\n")
    released(web, "r0002")
    assert verdicts(web, "r0002") == {("web", None): 3, ("web", "licence:opted_out"): 3}
    fits = {(one.wanted.purpose, one.wanted.published): dict(one.misfits) for one in report_of(web).fits}
    assert fits["commercial", False] == {"site_no_sale": 3} and fits["research", True] == {}


def report_of(made):
    return licence_report(made.lake, the_release(made.lake, "tiny", "latest"))


def test_a_newer_snapshot_makes_the_corpus_anew(web):
    web.write_recipe(WEB + "use: {opt_outs: obey}\n")
    released(web)
    (web.root / "signals/2026-04-01/closed.org").mkdir(parents=True)
    (web.root / "signals/2026-04-01/closed.org/robots.txt").write_text("User-agent: *\nAllow: /\n")
    released(web, "r0002")
    assert verdicts(web, "r0002") == {("web", None): 6}


def test_a_folder_of_signals_that_is_not_there_is_a_mistake_of_the_recipe(web):
    web.write_recipe(WEB.replace("signals/", "sinals/"))
    with pytest.raises(RecipeError, match=r"'signals' of source 'web': there is no 'sinals/'"):
        web.recipe("tiny")
