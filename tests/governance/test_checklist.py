"""The checklist for open datasets: three releases as the card has them, what blocks, and a release made again."""

from dataclasses import replace

import pytest

from expectations.rules import Gated, it_may_be_published
from synth_dagster.errors import RecipeError, SynthError
from synth_dagster.exports.place import Folder
from synth_dagster.governance.checklist import REPRODUCIBLE, checklist
from synth_dagster.governance.checklist_seen import is_counted
from synth_dagster.governance.handover import Wishes, hand_over, the_release
from synth_dagster.governance.licences import Wanted
from synth_dagster.governance.openness import tier_of
from synth_dagster.licences.registry import Licences
from synth_dagster.runner.licences import misfits
from synth_dagster.runner.release import make_release
from tests.assets.project import Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

RECIPE = """
dataset: tiny
sources:
  - {{name: notes, reader: files, path: inbox/notes/, license: {license}, lang: en}}
teachers:
  writer: {{use: embedded}}
stages:
  seed_corpus: [pii]
  generated_instructions: [{{grounded_qa: {{per_passage: 1}}}}]
  filtered_mix: {{of: generated_instructions, filters: [answer_rules]}}
expect: {{min_keep_rate: 0}}
use: {{published: true}}
{publication}
"""
REMOVAL = "contact: data@example.org, removal: 'Write to us; the next release is without it.'"
OPEN = f"""publication:
  {{{REMOVAL}, license: %s, code: 'https://example.org/code', reasons: {{notes: 'They say how mills work.'}},
  public_sources: {{notes: 'https://example.org/notes'}}, open_models: [echo]}}
"""


@pytest.fixture
def made(tmp_path):
    """`made(licence, publication)` has a release of four instructions."""

    def made(licence, publication=f"publication: {{{REMOVAL}}}", name="p"):
        text = RECIPE.format(license=licence, publication=publication)
        project = small_project(tmp_path / name, text, Programs(EchoTeacher()))
        project.deliver([f"The mill number {n} by the river grinds the corn of the valley." for n in range(4)])
        ByHand(project).batches()
        ByHand(project).release("r0001")
        return project

    return made


def of(project):
    return checklist(project.lake, the_release(project.lake, "tiny", "latest"))


# --------------------------------------------------------------------------------------- the three fixtures of the card


def test_open_parts_in_an_open_arrangement_with_code_and_sources_are_openly_licensed_and_replicable(made):
    found = of(made("CC-BY-4.0", OPEN % "CC-BY-4.0"))
    assert (found.tier, found.parts, found.replicable, found.blockers) == (
        "openly_licensed",
        "openly_licensed",
        True,
        {},
    )
    assert found.scores[REPRODUCIBLE] == (6, 6)
    assert found.scores["processing"] == (3, 3)


def test_a_scrape_without_licences_whose_crawl_is_private_is_open_access_and_not_replicable(made):
    found = of(made("NOASSERTION"))
    assert (found.tier, found.parts, found.replicable) == ("open_access", "open_access", False)
    assert found.blockers == {}  # nobody said is not the same as nobody knows


def test_an_open_arrangement_does_not_free_parts_that_are_not(made):
    found = of(made("CC-BY-NC-4.0", OPEN % "MIT"))
    assert (found.tier, found.parts, found.arrangement) == ("open_access", "open_access", "MIT")
    (parts,) = (item for item in found.items if item.question == "every part is openly licensed")
    assert (parts.holds, parts.evidence) == (False, "CC-BY-NC-4.0")


@pytest.mark.parametrize(
    ("parts", "arrangement", "tier"),
    [
        (["MIT", "CC-BY-4.0", "CC-BY-SA-4.0"], "MIT", "openly_licensed"),
        (["MIT OR CC-BY-NC-4.0"], "MIT", "openly_licensed"),
        (["MIT AND CC-BY-NC-4.0"], "MIT", "open_access"),
        (["MIT"], None, "open_access"),  # nobody freed the arrangement
        (["MIT"], "CC-BY-NC-4.0", "open_access"),  # and free parts do not free it
        (["CC-BY-ND-4.0"], "MIT", "open_access"),
        (["MIT", ""], "MIT", "open_access"),
        (["MIT", "LicenseRef-House"], "MIT", "unknown"),
        (["MIT"], "LicenseRef-House", "unknown"),
    ],
)
def test_the_tier_follows_the_least_open_of_all(parts, arrangement, tier):
    assert tier_of(Licences(), parts, arrangement) == tier


# -------------------------------------------------------------------------------------------------------- what blocks


def gate(project):
    """What the gate of the next release says of publishing it."""
    outcome = make_release(project.context(), "r0002")
    kind = project.recipe("tiny").stage(project.recipe("tiny").mix.of).record_kind
    return it_may_be_published(Gated(project.recipe("tiny"), project.lake, outcome.candidate, kind))


def exported(project, folder, **use):
    wishes = Wishes(use=Wanted(**use))
    return hand_over(project.lake, "tiny", "latest", format_="openai", to=Folder(folder), wishes=wishes)


def test_without_a_way_to_have_data_removed_nothing_is_published(made, tmp_path):
    project = made("MIT", "publication: {contact: data@example.org}")
    assert (finding := gate(project)).counts == {"no_removal": 1} and not finding.passed
    with pytest.raises(SynthError, match=r"cannot be published: .*state removal under 'publication:'.*Nothing was"):
        exported(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (said,) = misfits(project.recipe("tiny"), {})  # beforehand, too
    assert said.startswith("No release opens its gate") and "state removal under" in said


def test_a_licence_that_nobody_has_classed_is_not_published_until_somebody_says_its_terms(made):
    """Of changed texts such a licence drops the records; texts as they were delivered are only held back."""
    project = made("LicenseRef-House")
    recipe = RECIPE.format(license="LicenseRef-House", publication=f"publication: {{{REMOVAL}}}")
    recipe = recipe.replace("seed_corpus: [pii]", "seed_corpus: []")
    recipe = recipe.replace("of: generated_instructions, filters: [answer_rules]", "of: seed_corpus")
    project.write_recipe(recipe)
    ByHand(project).batches()
    assert gate(project).counts == {"unknown_licence": 1}
    project.write_recipe(f"{recipe}licences: {{LicenseRef-House: by}}\n")
    ByHand(project).batches()
    assert gate(project).passed


def test_a_step_without_counts_of_what_it_dropped_is_not_published(made):
    project = made("MIT")
    version = project.lake.accepted_all("tiny", "seed_corpus").popitem()[1]
    assert is_counted(version) and not is_counted(replace(version, details={"steps": ["pii"]}))
    assert gate(project).passed
    database = project.lake.meta.database
    database.write("update candidates set details = '{}' where candidate_id = ?", (version.candidate_id,))
    found = of(project)
    assert (
        found.blockers.keys() == {"no_drop_counts"}
        and f"seed_corpus {version.batch}" in found.blockers["no_drop_counts"]
    )
    assert found.scores["processing"] == (2, 3)


def test_at_home_it_is_only_told_and_an_export_that_leaves_is_refused(made, tmp_path):
    project = made("MIT", "")
    project.write_recipe(RECIPE.format(license="MIT", publication="").replace("published: true", "published: false"))
    ByHand(project).release("r0002")
    assert of(project).blockers.keys() == {"no_removal"}
    manifest = exported(project, tmp_path / "home").manifest
    assert manifest.facts["openness"]["tier"] == "open_access" and manifest.facts["openness"]["replicable"] is False
    with pytest.raises(SynthError, match="cannot be published"):
        exported(project, tmp_path / "out", published=True)


# ------------------------------------------------------------------------------------------------------- its answers


def test_every_answer_has_its_evidence_and_scores_are_satisfied_over_applicable(made):
    found = of(made("CC-BY-4.0", OPEN % "CC-BY-4.0"))
    assert all(item.evidence and "mill" not in item.evidence for item in found.items)
    for section, (held, applicable) in found.scores.items():
        holds = [item.holds for item in found.items if item.section == section]
        assert (held, applicable) == (holds.count(True), len(holds) - holds.count(None))
    assert found.as_json()["scores"][REPRODUCIBLE] == {"satisfied": 6, "applicable": 6}
    answers = {item.question: item.holds for item in found.items}
    assert answers["personal data is looked for"] and answers["what sites say is recorded for each text"] is None
    assert answers["people looked at what models wrote"] is False


def test_a_changed_statement_makes_the_next_release_and_nothing_before_it(made):
    project = made("MIT")
    before = project.versions("generated_instructions")
    project.write_recipe(RECIPE.format(license="MIT", publication=OPEN % "MIT"))
    assert ByHand(project).batches() == {}
    ByHand(project).release("r0002")
    assert of(project).tier == "openly_licensed" and project.versions("generated_instructions") == before


def test_a_statement_about_a_source_that_is_not_there_is_a_mistake_of_the_recipe(made):
    project = made("MIT")
    project.write_recipe(RECIPE.format(license="MIT", publication="publication: {reasons: {nots: why}}"))
    with pytest.raises(RecipeError, match="No source is called 'nots'"):
        project.recipe("tiny")


def test_a_release_made_again_elsewhere_from_its_recipe_and_sources_has_the_same_records(made):
    """Jaccard of the record ids: the card asks for 0.99 of a deterministic recipe."""
    ids = [{row["record_id"] for row in made("CC-BY-4.0", name=name).rows("filtered_mix")} for name in ("p", "q")]
    assert ids[0] and len(ids[0] & ids[1]) / len(ids[0] | ids[1]) == 1
