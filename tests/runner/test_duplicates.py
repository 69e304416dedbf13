"""Whom a release keeps of records that say the same: by each policy, with the size of its cluster."""

from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.method import Mixture
from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.methods.mix.unimax import Unimax
from synth_dagster.methods.select.zip_entropy import ZipEntropy
from synth_dagster.runner import verdicts as deciding
from synth_dagster.runner.duplicates import standing_sql
from synth_dagster.runner.release_inputs import release_inputs
from tests.assets.project import LINES, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

TWO_SOURCES = """
dataset: tiny
sources:
  - {name: letters, reader: files, path: inbox/letters/, license: MIT}
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0}
stages:
  seed_corpus: [{gopher_quality: {min_words: 1, min_stop_words: 0}}]
  filtered_mix:
    of: seed_corpus
    filters: [{gopher_quality: {min_words: 1, min_stop_words: 0}}]
"""


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """Two sources that say the same but for three short words, and one line of their own each."""
    made = ByHand(small_project(tmp_path_factory.mktemp("twice") / "p", TWO_SOURCES, Programs(EchoTeacher())))
    long = " ".join(LINES)
    made.project.deliver([f"{long} So it is.", LINES[0]])
    made.project.deliver([long, LINES[1]], source="letters")
    return made


def verdicts(hand, how):
    hand.project.write_recipe(TWO_SOURCES + f"    deduplicate: {{minhash: {{{how}}}}}\n")
    hand.batches()
    context = hand.context
    return deciding.decided(context, "r0001", release_inputs(context))[0].to_pylist()


@pytest.mark.parametrize(
    ("how", "source"),
    [
        pytest.param("keep: longest", "notes", id="longest"),
        pytest.param("keep: source_priority, sources: [letters, notes]", "letters", id="source"),
        pytest.param("keep: source_priority, sources: [notes]", "notes", id="a source that is not named comes last"),
        pytest.param("keep: best_signal, signal: gopher_quality__words", "notes", id="most words"),
        pytest.param("keep: best_signal, signal: gopher_quality__word_length", "letters", id="longest words"),
    ],
)
def test_the_policy_says_which_record_stays(hand, how, source):
    found = verdicts(hand, how)
    (dropped,) = [one for one in found if one["verdict"] == "dropped"]
    (kept,) = [one for one in found if one["record_id"] == dropped["duplicate_of"]]
    assert (kept["source"], kept["verdict"], dropped["reason"]) == (source, "kept", "minhash:duplicate")
    assert sorted(one["cluster_size"] for one in found) == [1, 1, 2, 2]
    assert {one["record_id"] for one in found if one["cluster_size"] == 2} == {kept["record_id"], dropped["record_id"]}


def test_without_deduplication_nobody_knows_how_many_are_alike(hand):
    hand.project.write_recipe(TWO_SOURCES)
    hand.batches()
    found = deciding.decided(hand.context, "r0001", release_inputs(hand.context))[0]
    assert found["cluster_size"].to_pylist() == [None] * 4


ALIKE = """
dataset: tiny
sources: [{name: notes, reader: files, path: inbox/notes/, license: CC0-1.0}]
stages:
  seed_corpus: [{gopher_quality: {min_words: 1, min_stop_words: 0}}]
  filtered_mix:
    of: seed_corpus
    filters: [{gopher_quality: {min_words: 8, min_stop_words: 0}}]
    deduplicate: {exact: {form: words, before_filters: FIRST}}
    mix: {unimax: {by: cluster_size, max_epochs: 5}}
"""


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    """One text of nine words three times, one of its own, and of texts that are too short one twice and one once."""
    project = small_project(tmp_path_factory.mktemp("alike") / "p", ALIKE, Programs(EchoTeacher()))
    often = "a text of nine words that stands here often"
    project.deliver(
        [often, often.upper(), often.title(), "and one of nine words that stands here once", "short", "Short", "other"]
    )
    return ByHand(project)


def mixed(hand, monkeypatch, first):
    """The verdicts where a mixture asks for as many copies as there are records alike, and what it was given."""
    given = {}

    def mix(self, sizes, /, *, removed=None):
        given.update(sizes=sizes, removed=removed)
        return Mixture({}, {name: size * int(name) for name, size in sizes.items()}, "as many as there were")

    monkeypatch.setattr(Unimax, "reads", ("removed",))
    monkeypatch.setattr(Unimax, "mix", mix)
    hand.project.write_recipe(ALIKE.replace("FIRST", str(first).lower()))
    hand.batches()
    return deciding.decided(hand.context, "r0001", release_inputs(hand.context))[0].to_pylist(), given


def test_a_mixture_can_go_by_how_many_are_alike_and_how_many_of_those_filters_drop(alike, monkeypatch):
    found, given = mixed(alike, monkeypatch, first=True)
    # of clusters of 1 filters saw two records and dropped "other"; of clusters of 2 they dropped the one that stayed
    assert given == {"sizes": {"1": 9, "3": 9}, "removed": {"1": 0.5, "3": 0.0}}
    assert sorted((one["cluster_size"], one["copies"]) for one in found if one["verdict"] == "kept") == [(1, 1), (3, 3)]
    assert sorted((one["cluster_size"], one["reason"]) for one in found if one["verdict"] == "dropped") == [
        (1, "gopher_quality:too_few_words"),
        (2, "exact:duplicate"),
        (2, "gopher_quality:too_few_words"),
        (3, "exact:duplicate"),
        (3, "exact:duplicate"),
    ]


def test_after_the_filters_only_what_they_keep_is_counted(alike, monkeypatch):
    found, given = mixed(alike, monkeypatch, first=False)
    assert given == {"sizes": {"1": 9, "3": 9}, "removed": {"1": 0.0, "3": 0.0}}
    assert [one["cluster_size"] for one in found if one["reason"] == "gopher_quality:too_few_words"] == [None] * 3


def test_a_mixture_by_clusters_needs_somebody_who_finds_them(alike):
    lines = [line for line in ALIKE.splitlines() if "deduplicate" not in line]
    alike.project.write_recipe("\n".join(lines))
    alike.batches()
    with pytest.raises(MethodError, match="the mix has no 'deduplicate'"):
        deciding.decided(alike.context, "r0001", release_inputs(alike.context))


def test_a_selection_can_read_how_many_are_alike(alike, monkeypatch):
    read = []

    def select(self, pool, /):
        read.extend(pool["cluster_size"].to_pylist())
        rows = pool.num_rows
        columns = {"score": [1.0] * rows, "rank": [*range(rows)], "selected": [True] * rows, "reason": [None] * rows}
        return pa.table({"record_id": pool["record_id"], **columns})

    monkeypatch.setattr(ZipEntropy, "reads", ("cluster_size",))
    monkeypatch.setattr(ZipEntropy, "select", select)
    lines = [line for line in ALIKE.replace("FIRST", "true").splitlines() if "unimax" not in line]
    alike.project.write_recipe("\n".join([*lines, "    select: {zip_entropy: {budget: 5}}", ""]))
    alike.batches()
    deciding.decided(alike.context, "r0001", release_inputs(alike.context))
    assert sorted(read) == [1, 3]


def test_a_signal_that_nobody_computes_is_refused_with_those_that_there_are(hand):
    with pytest.raises(MethodError, match=r"'minhash' keeps .* 'beauty', and no filter .*'gopher_quality__words'"):
        verdicts(hand, "keep: best_signal, signal: beauty")


@pytest.mark.parametrize("settings", [{"keep": "best_signal"}, {"signal": "gopher_quality__words"}])
def test_the_best_signal_and_its_name_come_together(settings):
    with pytest.raises(ValidationError, match="give both or neither"):
        Minhash(**settings)


def test_the_oldest_date_comes_first_and_what_is_no_date_last():
    said = ['{"made/on":"2019-05-01"}', '{"made/on":"2018-12-31T23:00:00"}', '{"made/on":"long ago"}', "{}", None]
    records = pa.table({"attributes": pa.array(said, pa.string())})
    step = SimpleNamespace(key="minhash", method=Minhash(keep="oldest", date="made/on"))
    with duckdb.connect() as connection:
        connection.register("records", records)
        found = connection.sql(f"select {standing_sql(step, pa.schema([]))} as standing from records").fetchall()
    standing = [row[0] for row in found]
    assert standing[1] < standing[0] < standing[2] == standing[3] == standing[4]
