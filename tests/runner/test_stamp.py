"""What the runner adds to a record: id, lineage, licence, depth and the human share, each by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from synth_dagster.errors import MethodError
from synth_dagster.method import Synthesizer
from synth_dagster.records import Document, Instruction, Message, Preference, Span, child_id, digest
from synth_dagster.runner.stamp import Stamper, counted, human_share, inherited, joined, verbatim


class Made(Synthesizer[Document, Instruction]):
    paper = "interpretation"


def stamper(key="made"):
    return Stamper("answers", "b:1", SimpleNamespace(key=key, slug="made", method=Made()))


def document(text="The sea is salt.", **more):
    values = {"source": "notes", "batch": "b:1", "stage": "seed_corpus", "license": "CC0-1.0", "lang": "en"}
    return Document(body=text, record_id=digest("d", text), **{**values, **more})


def asked(parents, question="Is it salt?", answer="Yes.", **more):
    return Instruction.single(question, answer, parents=parents, **more)


def test_an_id_is_of_stage_step_method_parents_sample_and_content():
    above = document()
    record = asked((above,))
    stamped = stamper().stamp(record, sample=3)
    wanted = child_id("answers", "made", "made", [above.record_id], 3, digest(record.content()))
    assert stamped.record_id == wanted and len(wanted) == 16
    assert stamped.content_hash == digest(record.content())
    others = {stamper("made#2").stamp(record, sample=3).record_id, stamper().stamp(record, sample=4).record_id}
    assert len({*others, wanted}) == 3


def test_a_record_names_its_parents_with_their_place():
    stamped = stamper().stamp(asked((document(), document("Another."))), sample=0, relation="source")
    assert [(p.stage, p.batch, p.relation) for p in stamped.parents] == [("seed_corpus", "b:1", "source")] * 2
    assert (stamped.stage, stamped.batch, stamped.method) == ("answers", "b:1", "made")
    assert stamped.method_version == f"1+{Made().fingerprint()[:8]}"


def test_a_child_may_name_a_record_that_was_returned_before_it():
    work = stamper()
    first = asked((document(),))
    second = asked((first,), "Why is it salt?")
    stamped = [work.stamp(record, sample=place) for place, record in enumerate((first, second))]
    assert stamped[1].parents[0].record_id == stamped[0].record_id
    assert stamped[1].parents[0].stage == "answers"


def test_a_parent_that_was_not_returned_and_no_parent_are_bugs_of_the_method():
    with pytest.raises(MethodError, match="names a parent that it did not return before its child"):
        stamper().stamp(asked((asked((document(),)),)), sample=0)
    with pytest.raises(MethodError, match="returned a record without a parent"):
        stamper().stamp(asked(()), sample=0)


def test_a_call_is_named_once_in_the_order_of_use():
    assert stamper().stamp(asked((document(),)), sample=0, calls=[b"b", b"a", b"b"]).calls == (b"b", b"a")


@pytest.mark.parametrize(
    ("licenses", "whole"),
    [
        pytest.param(["MIT", "MIT"], "MIT", id="one licence"),
        pytest.param(["MIT", "CC-BY-4.0", "MIT"], "CC-BY-4.0 AND MIT", id="two licences, sorted"),
        pytest.param(["MIT OR Apache-2.0", "CC0-1.0"], "CC0-1.0 AND (MIT OR Apache-2.0)", id="a choice in brackets"),
        pytest.param(["MIT OR Apache-2.0"], "MIT OR Apache-2.0", id="a choice alone"),
        pytest.param(["", "MIT"], "MIT", id="an empty one says nothing"),
        pytest.param([], "", id="none"),
    ],
)
def test_the_licence_of_a_join_is_every_licence_in_it(licenses, whole):
    assert joined(licenses) == whole


def test_depth_is_one_more_than_the_deepest_parent_when_a_model_wrote():
    parents = [document(synthetic_depth=1), document("Deep.", synthetic_depth=4)]
    assert inherited(asked((), model_id="m"), parents)["synthetic_depth"] == 5
    assert inherited(asked(()), parents)["synthetic_depth"] == 4


def test_what_was_only_labelled_or_cut_is_no_deeper_than_what_a_model_wrote():
    written = replace(asked((document(),), model_id="m", call_id=b"one"), synthetic_depth=1, record_id=b"r" * 16)
    labelled = written.but(lang="en", attributes={"score": 3})
    again = written.but(model_id="m", call_id=b"two")
    assert inherited(labelled, [written])["synthetic_depth"] == 1
    assert inherited(again, [written])["synthetic_depth"] == 2, "the same model in another call has written anew"


def test_what_a_method_says_about_licence_and_depth_does_not_count():
    stamped = stamper().stamp(asked((document(),), license="MIT", synthetic_depth=0, model_id="m"), sample=0)
    assert (stamped.license, stamped.synthetic_depth) == ("CC0-1.0", 1)


@pytest.mark.parametrize(
    ("languages", "common"),
    [pytest.param(["en", "en"], "en", id="one"), pytest.param(["en", "de"], "und", id="two are none")],
)
def test_a_language_is_inherited_when_the_parents_agree(languages, common):
    parents = [document(str(place), lang=lang) for place, lang in enumerate(languages)]
    assert inherited(asked(()), parents)["lang"] == common


def span(text):
    return Span(b"d", 0, len(text), text)


@pytest.mark.parametrize(
    ("record", "share"),
    [
        # question of 8 characters, answer of 8 that stands in the evidence: 8 / 16
        pytest.param(
            asked((), "Is it s?", "sea salt", evidence=(span("the sea salt"),), model_id="m"), 0.5, id="answer"
        ),
        # the evidence of 4 stands inside an answer of 12, the question has 4: 4 / 16
        pytest.param(asked((), "Why?", "It is salt!!", evidence=(span("salt"),), model_id="m"), 0.25, id="quotation"),
        pytest.param(asked((), "Why?", "Because.", model_id="m"), 0.0, id="no evidence"),
        # 4 of prompt, 4 quoted of chosen, 8 of rejected: 4 / 16
        pytest.param(
            Preference(
                prompt=(Message("user", "Why?"),),
                chosen=(Message("assistant", "salt"),),
                rejected=(Message("assistant", "sugar!!!"),),
                parents=(),
                model_id="m",
            ),
            0.25,
            id="evidence of the parent",
        ),
    ],
)
def test_the_human_share_is_of_characters_inside_verbatim_evidence(record, share):
    parents = [asked((), evidence=(span("salt"),))] if isinstance(record, Preference) else [document()]
    assert human_share(record, parents) == share


def test_what_no_model_wrote_is_as_human_as_its_parents_by_their_length():
    # 10 characters at 1.0 and 30 at 0.2: (10 + 6) / 40
    parents = [document("a" * 10), document("b" * 30, human_share=0.2)]
    assert human_share(document("joined"), parents) == 0.4
    assert human_share(document("joined"), []) == 1.0


def test_two_steps_down_a_record_of_300_human_and_700_written_characters_is_three_tenths_human():
    human, written = document("a" * 300), document("b" * 700, human_share=0.0, model_id="m")
    merged = document("both", human_share=human_share(document("both"), [human, written]))
    assert merged.human_share == human_share(document("again"), [merged]) == 0.3


def test_one_quotation_twice_counts_once():
    assert verbatim("salt and more", ["salt", "salt"]) == 4
    assert verbatim("salt", ["the salt of the sea"]) == 4
    assert verbatim("sugar", ["salt", ""]) == 0


def test_reasons_are_counted_most_frequent_first_then_by_name():
    assert list(counted(["b", "a", None, "c", "c"]).items()) == [("c", 2), ("a", 1), ("b", 1)]
