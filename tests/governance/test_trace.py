"""A planted world: two sources, two teachers, two prompts, two releases. Every answer is counted by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from synth_dagster.errors import UnknownName
from synth_dagster.governance.mermaid import drawn
from synth_dagster.governance.reach import Asked, lines, reach
from synth_dagster.governance.release_rows import KEPT_BY, release_rows
from synth_dagster.governance.scores import flat, scores_of
from synth_dagster.governance.trace import derivation, trace
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.meta_values import Release
from synth_dagster.record_tables import to_table
from synth_dagster.records import Message, Parent, Preference, digest
from synth_dagster.runner.verdicts import VERDICT
from tests.lake.conftest import document, write_to

MARCH, APRIL = datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def made(name, stage, parents=(), **facts):
    of = tuple(Parent(digest(parent), above, "notes:1") for parent, above in parents)
    given = {"source": "notes", "license": "MIT", "created_at": MARCH, "run_id": "run-1", "body": name}
    model = {"model_id": None} | facts
    return replace(document("notes:1", 0, parents=of), record_id=digest(name), **(given | model))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    r"""Passages a (MIT, notes) and b (CC-BY-NC-4.0, forum); x writes q1 and q3, y writes q2; pairs of each.

    a     b
    |\   /|
    q1 q2 q3     q2 is from both; q3 was made in April
    |  |  |
    p1 p2 p3     r0001 keeps p1 and drops p2; r0002 keeps p1 and p3 and drops p2 as a duplicate of p1
    """
    lake = Lake.open(tmp_path_factory.mktemp("planted") / "lake")
    corpus = [made("a", "corpus"), made("b", "corpus", source="forum", license="CC-BY-NC-4.0")]
    both = "CC-BY-NC-4.0 AND MIT"
    questions = [
        made("q1", "questions", [("a", "corpus")], model_id="x", prompt_hash="f00d1"),
        made("q2", "questions", [("a", "corpus"), ("b", "corpus")], model_id="y", prompt_hash="f00d2", license=both),
        made("q3", "questions", [("b", "corpus")], model_id="x", prompt_hash="f00d1", source="forum", created_at=APRIL),
    ]
    pairs = [
        made("p1", "pairs", [("q1", "questions")], model_id="x"),
        made("p2", "pairs", [("q2", "questions")], model_id="y", license=both, run_id="run-2"),
        made("p3", "pairs", [("q3", "questions")], model_id="x", license="MIT", source="forum", created_at=APRIL),
    ]
    for stage, records in (("corpus", corpus), ("questions", questions), ("pairs", pairs)):
        lake.accept(write_to(lake, "notes:1", to_table(records, "document"), stage=stage))
    lake.meta.remember_prompt("f00d1", "You ask.", "About {passage}?")
    publish(lake, "r0001", {"p1": None, "p2": "rules:short"})
    publish(lake, "r0002", {"p1": None, "p2": "minhash:duplicate", "p3": None}, {"p2": "p1"})
    return lake


def publish(lake, release, reasons, duplicates=None, **manifest):
    rows = [
        {
            "record_id": digest(name),
            "stage": "pairs",
            "batch": "notes:1",
            "verdict": "dropped" if reason else "kept",
            "reason": reason,
            "duplicate_of": digest(duplicates[name]) if name in (duplicates or {}) else None,
        }
        for name, reason in reasons.items()
    ]
    filled = pa.Table.from_pylist(rows, schema=pa.schema([field for field in VERDICT if field.name != "release"]))
    candidate = write_to(lake, release, filled, stage="verdicts", partition="release")
    lake.accept(candidate)
    manifest = {"batches": {}} | manifest
    lake.meta.add_release(Release("demo", release, "i", candidate.data_version, manifest, 1, False, "run-1"))


def told(entries):
    names = {digest(name).hex(): name for name in ("a", "b", "q1", "q2", "q3", "p1", "p2", "p3")}
    return [names[entry["record_id"]] for entry in entries]


def of(name):
    return digest(name).hex()


def test_a_record_tells_its_verdicts_prompts_and_versions(world):
    found = trace(world, of("p2")[:10])
    assert told(found.ancestors)[0] == "q2" and sorted(told(found.ancestors)) == ["a", "b", "q2"]
    assert [(v["release"], v["verdict"], v["reason"], v["duplicate_of"]) for v in found.record["verdicts"]] == [
        ("r0001", "dropped", "rules:short", None),
        ("r0002", "dropped", "minhash:duplicate", of("p1")),
    ]
    assert found.prompts == {}  # nobody has noted f00d2
    assert trace(world, of("p1")).prompts == {"f00d1": {"system": "You ask.", "user": "About {passage}?"}}
    assert [version["stage"] for version in found.versions] == ["pairs", "questions", "corpus"]
    assert found.versions[0]["recipe_hash"] == "h" and found.versions[0]["gate"] is None


def test_verdicts_below_a_passage_are_told_too(world):
    below = trace(world, of("b")).descendants
    assert sorted(told(below)) == ["p2", "p3", "q2", "q3"]
    assert {name: len(entry["verdicts"]) for name, entry in zip(told(below), below, strict=True)} == {
        "q2": 0,
        "q3": 0,
        "p2": 2,
        "p3": 1,
    }


def test_a_licence_is_derived_step_by_step(world):
    steps = trace(world, of("p2")).derivation
    assert [(name, step["how"]) for name, step in zip(told(steps), steps, strict=True)][-2:] == [
        ("q2", "joined"),
        ("p2", "inherited"),
    ]
    assert {step["how"] for step in steps[:-2]} == {"declared"}
    assert sorted(parent["license"] for parent in steps[-2]["made_from"]) == ["CC-BY-NC-4.0", "MIT"]
    # q3 says MIT, and b, from which it was made, does not
    assert [step["how"] for step in trace(world, of("p3")).derivation] == ["declared", "differs", "inherited"]


@pytest.mark.parametrize(
    ("licence", "model", "parents", "how", "added"),
    [
        pytest.param("MIT", None, ["MIT"], "inherited", [], id="one"),
        pytest.param("CC0-1.0 AND MIT", "x", ["MIT", "CC0-1.0"], "joined", [], id="two"),
        pytest.param("LicenseRef-x AND MIT", "x", ["MIT"], "terms", ["LicenseRef-x"], id="terms of a provider"),
        pytest.param("LicenseRef-x AND MIT", None, ["MIT"], "differs", ["LicenseRef-x"], id="terms of nobody"),
        pytest.param("MIT", "x", ["MIT", "GPL-3.0-only"], "differs", [], id="one was lost"),
        pytest.param("", None, [], "declared", [], id="nothing said"),
    ],
)
def test_how_a_record_came_to_its_licence(licence, model, parents, how, added):
    def entry(name, said, model_id=None):
        words = {"stage": "s", "source": "n", "status": "current", "consent": ""}
        return words | {"record_id": name, "license": said, "model_id": model_id}

    above = [entry(f"p{number}", said) for number, said in enumerate(parents)]
    edges = [{"child": "c", "parent": one["record_id"], "relation": "source"} for one in above]
    step = derivation([*above, entry("c", licence, model)], edges)[-1]
    assert (step["how"], step["added"]) == (how, added)


def test_a_source_reaches_what_was_made_from_it_with_others(world):
    found = reach(world, Asked(source="forum"), Lineage(world).now()).as_json()
    assert (found["records"], found["made_of_them"]["records"]) == (
        3,
        2,
    )  # b, q3, p3; q2 and p2 are said to be of notes
    assert [(stage["stage"], stage["records"], stage["batches"]) for stage in found["stages"]] == [
        ("corpus", 1, 1),
        ("pairs", 1, 1),
        ("questions", 1, 1),
    ]
    assert [(one["release"], one["state"], one["kept"], one["dropped"]) for one in found["releases"]] == [
        ("r0001", "accepted", 0, {"rules:short": 1}),
        ("r0002", "accepted", 1, {"minhash:duplicate": 1}),
    ]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        pytest.param(Asked(model="x"), ["p1", "p3", "q1", "q3"], id="a teacher"),
        pytest.param(Asked(model="x", kept=True), ["p1", "p3"], id="kept"),
        pytest.param(
            Asked(model="x", kept=True, since=datetime(2026, 3, 1, tzinfo=UTC), until=APRIL), ["p1"], id="in March"
        ),
        pytest.param(Asked(model="y", kept=True), [], id="never kept"),
        pytest.param(Asked(prompt="f00d1"), ["q1", "q3"], id="a prompt"),
        pytest.param(Asked(run="run-2"), ["p2"], id="a run"),
        pytest.param(Asked(model="x", source="forum"), ["p3", "q3"], id="both"),
        pytest.param(Asked(model="x", dataset="other"), [], id="another dataset"),
    ],
)
def test_who_is_meant(world, asked, names):
    now = Lineage(world).now()
    found = reach(world, asked, now)
    rows = list(lines(world, now, found))
    assert sorted(told(row for row in rows if row["reached"] == "asked")) == names
    assert len(rows) == len(found.found) + len(found.made_of_them)


def test_a_withdrawn_release_keeps_nothing(world, tmp_path):
    lake = Lake.open(tmp_path / "lake")
    lake.accept(write_to(lake, "notes:1", to_table([made("p1", "pairs", model_id="x")], "document"), stage="pairs"))
    publish(lake, "r0001", {"p1": None})
    assert len(reach(lake, Asked(model="x", kept=True), Lineage(lake).now()).found) == 1
    lake.meta.database.write("update releases set state = 'withdrawn'")
    assert len(reach(lake, Asked(model="x", kept=True), Lineage(lake).now()).found) == 0
    assert reach(lake, Asked(model="x"), Lineage(lake).now()).releases[0]["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(Asked(model="xx"), "No model is called 'xx'", id="model"),
        pytest.param(Asked(source="form"), "Did you mean 'forum'", id="source"),
        pytest.param(Asked(prompt="f00d"), "2 begin like that", id="beginning"),
        pytest.param(Asked(run="walk"), "Known: run-1, run-2", id="run"),
    ],
)
def test_a_name_that_nothing_has_is_answered_with_the_nearest(world, asked, said):
    with pytest.raises(UnknownName, match=said):
        reach(world, asked, Lineage(world).now())


def test_the_graph_is_that_of_the_record(world):
    said = drawn(trace(world, of("p2")), most=20)
    assert said.startswith("flowchart TB\n")
    assert f"r{of('b')} -->|source| r{of('q2')}" in said and f"r{of('q2')} -->|source| r{of('p2')}" in said
    assert "more records" not in said and said.count('(["r000') == 2
    assert "and 2 more records" in drawn(trace(world, of("p2")), most=2)


def test_words_in_a_graph_are_only_words(world):
    found = trace(world, of("p1"))
    planted = replace(found, record={**found.record, "model_id": '"]; click x "javascript:alert(1)" <script>'})
    said = drawn(planted, most=20)
    assert "<script>" not in said and '"javascript' not in said and "#60;script#62;" in said


def test_of_many_relatives_the_nearest_are_told_and_all_are_counted(world):
    """p2 is from q2, which is from a and b: with one ancestor told, its licence is not said to be declared."""
    found = trace(world, of("p2"), most=1)
    assert [entry["record_id"] for entry in found.ancestors] == [of("q2")]
    assert [(row["stage"], row["distance"], row["records"]) for row in found.counts["ancestors"]] == [
        ("questions", 1, 1),
        ("corpus", 2, 2),
    ]
    assert [step["record_id"] for step in found.derivation] == [of("p2")]
    whole = trace(world, of("p2"), most=3)
    assert whole == trace(world, of("p2"))


def test_scores_are_figures_and_the_names_of_judges_and_no_text():
    given = {
        "ratings": {"truth": [5, 2], "help": [4, None]},
        "models": ["m-1", "m-2"],
        "passed": True,
        "questions": ["Is it short?"],
        "final_answer": "seven",
        "judge_pairwise": {
            "games": ["first", "tie"],
            "winner": "tie",
            "consistent": False,
            "judge": "j-1",
            "judgments": ["Both are good. [[C]]"],
        },
    }
    row = {"chosen_score": 4.5, "rejected_score": None, "rationale": "So.", "parents": [{}]}
    found = scores_of(row | {"attributes": json.dumps(given)})
    assert flat(found) == {
        "chosen_score": 4.5,
        "ratings.truth": [5, 2],
        "ratings.help": [4, None],
        "models": ["m-1", "m-2"],
        "passed": True,
        "judge_pairwise.games": ["first", "tie"],
        "judge_pairwise.winner": "tie",
        "judge_pairwise.consistent": False,
        "judge_pairwise.judge": "j-1",
    }
    # what a source says of its own records is nobody's judgment
    assert scores_of({"attributes": '{"likes": 12}', "parents": []}) == {}
    assert scores_of({}) == {}  # a record that no table shows any more


def pair(name, chosen, rejected, **facts):
    noted = {"chosen_model": chosen, "rejected_model": rejected, "models": [chosen, rejected]}
    answers = {side: (Message("assistant", f"{name} {side}"),) for side in ("chosen", "rejected")}
    given = {"created_at": MARCH, "run_id": "run-1", "source": "notes", "model_id": chosen, "attributes": noted} | facts
    one = Preference(prompt=(Message("user", name),), **answers, batch="notes:1", **given)
    return replace(one, record_id=digest(name), content_hash=digest(one.content()))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    lake = Lake.open(tmp_path_factory.mktemp("pairs") / "lake")
    records = [
        pair("r1", "x", "y"),
        pair("r2", "y", "x"),
        pair("r3", "x", "x"),
        pair("r4", "x", 'é "y"', created_at=APRIL),
        pair("r5", "x", "z", attributes={"models": ["x", "z"]}),  # named, and not as who wrote the rejected answer
    ]
    made = write_to(lake, "notes:1", to_table(records, "preference"), stage="pairs")
    lake.accept(made)
    read = {"notes:1": {"records": made.candidate_id}}
    publish(lake, "r0001", {"r1": None, "r2": None, "r3": "rules:short"}, of="pairs", batches=read)
    return lake


@pytest.mark.parametrize(
    ("asked", "names", "alone"),
    [
        pytest.param(Asked(model="y"), ["r1", "r2"], 1, id="one answer of each"),
        pytest.param(Asked(model="x"), ["r1", "r2", "r3", "r4", "r5"], 1, id="both answers"),
        pytest.param(Asked(model="x", kept=True), ["r1", "r2"], 1, id="kept"),
        pytest.param(Asked(model='é "y"'), ["r4"], 1, id="only ever rejected"),
        pytest.param(Asked(model='é "y"', until=APRIL), [], 0, id="before"),
        pytest.param(Asked(model="y", source="notes", run="run-1"), ["r1", "r2"], 1, id="with others"),
        pytest.param(Asked(model="y", dataset="other"), [], 0, id="another dataset"),
    ],
)
def test_a_model_reaches_the_pairs_of_which_it_wrote_the_rejected_answer(pairs, asked, names, alone):
    now = Lineage(pairs).now()
    found = reach(pairs, asked, now)
    assert sorted(row["record_id"] for row in lines(pairs, now, found)) == sorted(digest(one).hex() for one in names)
    assert found.by_rejected_answer == alone == found.as_json()["by_rejected_answer"]


def test_a_model_that_wrote_neither_answer_is_not_known(pairs):
    with pytest.raises(UnknownName, match="'z'"):
        reach(pairs, Asked(model="z"), Lineage(pairs).now())


def test_a_release_counts_a_pair_for_the_models_of_both_its_answers(pairs):
    with release_rows(pairs, pairs.meta.release("demo", "r0001")) as rows:
        assert rows.counts("writers", "model") == {"x": 5, "y": 2, 'é "y"': 1}
        assert rows.counts(KEPT_BY, "model") == {"x": 2, "y": 2}
