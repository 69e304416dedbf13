"""A release may go by what filters measured: records are drawn by signals, and domains are their values."""

import pytest

from synth_dagster.errors import MethodError
from synth_dagster.runner import verdicts as deciding
from synth_dagster.runner.release_inputs import release_inputs
from tests.assets.project import LINES, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0}
stages:
  seed_corpus: []
  filtered_mix:
    of: seed_corpus
    filters: [{gopher_quality: {min_words: 0, min_stop_words: 0}}]
"""
LANGUAGES = "[{language: {keep: [], min_score: 0}}]"
FRENCH = [
    "La rivière était haute et le pont fut fermé à toute circulation pendant deux jours.",
    "Le moulin moud l'avoine et se trouve au bord de la rivière, près du barrage.",
]


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    hand = ByHand(small_project(tmp_path_factory.mktemp("by") / "p", RECIPE, Programs(EchoTeacher())))
    hand.project.deliver([*LINES[:6], *FRENCH])
    return hand


def decided(hand, filters, lines):
    hand.project.write_recipe(RECIPE.replace("[{gopher_quality: {min_words: 0, min_stop_words: 0}}]", filters) + lines)
    hand.batches()
    verdicts, _ = deciding.decided(hand.context, "r0001", release_inputs(hand.context))
    return verdicts.to_pylist()


def test_domains_are_the_values_of_a_signal(hand):
    # seven times as much English as French would be kept; equal shares of 40 tokens take 20 of each at most
    verdicts = decided(hand, LANGUAGES, "    mix: {unimax: {by: language__lang, budget: 40, max_epochs: 1}}\n")
    kept = [row for row in verdicts if row["copies"]]
    assert sum(row["tokens"] for row in kept) <= 40 and len(kept) < len(verdicts)
    assert {row["reason"] for row in verdicts if not row["copies"]} == {"unimax:share"}


def test_a_draw_goes_by_the_values_of_signals(hand):
    lines = "    select: {data_everywhere: {like: {language__lang: [fr]}, share: 0.3, noise: false}}\n"
    verdicts = decided(hand, LANGUAGES, lines)
    best = min(verdicts, key=lambda row: row["rank"])
    texts = {row["record_id"]: row["text"] for row in hand.project.rows("seed_corpus")}
    assert texts[best["record_id"]] in FRENCH and best["verdict"] == "kept"
    assert {row["reason"] for row in verdicts if row["verdict"] == "dropped"} == {"data_everywhere:unlike_target"}


def test_a_signal_that_the_filter_does_not_compute_is_named(hand):
    with pytest.raises(MethodError, match=r"No signal is called 'language__langu'. Did you mean 'language__lang'"):
        decided(hand, LANGUAGES, "    mix: {unimax: {by: language__langu}}\n")
