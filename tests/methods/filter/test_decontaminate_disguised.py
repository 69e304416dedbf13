"""Benchmark items are found in disguise, in texts and in the benchmark; texts in other scripts are left in peace."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.methods.filter.decontaminate import Decontaminate
from synth_dagster.records import Document, Instruction
from synth_dagster.scale.signals import compute_signals
from synth_dagster.services import NoAncestors
from tests.methods.filter import retold_items
from tests.methods.guard.disguised import DISGUISES, OF_ORDERS, PROSE

DECLARATION = Path(__file__).parents[4] / "shared" / "data" / "udhr"
ITEMS = [item for item, _ in retold_items.items()[:40]]
HIDDEN = {name: hide for name, hide in (DISGUISES | OF_ORDERS).items() if name != "rot13"}  # known by words of orders


@pytest.fixture
def against(references):
    return lambda *items: {"references": references({"benchmarks": list(items)}), "ancestors": NoAncestors()}


def method(**settings):
    return Decontaminate(against="benchmarks", **settings)


def planted(hide):
    return [f"{PROSE}{hide(item)} {PROSE}" for item in ITEMS]


def signals_of(texts, services, **settings):
    flat = pa.table({"record_id": [b"%d" % n for n in range(len(texts))], "text": texts, "title": texts, "url": texts})
    return compute_signals(method(**settings), flat, services=services)


def found_by(verdicts_of, services, **settings):
    """Disguise -> how many of its forty items are found."""
    texts = [Document(body=text) for hide in HIDDEN.values() for text in planted(hide)]
    reasons = verdicts_of(method(**settings), texts, services)
    return {
        name: 40 - reasons[at : at + 40].count(None) for at, name in zip(range(0, len(texts), 40), HIDDEN, strict=True)
    }


@pytest.mark.parametrize("mode", ["coverage", "hash", "semantic"])
def test_forty_items_are_found_in_each_disguise(mode, verdicts_of, against):
    assert found_by(verdicts_of, against(*ITEMS), mode=mode) == dict.fromkeys(HIDDEN, 40)


def test_the_released_rule_alone_finds_what_keeps_its_letters(verdicts_of, against):
    found = found_by(verdicts_of, against(*ITEMS), disguises="leave")
    kept = {"as it is", "struck out", "no-break spaces", "Arabic digits", "Devanagari digits", "in lines", "emphasis"}
    assert {name for name, count in found.items() if count == 40} == kept | {"variation selectors", "empty tags"}
    assert "disguise" not in signals_of(ITEMS, against(*ITEMS), disguises="leave")


def test_the_item_and_its_disguise_are_named(against):
    services = against(*ITEMS)
    named = signals_of(ITEMS, services)
    assert named["disguise"].null_count == 40
    hidden = signals_of(planted(HIDDEN["full width"]) + planted(HIDDEN["base64"]), services)
    assert hidden["item"].to_pylist() == named["item"].to_pylist() * 2
    assert hidden["disguise"].to_pylist() == ["look-alikes"] * 40 + ["base64"] * 40


@pytest.mark.parametrize("name", ["full width", "zero-width characters", "HTML entities", "base64", "letters apart"])
def test_an_item_that_stands_in_the_benchmark_in_disguise_is_found(name, verdicts_of, against):
    services = against(*map(HIDDEN[name], ITEMS))
    other = HIDDEN["bold letters of mathematics"]
    texts = [Document(body=text) for hide in (str, HIDDEN[name], other) for text in planted(hide)]
    assert None not in verdicts_of(method(), texts, services)


def test_an_answer_in_disguise_is_found_where_answers_are_compared(verdict_of, references):
    services = {
        "references": references(
            {"benchmarks": ["What is it?"], "benchmarks:answers": [HIDDEN["HTML entities"](ITEMS[0])]}
        ),
        "ancestors": NoAncestors(),
    }
    record = Instruction.single("Why?", HIDDEN["zero-width characters"](ITEMS[0]))
    assert verdict_of(method(mode="hash", grams=("answer",)), record, services) == "contaminated"


def test_a_record_made_from_an_item_in_disguise_is_tainted(against):
    class Behind:
        def generations(self):
            heirs = pa.array([[b"0"]], pa.list_(pa.binary()))
            yield pa.table({"record_id": [b"9"], "text": planted(HIDDEN["circled letters"])[:1], "heirs": heirs})

    services = against(*ITEMS) | {"ancestors": Behind()}
    assert signals_of(["an answer"], services)["ancestor_share"].to_pylist() == [1.0]
    assert signals_of(["an answer"], services, disguises="leave")["ancestor_share"].to_pylist() == [0.0]


TEXTS = st.lists(
    st.sampled_from(["a", "b", "ｃ", "c", "&#97;", "a\u200b", "\u00a0", "ﬁ", "fi", "x y z w"]), max_size=12
)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4))
def test_another_reading_takes_nothing_away_and_depends_on_no_record_beside_it(items, texts):
    class Items:
        def files(self, _):
            return {"items": [" ".join(item) for item in items]}

    def read(texts, **settings):
        services = {"references": Items(), "ancestors": NoAncestors()}
        return signals_of(texts, services, n=2, min_item_words=1, **settings).drop(["record_id"]).to_pylist()

    texts = [" ".join(text) for text in texts]
    undone = read(texts)
    for more, plain in zip(undone, read(texts, disguises="leave"), strict=True):
        assert more["matched_share"] >= plain["matched_share"] and more["shared_grams"] >= plain["shared_grams"]
    assert read([*texts[::-1], *texts]) == [*undone[::-1], *undone]


@pytest.mark.skipif(not DECLARATION.is_dir(), reason="needs ../shared/data/udhr: the declaration in 58 languages")
def test_texts_in_other_scripts_are_judged_as_before(against):
    """Every second line of the declaration in 58 languages against the others: 0 verdicts differ."""
    lines = [
        line for file in sorted(DECLARATION.glob("*.txt")) for line in file.read_text("utf-8").splitlines() if line
    ]
    services = against(*lines[::2])
    undone, left = (signals_of(lines[1::2], services, disguises=how) for how in ("undo", "leave"))
    over = [[share > 0.5 for share in one["matched_share"].to_pylist()] for one in (undone, left)]
    assert len(lines) > 10_000 and over[0] == over[1]
