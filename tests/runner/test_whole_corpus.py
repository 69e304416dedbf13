"""A step that retrieves from all batches: each makes the tasks of its own texts, whatever came in which order."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from resources.teachers import Gateway
from synth_dagster.errors import RecipeError
from synth_dagster.governance.erase import Asked, erase
from synth_dagster.governance.erase_places import Surroundings
from synth_dagster.parts.similarity.nearest_texts import NearestTexts
from synth_dagster.runner.estimate import estimates
from synth_dagster.runner.forecast import forecast
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from tests.assets.project import small_project
from tests.gallery.answering import Answering
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.crafted import CraftWorld
from tests.scripted_teacher.synonyms import pages
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.teacher.embedding_server import EmbeddingServer
from tests.teacher.faulty import Say

WORLD = Path(__file__).parents[2] / "recipes/gallery/worlds/craft"
ARTICLES = [json.loads(line) for line in (WORLD / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
BEES = [one for one in ARTICLES if any(word in one["text"].lower() for word in ("bee", "hive", "honey", "colony"))]
OTHERS = [one for one in ARTICLES if one not in BEES]
RECIPE = """
dataset: tiny
sources:
  - {name: hills, reader: files, path: inbox/hills/, license: CC0-1.0, lang: en}
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
  - {name: woods, reader: files, path: inbox/woods/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions:
    - craft: {few_shots: few_shots.jsonl, retrieve: 10, top_share: 1.0}
  filtered_mix:
    of: generated_instructions
expect: {min_keep_rate: 0.1}
"""
TASKS, CORPUS = "generated_instructions", "seed_corpus"


@pytest.fixture
def world(tmp_path):
    """Three batches: bees and others, bees alone, and others alone."""
    project = small_project(tmp_path / "p", teachers=Answering(ScriptedTeacher(CraftWorld())))
    shutil.copy(WORLD / "few_shots.jsonl", project.root / "few_shots.jsonl")
    project.write_recipe(RECIPE)
    world = World(project)
    world.deliver("hills", [*BEES[:6], *OTHERS[:4]])
    world.deliver("notes", BEES[6:])
    world.deliver("woods", OTHERS[4:])
    return world


class World(ByHand):
    @property
    def teacher(self):
        return self.project.teachers.metered.teacher

    def deliver(self, source, articles):
        self.project.deliver({one["title"]: one["text"] for one in articles}, source=source)

    def tasks(self):
        """Text of the parent -> the task, by batch."""
        texts = {row["record_id"]: row["text"] for row in self.project.rows(CORPUS)}
        found = {}
        for row in self.project.rows(TASKS):
            (parent,) = row["parents"]
            assert (parent["stage"], parent["batch"]) == (CORPUS, row["batch"])
            found.setdefault(row["source"], {})[texts[parent["record_id"]]] = row
        return found

    def asked_since(self, before):
        return len(self.teacher.requests) - before


def retrieved(world):
    return sorted(text for of_batch in world.tasks().values() for text in of_batch)


def test_what_is_nearest_of_all_batches_is_retrieved_and_each_batch_makes_the_tasks_of_its_own(world):
    made = world.batches()
    assert {stage: len(batches) for stage, batches in made.items()} == {
        CORPUS: 3,
        TASKS: 3,
        "quality_signals": 3,
    }
    tasks, chosen = world.tasks(), retrieved(world)
    # int(10 / 2 * 1.2) = 6 by the mean, and 6 // 4 = 1 by each of four examples
    assert 6 <= len(chosen) <= 10
    assert set(chosen) <= {one["text"] for one in BEES}
    assert tasks.keys() == {"hills", "notes"}, "of the woods nothing is retrieved, and that is no failure"
    assert world.asked_since(0) == len(chosen)
    assert world.inputs().missing == {}
    world.release("r0001")


def test_one_batch_of_all_retrieves_the_same_texts(world):
    world.batches()
    before = retrieved(world)
    for source in ("notes", "woods"):
        shutil.rmtree(world.project.root / "inbox" / source)
        world.deliver(source, OTHERS[-1:])
    world.deliver("hills", [*BEES, *OTHERS[:-1]])
    world.batches()
    assert retrieved(world) == before


def test_a_second_run_makes_nothing_and_a_batch_that_changes_is_not_paid_by_the_others(world):
    world.batches()
    before, asked = ids(world), len(world.teacher.requests)
    assert world.batches() == {} and world.asked_since(asked) == 0
    world.deliver("woods", OTHERS[4:-1])  # one text less, which nobody had retrieved
    made = world.batches()
    assert [len(made[stage]) for stage in (CORPUS, TASKS)] == [1, 3], "each is made in view of another corpus"
    assert ids(world) == before, "and comes to the same, by words but for how near it is"
    assert world.batches() == {}


def test_the_corpus_is_looked_at_once_and_what_is_kept_of_it_broken_is_found_again(world, monkeypatch):
    world.batches()
    before = ids(world)
    (kept,) = world.lake.store.entries("retrieved/")
    path = world.project.root / "lake" / kept.name
    path.write_bytes(path.read_bytes()[:40])
    world.project.write_recipe(RECIPE.replace("retrieve: 10", "retrieve: 10, max_tokens: 1_000"))  # the same question
    world.batches()
    assert ids(world) != [] and len(ids(world)) == len(before)
    looks: list[str] = []
    monkeypatch.setattr(NearestTexts, "_look", lambda *_: looks.append("again"))
    world.project.write_recipe(RECIPE.replace("retrieve: 10", "retrieve: 10, max_tokens: 900"))
    world.batches()
    assert looks == [] and len(list(world.lake.store.entries("retrieved/"))) == 1


def ids(world):
    return sorted(row["record_id"] for row in world.project.rows(TASKS))


def test_a_text_that_comes_and_is_nearer_takes_the_place_of_another_batchs(world):
    kept_back = BEES[0]
    world.deliver("hills", [*BEES[1:6], *OTHERS[:4]])
    world.batches()
    before = set(retrieved(world))
    world.release("r0001")
    # the examples' own words, in a batch that had nothing
    shots = [json.loads(line) for line in (WORLD / "few_shots.jsonl").read_text(encoding="utf-8").splitlines()]
    near = [{"title": f"Near {n}", "text": f"{shot['Text']} {shot['Instruction']}"} for n, shot in enumerate(shots)]
    world.deliver("woods", [*OTHERS[4:], *near, kept_back])
    made = world.batches()
    assert len(made[TASKS]) == 3
    after = set(retrieved(world))
    assert {one["text"] for one in near} <= after and before - after, "what was less near has no task any more"
    assert world.inputs().missing == {}


def test_a_release_refuses_what_was_made_in_view_of_another_corpus(world):
    world.batches()
    world.deliver("woods", OTHERS[4:-1])
    context = world.context
    (changed,) = [one.batch for one in plan_batches(context).active if one.source == "woods"]
    world.accepted(run_stage(context, CORPUS, changed))
    whys = set(world.inputs().missing.values())
    assert "'generated_instructions' was made when other batches of 'seed_corpus' were accepted" in whys


def test_an_erased_text_takes_its_task_along_and_nothing_is_made_or_asked_again(world):
    world.batches()
    world.release("r0001")
    tasks, asked = world.tasks(), len(world.teacher.requests)
    text, task = next(iter(tasks["hills"].items()))
    (parent,) = task["parents"]
    around = Surroundings(None, None, world.project.root, None)
    (kept,) = [entry.name for entry in world.lake.store.entries("retrieved/")]
    receipt = erase(world.lake, Asked("tiny", record=parent["record_id"].hex()), around, None)
    assert receipt["proof"]["clean"] and kept in receipt["proof"]["before"]["with_ids"]
    assert list(world.lake.store.entries("retrieved/")) == []
    left = world.tasks()
    assert text not in left["hills"] and left["notes"] == tasks["notes"]
    assert world.inputs().missing == {}, "what stays is current for a release"
    assert world.batches() == {} and world.asked_since(asked) == 0
    releases = world.lake.meta.releases("tiny")
    assert [release.state for release in releases] == ["withdrawn", "accepted"]


# ----------------------------------------------------------------------------------------------- the vectors of a model

PAGES = pages(24, 1, seed=4)  # in other words than the examples, with none in common
MEANT = {text for text, points in PAGES if points}
SHOTS = [{"Text": text, "Instruction": text, "Output": text} for text, points in pages(8, 0, seed=5) if points]


class Endpoint(World):
    def __init__(self, project, server):
        super().__init__(project)
        self.server = server

    def deliver(self, source, texts):
        self.project.deliver(
            {str(place): text for place, (text, _) in enumerate(PAGES) if text in texts}, source=source
        )

    def embedded(self):
        return dict(self.server.texts)

    def planned(self):
        """Calls by stage that a plan tells of."""
        context = self.context
        with context.teachers.rehearsing(context.recipe) as rehearsal:
            return {one.stage: one.calls for one in estimates(forecast(context, rehearsal))}


def a_question(body, seen):
    """A question of its own about the text that was shown last."""
    if "input" in body:
        return Say()
    words = body["messages"][-1]["content"].rpartition("<text>")[2].split()[:9]
    return Say(json.dumps({"question": " ".join(["Which?", *words]), "options": words[:4], "answer": "A"}))


@pytest.fixture
def endpoint(tmp_path):
    with EmbeddingServer() as server:
        server.script = a_question
        project = small_project(tmp_path / "p")
        lines = "".join(json.dumps(shot) + "\n" for shot in SHOTS)
        (project.root / "few_shots.jsonl").write_text(lines, encoding="utf-8")
        asked = f"{{use: endpoint, model: MODEL, base_url: '{server.url}'}}"
        roles = (
            f"  writer: {asked.replace('MODEL', 'gpt-4o-mini')}\n  embedder: {asked.replace('MODEL', 'embedding')}\n"
        )
        recipe = RECIPE.replace("  writer: {use: embedded}\n", roles).replace("seed_corpus: []", "seed_corpus: [embed]")
        project.write_recipe(recipe.replace("top_share: 1.0", "top_share: 1.0, vectors: embedder"))
        env = {"SYNTH_MODEL": "gpt-4o-mini", "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": server.url}
        with Gateway(project.root / "lake/cache.sqlite", env) as gateway:
            world = Endpoint(replace(project, teachers=gateway), server)
            for number, source in enumerate(("hills", "notes", "woods")):
                world.deliver(source, [text for text, _ in PAGES[8 * number : 8 * number + 8]])
            yield world


def test_what_a_step_embedded_is_looked_up_and_the_examples_alone_are_asked_for(endpoint):
    planned = endpoint.planned()
    assert planned[CORPUS] == len(PAGES)
    # int(10 / 2 * 1.2) = 6 by the mean, 6 // 4 = 1 by each of four examples, which are embedded in one call a batch
    assert 6 <= planned[TASKS] - 1 <= 10
    endpoint.batches()
    assert endpoint.planned() == {CORPUS: 0, TASKS: 0}
    shots = ["\n".join(shot.values()) for shot in SHOTS]
    assert endpoint.embedded() == dict.fromkeys((("embedding", text) for text, _ in PAGES), 1) | dict.fromkeys(
        (("embedding", shot) for shot in shots), 1
    )
    found = retrieved(endpoint)
    assert 6 <= len(found) <= 10 and len(MEANT & set(found)) >= 0.8 * len(found), "the half that the examples are of"


def test_by_the_vectors_of_a_model_another_batch_changes_no_byte_of_what_stays_retrieved(endpoint):
    endpoint.batches()
    versions = endpoint.project.versions(TASKS)
    spare = next(text for text, _ in PAGES[:8] if text not in retrieved(endpoint))
    endpoint.deliver("hills", [text for text, _ in PAGES[:8] if text != spare])
    made = endpoint.batches()
    assert len(made[TASKS]) == 3 and made["quality_signals"] == made[CORPUS], "what is below is made of hills alone"
    after = endpoint.project.versions(TASKS)
    assert {batch for batch in after if after[batch] != versions[batch]} == {*made[CORPUS]}


def test_craft_needs_the_step_in_the_stage_that_it_reads(endpoint):
    text = endpoint.project.recipe("tiny").text.replace("[embed]", "[]")
    endpoint.project.write_recipe(text)
    with pytest.raises(RecipeError, match="Add '- embed' as the last step of 'seed_corpus'"):
        endpoint.project.recipe("tiny")
