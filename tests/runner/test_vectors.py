"""Vectors of a model in a whole recipe: a step asks for them, once each, and the mix goes by them and asks nobody."""

import json
from dataclasses import replace

import pytest

from resources.teachers import Gateway
from synth_dagster.errors import RecipeError, SynthError
from synth_dagster.governance.erase import Asked, erase
from synth_dagster.governance.erase_places import Surroundings
from synth_dagster.governance.report import release_facts
from synth_dagster.runner.estimate import estimates, total
from synth_dagster.runner.forecast import forecast
from synth_dagster.runner.vectors import known_vectors
from synth_dagster.teacher.cache import AnswerCache
from tests.assets.project import small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.synonyms import pages, retold
from tests.teacher.embedding_server import EmbeddingServer
from tests.teacher.faulty import Say

RECIPE = """
dataset: tiny
sources:
  - {name: judged, reader: files, path: inbox/judged/, license: CC0-1.0, lang: en}
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  embedder: {use: endpoint, model: text-embedding-3-small, base_url: "URL"}
stages:
  seed_corpus: [embed]
  filtered_mix:
    of: seed_corpus
    filters:
      - fineweb_edu: {labels: labels.jsonl, vectors: embedder}
    deduplicate: {semantic_dedup: {vectors: embedder, threshold: 0.99}}
    measure:
      - quality_diversity_suite: {vectors: embedder, size: 60, halves: 2}
      - remote_clique: {vectors: embedder}
"""
EARLIER = "  seed_corpus: [embed]\n  later: {kind: corpus, from: seed_corpus, steps: [pii]}\n"
JUDGED = pages(60, 0, seed=1)
NOTES = pages(40, 1, seed=2)
TOLD_TWICE = [retold(text) for text, points in NOTES if points][:5]  # in the other words
TEXTS = [*(text for text, _ in JUDGED), *(text for text, _ in NOTES), *TOLD_TWICE]


@pytest.fixture
def world(tmp_path):
    with EmbeddingServer() as server:
        project = small_project(tmp_path / "p")
        lines = [json.dumps({"text": text, "label": points}) for text, points in JUDGED]
        (project.root / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
        project.write_recipe(RECIPE.replace("URL", server.url))
        project.deliver([text for text, _ in JUDGED], source="judged")
        project.deliver([*(text for text, _ in NOTES), *TOLD_TWICE])
        env = {"SYNTH_MODEL": "gpt-4o-mini", "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": server.url}
        with Gateway(project.root / "lake/cache.sqlite", env) as gateway:
            yield World(replace(project, teachers=gateway), server)


class World(ByHand):
    def __init__(self, project, server):
        super().__init__(project)
        self.server = server

    def change(self, old, new):
        text = self.project.recipe("tiny").text
        assert old in text
        self.project.write_recipe(text.replace(old, new))

    def paid(self, model="text-embedding-3-small"):
        return {text: times for (name, text), times in self.server.texts.items() if name == model}

    def kept(self, release):
        return {row["text"] for row in self.project.rows("filtered_mix", batches=[release])}

    def fates(self, release):
        return {row["record_id"]: row["reason"] for row in self.project.rows("verdicts", batches=[release])}


def planned(world):
    """Calls and tokens that a plan tells of."""
    context = world.context
    with context.teachers.rehearsing(context.recipe) as rehearsal:
        amounts = total(estimates(forecast(context, rehearsal))).amounts
    return amounts["calls"].value, amounts["tokens_in"].value > 0


def test_what_is_told_in_other_words_than_the_labels_is_chosen_and_told_once(world):
    assert planned(world) == (len(TEXTS), True)
    world.batches()
    assert planned(world) == (0, False)
    world.release("r0001")
    assert world.paid() == dict.fromkeys(TEXTS, 1)
    teaches = {text for text, points in (*JUDGED, *NOTES) if points}
    kept = world.kept("r0001")
    told = {text: retold(text) for text in teaches}
    assert len(kept) == len(teaches) == 50, "half of 60 and of 40; of each of five told twice one stays"
    assert all(text in kept or told[text] in kept for text in teaches)
    reasons = list(world.fates("r0001").values())
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {
        None: 50,
        "fineweb_edu:teaches_little": 50,
        "semantic_dedup:duplicate": 5,
    }
    # nothing is asked again: not for a report, not for another cut, not for another release
    with known_vectors(world.context, "seed_corpus") as vectors:
        facts = release_facts(
            world.lake, world.lake.meta.release("tiny", "r0001"), world.context.recipe, world.project.root, vectors
        )
    assert facts.measures["quality_diversity_suite"]["without_vector"] == 0
    assert facts.measures["remote_clique"]["texts"] == 50
    world.change("vectors: embedder}\n    dedup", "vectors: embedder, min_score: 5}\n    dedup")
    world.batches()
    world.release("r0002")
    assert world.paid() == dict.fromkeys(TEXTS, 1)


def test_another_model_makes_the_stage_anew_and_old_vectors_are_refused_with_both_named(world):
    world.batches()
    world.change("3-small", "3-large")
    context = world.context
    one, *_ = world.lake.accepted_all("tiny", "seed_corpus").values()
    with known_vectors(context, "seed_corpus", [one]) as vectors, pytest.raises(SynthError) as refused:
        vectors.of(["a"])
    assert "was embedded by 'text-embedding-3-small'" in str(refused.value)
    assert "'embedder' is 'text-embedding-3-large' now" in str(refused.value)
    assert world.batches() == {
        stage: [batch.batch for batch in world.lake.meta.planned("tiny")]
        for stage in ("seed_corpus", "quality_signals")
    }
    assert world.paid("text-embedding-3-large") == dict.fromkeys(TEXTS, 1)
    assert len(list((world.project.root / "lake/models").iterdir())) == 2, "a head for each model"


@pytest.mark.prove
def test_a_changed_length_under_one_name_is_refused_and_a_revision_cures_it(world):
    world.batches()
    world.server.length += 4
    world.project.deliver([NOTES[0][0] + " rororo"], file="late.jsonl")
    with pytest.raises(SynthError, match=r"vectors? .*(16|20).*(16|20) .*'revision'"):
        world.batches()
    world.change("3-small,", "3-small, revision: '2',")
    world.batches()
    assert world.release("r0001").made


def test_a_text_that_changed_after_the_step_is_dropped_for_having_no_vector(world):
    world.change("[embed]", "[embed, pii]")
    mail = NOTES[0][0] + " someone@firm.net"
    world.project.deliver([mail], file="mail.jsonl")
    world.batches()
    world.release("r0001")
    assert list(world.fates("r0001").values()).count("fineweb_edu:no_vector") == 1
    assert not any("@" in text for text in world.kept("r0001"))


def test_an_erasure_takes_the_vectors_of_what_goes_and_of_nothing_else(world):
    world.batches()
    before = kept_vectors(world)
    assert sum(before.values()) == len(TEXTS)
    row = next(row for row in world.project.rows("seed_corpus") if row["text"] == NOTES[1][0])
    assert len(row["calls"]) == 1
    around = Surroundings(world.project.root / "lake/cache.sqlite", None, world.project.root, None)
    erase(world.lake, Asked("tiny", record=row["record_id"].hex()), around, None)
    assert sum(kept_vectors(world).values()) == len(TEXTS) - 1
    world.batches()
    world.release("r0001")
    assert sum(kept_vectors(world).values()) == len(TEXTS) - 1, "nothing asked for it again"


def kept_vectors(world):
    with AnswerCache.open(world.project.root / "lake/cache.sqlite") as cache:
        return cache.embedded_by()


def test_what_was_paid_before_a_stop_is_not_paid_again(world):
    """The endpoint stops answering in the middle; what it answered is kept, and the next run asks for the rest."""
    world.server.script = lambda body, seen: Say() if world.server.calls == 1 else Say(status=401, error="no")
    with pytest.raises(SynthError):
        world.batches()
    assert set(world.paid()) == {text for text, _ in JUDGED}, "a batch is one call"
    world.server.script = lambda body, seen: Say()
    world.batches()
    assert world.paid() == dict.fromkeys(TEXTS, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("[embed]", "[]", "'fineweb_edu' goes by the vectors of a model, and nothing", id="no step"),
        pytest.param("  seed_corpus: [embed]\n", EARLIER, "in the stage 'later' asks for them", id="an earlier stage"),
        pytest.param(
            "[embed]", "[fineweb_edu: {labels: labels.jsonl, vectors: embedder}, embed]", "before", id="too late"
        ),
    ],
)
def test_a_recipe_that_goes_by_vectors_nobody_asks_for_is_refused_when_it_is_read(tmp_path, old, new, said):
    recipe = RECIPE.replace("URL", "http://127.0.0.1:1").replace("    of: seed_corpus\n", "")  # of the last row stage
    project = small_project(tmp_path / "p", recipe.replace(old, new))
    (project.root / "labels.jsonl").write_text("{}")
    with pytest.raises(RecipeError) as refused:
        project.recipe("tiny")
    assert said in str(refused.value) and "as the last step of" in str(refused.value)
