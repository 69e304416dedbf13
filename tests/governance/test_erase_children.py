"""Records of several parents that lose one: after an erasure and a run, all is as if the erased text had never come."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster import catalog
from synth_dagster.errors import LakeError
from synth_dagster.governance.erase import Asked, Surroundings, costs, erase, plan
from synth_dagster.governance.erase_children import BadPolicy, bereft_among, policy_of
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.record_tables import to_table
from synth_dagster.records import Parent, digest
from synth_dagster.runner.current import is_settled
from synth_dagster.runner.todo import unfinished
from tests.assets.project import TAUGHT, small_project
from tests.governance import neighbours
from tests.governance.erase_world import said
from tests.lake.conftest import document
from tests.runner.by_hand import ByHand
from tests.teacher.faulty import FaultServer, Say, question

RECIPE = TAUGHT.replace("grounded_qa: {per_passage: 1}", "neighbours: {}").replace("use: embedded", "use: endpoint")
BATCH = "notes:start"
QUESTIONS = "generated_instructions"
TABLES = ("seed_corpus", QUESTIONS, "filtered_mix")
PASSAGES = {name: f"{name} {said(name)}" for name in "abcdef"}


class Taught(ByHand):
    """Stages that ask through the gateway, so that answers are kept."""

    teachers = None

    @property
    def context(self):
        return self.project.context(teachers=self.teachers)

    def run(self, release):
        """What was really made; None as a name makes no release."""
        with self.project.answering() as self.teachers:
            made = self.batches()
            if release:
                self.release(release)
        return made

    def shown(self):
        """The rows of each table, of the newest release, but for when, by which run and under which name."""
        passing = ("created_at", "run_id", "release")
        newest = self.project.releases()[-1]
        tables = {table: self.project.rows(table) for table in TABLES[:2]}
        tables |= {table: self.project.rows(table, where=f"release = '{newest}'") for table in TABLES[2:]}
        return {
            table: sorted(({n: v for n, v in row.items() if n not in passing} for row in rows), key=str)
            for table, rows in tables.items()
        }


def both_of(body):
    return re.findall(r"<text>(.*?)</text>", question(body))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(catalog, "entry_points", lambda group: [Entry()])
    catalog.methods.cache_clear()
    with FaultServer() as endpoint:
        endpoint.script = lambda body, seen: Say(f"Both are told: {' and '.join(both_of(body))}")
        monkeypatch.setenv("SYNTH_MODEL", "m")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint
    monkeypatch.undo()
    catalog.methods.cache_clear()


class Entry:
    name, value = "neighbours", "tests.governance.neighbours"

    def load(self):
        return neighbours


def delivered(names):
    """By key: a long one, since a short one is a piece of what stands beside it in the databases."""
    return {f"passage number {digest(name).hex()[:8]}": PASSAGES[name] for name in names}


def made(folder, names):
    """A project that was run over these passages."""
    hand = Taught(small_project(folder, RECIPE))
    hand.project.deliver(delivered(names))
    hand.run("r0001")
    return hand


def asked(name, children="remake"):
    return Asked("tiny", where=f"text like '{name} %'", children=children)


def around(hand):
    return Surroundings(hand.project.environment.cache, None, hand.project.root)


def test_the_next_run_makes_children_anew_and_pays_only_for_what_it_never_asked(tmp_path, server):
    hand = made(tmp_path / "p", "abcd")  # three pairs: ab, bc, cd
    assert server.calls == 3
    found = plan(hand.lake, asked("b"))
    told = found.as_json()["children"]
    assert told == {
        "policy": "remake",
        "records": 2,  # ab and bc; of cd no parent goes
        "batches": [{"dataset": "tiny", "stage": QUESTIONS, "batch": BATCH, "records": 2}],
    }
    # a round names all its calls on each record, so that all three are also behind cd and none goes by lineage alone
    assert costs(found, around(hand))["cost_of_children"]["answers"] == 0 and found.shared_calls == 3
    receipt = erase(hand.lake, asked("b"), around(hand), None)
    assert receipt["proof"]["clean"] and receipt["proof"]["text_proven"]
    assert receipt["counts"]["children"] == told and "made anew from what stays" in receipt["policy"]
    assert receipt["counts"]["answers_erased"] == 2  # those about b: they quote it, and became nothing that stays
    assert len(hand.project.rows(QUESTIONS)) == 1  # readable meanwhile: cd
    assert unfinished(hand.context) == [BATCH] and not is_settled(hand.context, QUESTIONS, BATCH)
    assert "are to be made again" in hand.inputs().missing[BATCH]  # no release without them by chance

    assert hand.run("r0003")[QUESTIONS] == [BATCH]
    assert [both_of(body) for body in server.requests[3:]] == [[PASSAGES["a"], PASSAGES["c"]]]  # cd was kept
    assert len(hand.project.rows(QUESTIONS)) == 2 and unfinished(hand.context) == []
    assert hand.run(None) == {} and server.calls == 4  # made once


@pytest.mark.prove
def test_children_that_are_dropped_leave_everything_current(tmp_path, server):
    hand = made(tmp_path / "p", "abcd")
    receipt = erase(hand.lake, asked("b", "drop"), around(hand), None)
    assert receipt["counts"]["children"]["records"] == 2 and "made anew" not in receipt["policy"]
    assert hand.run("r0003") == {} and server.calls == 3 and len(hand.project.rows(QUESTIONS)) == 1


@pytest.mark.prove
def test_what_was_erased_comes_back_under_no_policy(tmp_path, server):
    hand = made(tmp_path / "p", "abc")
    (pair,) = [row for row in hand.project.rows(QUESTIONS) if PASSAGES["a"] in str(row["messages"])]
    erase(hand.lake, asked("a"), around(hand), None)
    hand.run("r0003")
    hand.project.deliver(delivered("abcd"))  # once more, beside a new one
    hand.run("r0004")
    rows = hand.project.rows(QUESTIONS)
    assert len(rows) == 2 and PASSAGES["a"] not in str(rows)  # bc and cd
    again = document(BATCH, 7, parents=tuple(Parent(one["record_id"], "seed_corpus", BATCH) for one in pair["parents"]))
    with pytest.raises(LakeError, match="1 records that were erased"):
        hand.lake.write_candidate(
            *("tiny", "seed_corpus", BATCH, to_table([again], "document")),
            rejects=None,
            run_id="r",
            session_id="r",
            code_version="c",
            inputs={},
            recipe_hash="h",
            details={},
        )


@pytest.mark.prove
def test_a_second_erasure_keeps_the_mark_of_the_first(tmp_path, server):
    hand = made(tmp_path / "p", "abcde")
    erase(hand.lake, asked("b"), around(hand), None)
    erase(hand.lake, asked("e", "drop"), around(hand), None)  # of de the parent d stays, and nobody asks for it
    assert is_to_remake(hand.lake.accepted("tiny", QUESTIONS, BATCH))
    hand.run("r0009")
    assert hand.shown() == made(tmp_path / "q", "acd").shown()


# -------------------------------------------------------------------------------------------------- as if it never came


def as_if_it_never_came(folder, names, gone):
    hand = made(folder / "held", names)
    assert erase(hand.lake, asked(gone), around(hand), None)["proof"]["clean"]
    hand.run("r0009")
    never = made(folder / "never", [name for name in names if name != gone])
    assert hand.shown() == never.shown()
    versions = [one.project.versions(table) for one in (hand, never) for table in TABLES[:2]]
    assert versions[:2] == versions[2:]  # canonical bytes


@pytest.mark.prove
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(names=st.lists(st.sampled_from("abcdef"), min_size=3, max_size=6, unique=True), data=st.data())
def test_any_passage_may_go(tmp_path_factory, server, names, data):
    as_if_it_never_came(tmp_path_factory.mktemp("any"), names, data.draw(st.sampled_from(names)))


def test_the_passage_in_the_middle_may_go(tmp_path, server):
    as_if_it_never_came(tmp_path, "abcd", "c")


# ---------------------------------------------------------------------------------------------------------- small parts


def test_only_who_loses_a_parent_and_has_another_is_bereft():
    parents = {"one": "a", "both": "ab", "other": "b", "meant": "ab", "all": "ac", "root": ""}
    records = [
        document("b", 0, parents=tuple(Parent(digest(p), "s", "b") for p in above)) for above in parents.values()
    ]
    table = to_table(records, "document")
    ids = [digest(name) for name in parents]
    rows = table.set_column(table.column_names.index("record_id"), "record_id", [ids])
    found = bereft_among(rows, pa_of("a", "c"), pa_of("meant"))
    assert found["record_id"].to_pylist() == [digest("both")]


def pa_of(*names):
    import pyarrow as pa

    return pa.array([digest(name) for name in names], pa.binary())


def test_another_word_for_the_policy_is_refused():
    assert (policy_of("drop"), policy_of("remake")) == ("drop", "remake")
    with pytest.raises(BadPolicy, match="Did you mean 'remake'"):
        policy_of("remakes")
