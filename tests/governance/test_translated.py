"""How much of a release machines have translated, by what records, texts and the recipe say; and where nobody does."""

import json

import pyarrow as pa
import pytest

from synth_dagster.errors import RecipeError
from synth_dagster.governance.checklist import checklist
from synth_dagster.governance.handover import the_release
from synth_dagster.governance.translated import translated
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

YES, NO, SILENT = '{"translated": true}', '{"id": 1, "translated": false}', '{"translated_by": "x"}'
ODD = '{"translated": "perhaps"}'


def rows(**of_sources):
    """source -> the attributes of its records."""
    pairs = [(source, one) for source, found in of_sources.items() for one in found]
    names = pa.array([source for source, _ in pairs], pa.string())
    return pa.table({"source": names, "attributes": pa.array([one for _, one in pairs], pa.string())})


@pytest.mark.parametrize(
    ("kept", "texts", "stated", "line"),
    [
        pytest.param(rows(a=[YES, NO, NO, YES]), rows(a=[SILENT] * 9), {}, "50.0% of 4", id="records that say it"),
        # of four texts one: a quarter of the three that say nothing themselves, and one that does: 1.75 of 4
        pytest.param(rows(a=[None, "", SILENT, YES]), rows(a=[YES, NO, NO, NO]), {}, "43.8% of 4", id="its texts"),
        pytest.param(rows(a=[None] * 4), rows(a=[YES] * 9), {"a": 0.25}, "25.0% of 4", id="the recipe goes before"),
        pytest.param(rows(a=[None] * 4), rows(a=[None]), {}, "not known of 4 of 4 records (a)", id="nobody says it"),
        # of two texts of b one is silent: of four records two are not known; those of a are
        pytest.param(
            rows(a=[NO], b=[None] * 4), rows(b=[YES, ODD]), {}, "not known of 2 of 5 records (b)", id="some of a source"
        ),
        pytest.param(rows(a=[None]), rows(b=[YES]), {}, "not known of 1 of 1 records (a)", id="texts that are gone"),
        pytest.param(rows(), rows(), {}, "0.0% of 0", id="no record"),
    ],
)
def test_what_says_nothing_itself_is_as_its_source(kept, texts, stated, line):
    assert translated(kept, [texts], stated).line().startswith(line)


def asked(project):
    found = checklist(project.lake, the_release(project.lake, "tiny", "latest"))
    (item,) = (one for one in found.items if one.question == "how much machines translated is known")
    return item.holds, item.evidence


def test_the_checklist_asks_it_and_says_where_nobody_knows(tmp_path):
    hand = ByHand(small_project(tmp_path / "p", TAUGHT, Programs(EchoTeacher())))
    path = hand.project.deliver(LINES)
    hand.batches()
    hand.release("r0001")
    holds, evidence = asked(hand.project)
    assert not holds and evidence.startswith("not known of 6 of 6 records (notes): say it in publication.translated")

    hand.project.write_recipe(TAUGHT + "publication: {translated: {notes: 0.5}}\n")
    hand.release("r0002")
    assert asked(hand.project) == (True, "50.0% of 6 records, as texts and publication.translated say")

    hand.project.write_recipe(TAUGHT)
    delivered = [{"id": str(n), "text": line, "translated": n < 2} for n, line in enumerate(LINES)]
    path.write_text("".join(json.dumps(one) + "\n" for one in delivered))
    hand.batches()
    hand.release("r0003")
    assert asked(hand.project) == (True, "33.3% of 6 records, as texts and publication.translated say")


@pytest.mark.parametrize(
    ("said", "fault"), [("{nots: 0.5}", "No source is called 'nots'"), ("{notes: 1.5}", "must be a number from 0 to 1")]
)
def test_a_share_of_no_source_or_above_one_is_a_mistake_of_the_recipe(tmp_path, said, fault):
    project = small_project(tmp_path / "p", f"{ONLY_CORPUS}publication: {{translated: {said}}}\n")
    with pytest.raises(RecipeError, match=fault):
        project.recipe("tiny")
