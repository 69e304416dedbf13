"""An approval is of a named person and of exact bytes: who may, what is kept, and what it lets go out."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from synth_dagster.errors import GateClosed, SynthError
from synth_dagster.exports.place import Folder
from synth_dagster.governance.approval_pages import BEGIN, END, in_card, in_page, refresh
from synth_dagster.governance.approvals import Approval, approval_of, approvals_of, check_approval, marks_of
from synth_dagster.governance.approving import BadApproval, Word, say
from synth_dagster.governance.erase import erase
from synth_dagster.governance.erase_scope import Asked
from synth_dagster.governance.handover import Wishes, hand_over
from synth_dagster.governance.licences import Wanted
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.record_tables import to_table
from synth_dagster.runner.person import Person
from synth_dagster.signing import new_key
from tests.assets.project import LINES, ONLY_CORPUS, Programs, small_project
from tests.governance.erase_world import plant
from tests.governance.test_trace import made
from tests.lake.conftest import DATABASES, either, write_to
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

ADA, BOB = "Ada Lovelace", "Bob Noyce"


@pytest.fixture(params=DATABASES)
def anywhere(request, tmp_path) -> Lake:
    """A lake with its metadata in either database."""
    return Lake.open(tmp_path / "lake", metadata=either(request))


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake.open(tmp_path / "lake")


def published(lake, name="r0001", *, texts=("one", "two"), demo=False, **manifest):
    """A release of a few records."""
    rows = write_to(
        lake, name, to_table([made(text, "pairs") for text in texts], "document"), stage="mix", partition="release"
    )
    lake.accept(rows)
    told = {"table": "mix", "of": "pairs", "batches": {}, **manifest}
    return lake.meta.add_release(
        Release("demo", name, "made of", rows.data_version, told, len(texts), demo, "run-1"),
    )


def word(by=ADA, comment="Read 200 records.", **more):
    return Word(by=by, comment=comment, **more)


def state(lake, name="r0001"):
    return approval_of(lake, lake.meta.release("demo", name))


# ------------------------------------------------------------------------------------------------------- what is kept


def test_a_release_is_approved_by_a_named_person_and_the_same_again_adds_nothing(anywhere):
    published(anywhere)
    assert state(anywhere).line() == "not approved"
    found, added = say(anywhere, "demo", "r0001", word(entered_by=Person("ada", "login")))
    assert added and found == state(anywhere) and found.is_approved and found.approvers == [ADA]
    said = found.history[0].statement
    assert (said.comment, said.entered_by, said.release, said.previous) == ("Read 200 records.", "ada", "r0001", "")
    assert said.data_version == anywhere.meta.release("demo", "r0001").data_version
    again, added = say(anywhere, "demo", "r0001", word(by="  ada   LOVELACE "))
    assert (again, added) == (found, False)


def test_whoever_revokes_takes_every_approval_back_and_nothing_is_forgotten(anywhere):
    published(anywhere)
    for by in (ADA, BOB):
        say(anywhere, "demo", "r0001", word(by))
    assert state(anywhere).approvers == [ADA, BOB]
    found, _ = say(anywhere, "demo", "r0001", word("Cy", "A leak was found.", action="revoke"))
    assert found.state == "revoked" and not found.standing and found.line().startswith("approval revoked by Cy on 20")
    assert [entry.statement.by for entry in found.history] == [ADA, BOB, "Cy"]
    assert say(anywhere, "demo", "r0001", word("Cy", "A leak was found.", action="revoke")) == (found, False)
    with pytest.raises(BadApproval, match=r"was revoked by Cy on 20.*: A leak was found. .* add --again"):
        say(anywhere, "demo", "r0001", word(BOB))
    found, _ = say(anywhere, "demo", "r0001", word(BOB, "The leak is closed.", again=True))
    assert found.approvers == [BOB] and len(found.history) == 4


def test_two_people_at_once_each_count_once(anywhere):
    published(anywhere)
    people = [ADA, BOB, ADA, BOB, ADA, BOB, ADA, BOB]
    with ThreadPoolExecutor(len(people)) as threads:
        added = [one for _, one in threads.map(lambda by: say(anywhere, "demo", "r0001", word(by)), people)]
    found = state(anywhere)
    assert sum(added) == 2 and sorted(found.approvers) == [ADA, BOB] and not found.faults


def test_what_was_said_is_there_for_the_next_process_after_a_kill(tmp_path):
    published(Lake.open(tmp_path / "lake"))
    code = (
        "import os, signal, sys\n"
        "from synth_dagster.governance.approving import Word, say\n"
        "from synth_dagster.lake.lake import Lake\n"
        "say(Lake.open(sys.argv[1]), 'demo', 'r0001', Word(by='Ada Lovelace', comment='Read.'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lake")], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    lake = Lake.open(tmp_path / "lake")
    assert state(lake).approvers == [ADA]
    assert say(lake, "demo", "r0001", word())[1] is False


def test_an_approval_is_of_exact_bytes(anywhere):
    """A row of the metadata that somebody moves under other bytes approves nothing."""
    published(anywhere)
    say(anywhere, "demo", "r0001", word())
    release = anywhere.meta.release("demo", "r0001")
    assert approval_of(anywhere, replace(release, data_version="other")).state == "not approved"
    assert approval_of(anywhere, replace(release, identity="other")).state == "not approved"
    with pytest.raises(SynthError, match="before it is approved"):
        check_approval(anywhere, release, rows="other", public=True)
    assert check_approval(anywhere, release, rows=release.data_version, public=True).is_approved


# ------------------------------------------------------------------------------------------------------ what is signed


def forged(lake, number, sql, *values):
    """Change the metadata behind the program's back."""
    lake.meta.database.write(f"update approvals set {sql} where number = ?", (*values, number))


def test_statements_are_signed_and_a_changed_one_is_found(anywhere, tmp_path):
    published(anywhere)
    signer = new_key(tmp_path / "key.pem")
    found, _ = say(anywhere, "demo", "r0001", word(signer=signer))
    say(anywhere, "demo", "r0001", word(BOB))
    assert found.history[0].signed_by == signer.key and state(anywhere).history[1].signed_by is None
    text = found.history[0].statement.text()
    forged(anywhere, 1, "statement = ?", text.replace(ADA, "Eve"))
    broken = state(anywhere)
    assert broken.state == "broken" and "its signature does not hold" in broken.faults[0]
    assert "does not follow the one before it" in broken.faults[1]
    with pytest.raises(SynthError, match="Restore the lake's metadata"):
        say(anywhere, "demo", "r0001", word("Cy"))
    release = anywhere.meta.release("demo", "r0001")
    with pytest.raises(SynthError, match="the record of its approvals was changed"):
        check_approval(anywhere, release, rows=release.data_version, public=True)
    forged(anywhere, 1, "statement = ?", "no JSON")
    assert "cannot be read" in state(anywhere).faults[0]


def test_a_statement_that_was_taken_out_is_missed(anywhere):
    published(anywhere)
    say(anywhere, "demo", "r0001", word())
    say(anywhere, "demo", "r0001", word("Cy", "No.", action="revoke"))
    say(anywhere, "demo", "r0001", word(BOB, again=True))
    anywhere.meta.database.write("delete from approvals where number = 2")
    assert state(anywhere).state == "broken" and not state(anywhere).is_approved


@pytest.mark.parametrize(
    "sql", ["delete from approvals where number = 2", "delete from approvals"], ids=["last", "all"]
)
def test_the_last_statement_is_missed_too(anywhere, sql):
    """A revocation that somebody takes out would be an approval again."""
    published(anywhere)
    say(anywhere, "demo", "r0001", word())
    say(anywhere, "demo", "r0001", word("Cy", "No.", action="revoke"))
    assert state(anywhere).state == "revoked"
    anywhere.meta.database.write(sql)
    broken = state(anywhere)
    assert broken.state == "broken" and broken.standing == () and "it was changed or taken out" in broken.faults[-1]
    assert approvals_of(anywhere, "demo") == {"r0001": broken}
    with pytest.raises(SynthError, match="Restore the lake's metadata"):
        say(anywhere, "demo", "r0001", word("Cy", "No.", action="revoke"))


def test_a_last_statement_that_nobody_signed_cannot_be_written_anew(anywhere):
    published(anywhere)
    text = say(anywhere, "demo", "r0001", word())[0].history[0].statement.text()
    forged(anywhere, 1, "statement = ?", text.replace(ADA, "Eve"))
    assert state(anywhere).state == "broken"


def test_a_statement_whose_hash_a_kill_kept_from_the_files_holds_and_is_written_there_by_the_next(anywhere):
    release = published(anywhere)
    say(anywhere, "demo", "r0001", word())
    (kept,) = (entry.name for entry in anywhere.store.entries("releases/demo/r0001.said/"))
    anywhere.store.remove(kept)
    assert state(anywhere).is_approved and marks_of(anywhere, release) == []
    assert say(anywhere, "demo", "r0001", word())[1] is False
    assert [entry.name for entry in anywhere.store.entries("releases/demo/r0001.said/")] == [kept]


# ----------------------------------------------------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"by": "   "}, "--by names the person", id="nobody"),
        pytest.param({"by": "Eve\x1b[2J"}, "--by names the person", id="control"),
        pytest.param({"comment": " \n "}, "--comment says what was looked at", id="nothing"),
        pytest.param({"comment": "x" * 2_001}, "at most 2,000 letters", id="long"),
        pytest.param({"action": "revoke"}, "has no approval that could be revoked: not approved", id="revoke"),
    ],
)
def test_what_names_nobody_or_says_nothing_is_refused(lake, said, why):
    published(lake)
    with pytest.raises(BadApproval, match=why):
        say(lake, "demo", "r0001", word(**said))
    assert not state(lake).history


def test_a_demo_is_never_approved(lake):
    release = published(lake, demo=True)
    with pytest.raises(SynthError, match="is a demo: the embedded teacher made it, and it cannot be approved"):
        say(lake, "demo", "r0001", word())
    assert state(lake).state == "demo" and not state(lake).history
    with pytest.raises(SynthError, match=r"may not go out in public .*demo: made by the embedded teacher"):
        check_approval(lake, release, rows=release.data_version, public=True)


def test_who_built_it_does_not_approve_it_where_four_eyes_are_asked_for(lake):
    """By the name that is given as well as by whose process it is: a builder cannot sign as somebody else."""
    built = {"built_by": {"name": "ada", "known_by": "login"}, "approval": {"four_eyes": True}}
    published(lake, **built)
    for by, entered in (("Ada", "bob"), (BOB, "ada")):
        with pytest.raises(BadApproval, match=r"was built by ada \(the login of that run\).* SYNTH_USER"):
            say(lake, "demo", "r0001", word(by, entered_by=Person(entered, "login")))
    assert say(lake, "demo", "r0001", word(BOB, entered_by=Person("bob", "login")))[0].is_approved
    published(lake, "r0002", texts=("three",), approval={"four_eyes": True})
    with pytest.raises(BadApproval, match="Nobody wrote down who built 'r0002'"):
        say(lake, "demo", "r0002", word(BOB))


def test_only_those_whom_the_recipe_names_may_approve(lake):
    published(lake, approval={"approvers": [ADA]})
    with pytest.raises(BadApproval, match="'Bob Noyce' may not approve 'r0001'; its recipe names Ada Lovelace"):
        say(lake, "demo", "r0001", word(BOB))
    assert say(lake, "demo", "r0001", word("ada lovelace"))[0].is_approved
    # anybody who sees a leak may stop it
    assert say(lake, "demo", "r0001", word(BOB, "A leak.", action="revoke"))[0].state == "revoked"


def test_a_release_that_no_longer_passes_its_checks_is_not_approved(lake):
    published(lake)
    rows = lake.accepted("demo", "mix", "r0001")
    lake.meta.record_gate(rows.candidate_id, passed=False, suite="stricter", checks=[])
    with pytest.raises(GateClosed, match="'r0001' no longer passes its checks"):
        say(lake, "demo", "r0001", word())


# -------------------------------------------------------------------------------------------------------- erasure


def test_what_an_erasure_leaves_is_not_approved_by_what_was_said_before(tmp_path):
    """`a` and `f` are passages; `f` is erased, so r0001 and r0002 are withdrawn and rewritten as r0003 and r0004."""
    names = {"a": [], "f": [], "b": ["a"], "g": ["f"]}
    stages = {"a": "corpus", "f": "corpus", "b": "pairs", "g": "pairs"}
    world = plant(tmp_path, names, stages=stages, batches=dict.fromkeys(names, "x"))
    lake = world.lake
    found, _ = say(lake, "demo", "r0001", word())
    assert found.is_approved
    erase(lake, Asked("demo", source="forum"), world.around, None)
    stands = approvals_of(lake, "demo")
    assert {name: one.state for name, one in stands.items()} == {
        "r0001": "withdrawn",
        "r0002": "withdrawn",
        "r0003": "not approved",
        "r0004": "not approved",
    }
    assert [entry.statement.by for entry in stands["r0001"].history] == [ADA]  # who had said it stays known
    with pytest.raises(SynthError, match="'r0001' of 'demo' was withdrawn and cannot be approved"):
        say(lake, "demo", "r0001", word(BOB))
    assert say(lake, "demo", "r0003", word())[0].is_approved


# ---------------------------------------------------------------------------------------------------------- exports


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A released dataset of people's texts, that a person of a deployment built."""
    recipe = f"{ONLY_CORPUS}\npublication: {{contact: a@example.org, removal: Write to us.}}\n"
    hand = ByHand(small_project(tmp_path_factory.mktemp("approvals") / "p", recipe, Programs(EchoTeacher())))
    hand.project.deliver(LINES)
    hand.batches()
    hand.release("r0001")
    return hand


def out(hand, to, *, public):
    wishes = Wishes(use=Wanted(None, public))
    return hand_over(hand.lake, "tiny", "r0001", format_="trl", to=Folder(to), wishes=wishes)


def test_a_public_export_waits_for_an_approval_and_says_who_gave_it(hand, tmp_path):
    with pytest.raises(SynthError, match=r"may not go out in public before it is approved \(not approved\)"):
        out(hand, tmp_path / "out", public=True)
    assert not (tmp_path / "out").exists()
    assert out(hand, tmp_path / "out", public=False).manifest.approval == {"state": "not approved", "approvals": []}
    assert "Not approved for publication" in (tmp_path / "out/README.md").read_text()

    say(hand.lake, "tiny", "r0001", word(comment="Read | all six."))
    done = out(hand, tmp_path / "out", public=True)  # the card of before says something else now: written anew
    (told,) = done.manifest.approval["approvals"]
    assert done.made and (told["by"], told["comment"], told["signed_by"]) == (ADA, "Read | all six.", "")
    assert f"- {ADA}, {told['at'][:10]}: Read | all six." in (tmp_path / "out/README.md").read_text()
    assert not out(hand, tmp_path / "out", public=True).made
    # who of the house made it, and who of it may approve, is nobody's business outside
    assert (
        not {"built_by", "approval"}
        & json.loads((tmp_path / "out/manifest.json").read_text())["facts"]["manifest"].keys()
    )

    say(hand.lake, "tiny", "r0001", word(BOB, "A leak.", action="revoke"))
    with pytest.raises(SynthError, match="approval revoked by Bob Noyce"):
        out(hand, tmp_path / "again", public=True)


def test_a_recipe_may_ask_for_an_approval_of_every_export(hand, tmp_path):
    release = hand.lake.meta.release("tiny", "r0001")
    asks = replace(release, manifest={**release.manifest, "approval": {"needed_for": "export"}})
    with pytest.raises(SynthError, match="may not go out at all, as its recipe says, before it is approved"):
        check_approval(hand.lake, asks, rows=release.data_version, public=False)


# ------------------------------------------------------------------------------------------------------------- pages


def test_the_report_of_before_shows_what_was_said_since(lake):
    release = published(lake)
    lake.save_page("reports/demo/r0001.md", f"# demo\n\n{in_card(state(lake))}\n\nrest\n")
    lake.save_page("reports/demo/r0001.html", f"<h1>demo</h1>{in_page(state(lake))}<p>rest</p>")
    say(lake, "demo", "r0001", word(comment=f"<b>Good</b> {END} {BEGIN}"))
    for _ in range(2):
        assert refresh(lake, release).is_approved
        card, page = (lake.store.read(f"reports/demo/r0001.{kind}").decode() for kind in ("md", "html"))
        assert card.startswith(f"# demo\n\n{BEGIN}\nApproval: approved by {ADA} on ") and card.endswith("\n\nrest\n")
        assert page.startswith("<h1>demo</h1>") and page.endswith("<p>rest</p>") and "<b>Good" not in page
        assert (card.count(END), page.count(END)) == (1, 1)


def test_a_report_that_is_not_there_or_older_is_left_alone(lake):
    release = published(lake)
    lake.save_page("reports/demo/r0001.md", "# older\n")
    assert refresh(lake, release) == Approval("not approved")
    assert lake.store.read("reports/demo/r0001.md") == b"# older\n"
    assert lake.store.entry("reports/demo/r0001.html") is None
