"""Sets that give their sources away are told, each by its check, and sets that do not are left in peace."""

import json
import random
from dataclasses import dataclass

import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.guard.seed_leakage_guard import SeedLeakageGuard
from synth_dagster.parts.privacy.canaries import LETTERS, Canary, canaries
from synth_dagster.services import NoAncestors
from tests.parts.made_up_prose import prose


def rows(texts, depth=1):
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "text": pa.array(texts, pa.string()),
            "synthetic_depth": pa.array([depth] * len(texts), pa.int32()),
        }
    )


@dataclass
class Behind:
    """Seeds that people wrote: each is behind the record of its number, and what is left behind the last record."""

    seeds: list
    records: int

    def generations(self):
        heirs = [[min(number, self.records - 1).to_bytes(16, "big")] for number in range(len(self.seeds))]
        ids = [f"seed {number}".encode() for number in range(len(self.seeds))]
        none: list[list[bytes]] = [[] for _ in self.seeds]
        yield pa.table(
            {
                "record_id": pa.array(ids, pa.binary()),
                "text": pa.array(self.seeds, pa.string()),
                "method": pa.array(["plant_canaries"] * len(self.seeds), pa.string()),
                "parents": pa.array(none, pa.list_(pa.binary())),
                "synthetic_depth": pa.array([0] * len(self.seeds), pa.int32()),
                "heirs": pa.array(heirs, pa.list_(pa.binary())),
            }
        )


def found(texts, *, seeds=(), references=None, depth=1, **settings):
    behind = Behind(list(seeds), len(texts)) if seeds else NoAncestors()
    return SeedLeakageGuard(**settings).inspect(rows(texts, depth), references=references, ancestors=behind)


def told(*args, **settings):
    """Kind -> score and severity of what was measured about the set."""
    return measured_in(found(*args, **settings))


def measured_in(all_found):
    return {one.kind: (one.score, one.severity) for one in all_found if one.record_id is None}


def edited(text, seed):
    """A text of which one word in ten is another."""
    draw = random.Random(seed)
    return " ".join("otherwise" if draw.random() < 0.1 else word for word in text.split())


@pytest.fixture
def held_out(references):
    return {"held_out": "held_out", "references": references({"held_out": prose(2, 60)})}


def test_nine_of_ten_copies_are_nearer_to_their_sources_and_each_is_named(held_out):
    seeds = prose(1, 60)
    all_found = found([edited(text, number) for number, text in enumerate(seeds)], seeds=seeds, **held_out)
    share, severity = measured_in(all_found)["nearer_share"]
    assert share > 0.9 and severity == "warning"
    named = [one for one in all_found if one.check == "near_copies" and one.record_id]
    assert len(named) > 0.9 * 60 and {one.severity for one in named} == {"warning"}
    assert not any(word in repr(named) for word in seeds[0].split() if len(word) > 6)


def test_texts_that_were_made_without_looking_are_as_near_to_one_side_as_chance_has_it(held_out):
    all_found = found(prose(3, 300), seeds=prose(1, 60), **held_out)
    measured = measured_in(all_found)
    assert abs(measured["nearer_share"][0] - 0.5) < 0.2 and measured["nearer_share"][1] == "info"
    # by chance as near as the nearest twentieth of sources are to each other: about one in twenty, and none to one only
    assert measured["nearer_than_sources_are"][0] < 0.15
    assert not [one for one in all_found if one.record_id]


@pytest.mark.prove
def test_of_many_such_texts_half_are_nearer_to_their_sources(references):
    """By 1,000 texts on each side the share is a half, plus or minus 0.05."""
    given = {"held_out": "held_out", "references": references({"held_out": prose(2, 1_000)})}
    measured = told(prose(3, 2_000), seeds=prose(1, 1_000), sample=2_000, **given)
    assert abs(measured["nearer_share"][0] - 0.5) <= 0.05 and measured["nearer_share"][1] == "info"


def test_a_single_copy_among_many_texts_is_held_where_the_recipe_says_so():
    seeds, texts = prose(1, 60), prose(3, 60)
    texts[7] = edited(seeds[40], 1)
    held = [one for one in found(texts, seeds=seeds, near_copies="quarantine") if one.record_id]
    assert [(int.from_bytes(one.record_id, "big"), one.severity, one.kind) for one in held] == [
        (7, "quarantine", "near_copy")
    ]


def test_members_are_told_from_others_where_a_set_repeats_its_sources(held_out):
    seeds, texts = prose(1, 60), prose(3, 150)
    repeated = told(texts + seeds * 4, seeds=seeds, action="critical", **held_out)
    fresh = told(texts, seeds=seeds, action="critical", **held_out)
    assert repeated["min_k_plus"][0] > 0.9 and repeated["min_k_plus"][1] == "critical"
    # of 60 against 60 the deviation by chance is sqrt((60 + 60 + 1) / (12 * 60 * 60)) = 0.053
    assert abs(fresh["min_k_plus"][0] - 0.5) < 3 * 0.053 and fresh["min_k_plus"][1] == "info"
    # what people wrote and stands in the set itself counts as behind it
    assert told(seeds * 4, depth=0, **held_out)["min_k_plus"][0] > 0.9


def facts(*, give_away):
    """60 letters, of which 30 are behind the set: who wrote each, of ten towns; records that say it or not."""
    towns = [f"town{letter}" for letter in "abcdefghij"]
    draw = random.Random(4)
    texts = prose(6, 60, words=25)
    lines = [{"text": text, "value": draw.choice(towns), "seen": place < 30} for place, text in enumerate(texts)]
    records = [f"{line['text']} It came from {line['value'] if give_away else draw.choice(towns)}." for line in lines]
    return lines, records[:30]


@pytest.mark.parametrize(("give_away", "severity"), [(True, "warning"), (False, "info")])
def test_a_fact_that_records_give_away_is_found_by_whoever_knows_the_rest(give_away, severity, references):
    lines, records = facts(give_away=give_away)
    gain = told(records, known_facts="facts.jsonl", references=references({"facts.jsonl": lines}))["gain"]
    assert gain[1] == severity and (gain[0] > 0.8) == give_away


def test_what_was_planted_is_exposed_the_more_the_oftener_it_is_learnt():
    known = canaries(0, 9)
    texts = prose(3, 200)
    planted = [(place, canary) for place, canary in enumerate(known) for _ in range((1, 4, 16)[place // 3])]
    seeds = [f"{texts[n]} {canary.sentence}" for n, (_, canary) in enumerate(planted)]
    quoted = [f"It says: {canary.sentence}" for _, canary in planted]
    measured = told(texts + quoted, seeds=seeds)
    bits = [measured[f"bits_at_{times}"][0] for times in (1, 4, 16)]
    assert bits == sorted(bits) and measured["bits_at_16"] == (bits[2], "warning") and bits[2] > 10
    assert measured["codes_that_came_out"] == (9, "warning")
    silent = told(texts, seeds=seeds)
    assert {silent[f"bits_at_{times}"][1] for times in (1, 4, 16)} == {"info"}
    assert silent["codes_that_came_out"] == (0, "info")


def lines_of_a_student(shift):
    """What a model says of 40 texts: those that it saw are likelier by a shift."""
    draw = random.Random(8)
    return [
        {
            "text": f"text {number}",
            "seen": number < 20,
            "log_probs": [draw.gauss(-3 + shift * (number < 20), 1) for _ in range(30)],
        }
        for number in range(40)
    ]


def test_a_few_texts_are_no_evidence(references):
    given = {"held_out": "held_out", "references": references({"held_out": prose(2, 20, words=20)})}
    for count, severity in ((19, "info"), (20, "warning")):
        seeds = prose(1, count, words=20)
        assert told(seeds * 16, depth=0, seeds=seeds, **given)["min_k_plus"] == (1.0, severity)


def test_texts_held_out_that_are_of_another_length_are_no_measure(references):
    given = {"held_out": "held_out", "references": references({"held_out": prose(2, 60, words=12)})}
    measured = told(prose(3, 100), seeds=prose(1, 60), **given)
    assert measured["length"] == (1.0, "warning")  # each member is longer


def test_texts_held_out_of_another_topic_close_no_gate_and_it_is_said_why(references):
    """What would be leakage between texts of one kind is drift here: a classifier that sees no model does as well."""
    seeds = prose(1, 60)
    drifted = [text.replace("ba", "zu").replace("ke", "fy").replace("lo", "pi") for text in prose(2, 60)]
    given = {"held_out": "held_out", "references": references({"held_out": drifted}), "action": "critical"}
    all_found = found(prose(3, 150) + seeds * 4, seeds=seeds, **given)
    measured = measured_in(all_found)
    assert measured["topic"][0] > 0.9 and measured["topic"][1] == "warning"
    assert measured["min_k_plus"][0] > 0.9 and measured["min_k_plus"][1] == "info"
    (note,) = [one.note for one in all_found if one.kind == "min_k_plus"]
    assert note.endswith("no evidence, for topic tell them apart without a model")


def test_what_stands_beside_the_membership_of_texts_of_one_kind_is_chance(held_out):
    measured = told(prose(3, 150) + prose(1, 60) * 4, seeds=prose(1, 60), action="critical", **held_out)
    assert measured["topic"][1] == "info" and abs(measured["topic"][0] - 0.5) < 4 * 0.053
    assert measured["min_k_plus"][1] == "critical"


@pytest.mark.parametrize(
    ("right", "severity"),
    [
        pytest.param((2, 0), "warning", id="two of forty"),
        pytest.param((0, 0), "info", id="none"),
        pytest.param((2, 2), "info", id="as many of texts that it never saw"),
    ],
)
def test_texts_that_a_model_carries_on_word_for_word_are_told(right, severity, references):
    lines = [
        {
            "expected": f"the next words of text {n}",
            "wrote": f"the next  words of text {n if k < count else ''}\n",
            "seen": seen,
        }
        for seen, count in zip((True, False), right, strict=True)
        for k, n in enumerate(range(40))
    ]
    measured = told(prose(3, 5), written="wrote.jsonl", references=references({"wrote.jsonl": lines}))
    assert measured["carried_on_word_for_word"] == (right[0] / 40, severity)


def test_the_codes_that_a_students_own_model_expects_are_exposed(references):
    """Of 2,048 sentences of one name the planted one is the likeliest: 11 bits; of another it is the 1,024th: 1 bit."""
    one, other = canaries(0, 2)
    lines = []
    for canary, rank in ((one, 0), (other, 1_023)):
        tried = [canary, *(Canary(canary.name, secret) for secret in _secrets() if secret != canary.secret)][:2_048]
        order = [*tried[1 : rank + 1], canary, *tried[rank + 1 :]]
        lines += [
            {"text": f"It says: {each.sentence}", "seen": each == canary, "log_probs": [-1.0 - 0.001 * place]}
            for place, each in enumerate(order)
        ]
    lines += lines_of_a_student(0)
    texts = prose(3, 30)
    seeds = [f"{texts[0]} {one.sentence}", f"{texts[1]} {other.sentence}", f"{texts[2]} {other.sentence}"]
    measured = told(texts, seeds=seeds, student="said.jsonl", references=references({"said.jsonl": lines}))
    assert measured["student_bits_at_1"] == (11.0, "warning")
    assert measured["student_bits_at_2"] == (1.0, "info")
    assert measured["student_min_k"][1] == "info"  # the sentences of codes are no texts whose membership is asked


def _secrets():
    return (a + b + c + d for a in LETTERS for b in LETTERS for c in LETTERS for d in LETTERS)


def test_a_students_own_log_probabilities_are_judged(references):
    for shift, severity in ((2, "warning"), (0, "info")):
        given = references({"said.jsonl": lines_of_a_student(shift)})
        measured = told(prose(3, 5), student="said.jsonl", references=given)
        assert measured["student_min_k"][1] == severity
        scores = {"student_min_k", "student_zlib", "student_loss"}  # without mean and spread
        assert set(measured) == scores | {"student_topic", "student_length"}
    lines = [one | {"mean": [-3.0] * 30, "spread": [1.0] * 30} for one in lines_of_a_student(2)]
    measured = told(prose(3, 5), student="said.jsonl", references=references({"said.jsonl": lines}))
    assert measured["student_min_k_plus"][1] == "warning"


@pytest.mark.parametrize(
    ("setting", "line", "said"),
    [
        pytest.param("known_facts", {"text": "a", "seen": True}, "value is a text", id="no value"),
        pytest.param("known_facts", {"text": "", "value": "b", "seen": True}, "text is a text", id="empty text"),
        pytest.param("known_facts", {"text": "a", "value": "b", "seen": "yes"}, "true or false", id="seen is a word"),
        pytest.param("student", {"text": "a", "seen": True}, "log_probs", id="no numbers"),
        pytest.param("student", {"text": "a", "seen": True, "log_probs": ["x"]}, "list of numbers", id="words"),
        pytest.param("student", {"text": "a", "seen": True, "log_probs": [None]}, "list of numbers", id="null"),
        pytest.param(
            "student", {"text": "a", "seen": True, "log_probs": [-1], "mean": []}, "equally many", id="too few means"
        ),
        pytest.param("student", {"text": "a", "seen": True, "log_probs": [-1]}, "were not", id="nothing unseen"),
        pytest.param("written", {"expected": "a", "wrote": 1, "seen": True}, "wrote is a text", id="wrote a number"),
        pytest.param("written", {"wrote": "a", "seen": True}, "expected is a text", id="nothing expected"),
        pytest.param("written", {"expected": "a", "wrote": "", "seen": True}, "were not", id="nothing unseen written"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(setting, line, said, references):
    with pytest.raises(SynthError, match=said) as refused:
        found(["a"], **{setting: "file.jsonl"}, references=references({"file.jsonl": [line]}))
    assert "file.jsonl" in str(refused.value)


@pytest.mark.parametrize("texts", [pytest.param([], id="nothing"), pytest.param(["", None, " "], id="blank"), ["one"]])
def test_small_and_empty_sets_are_measured_as_far_as_they_go(texts, held_out):
    assert all(one.severity == "info" for one in found(texts, **held_out))
    assert all(one.severity == "info" for one in found(texts, seeds=["", "a seed"], **held_out) if texts)


def test_of_a_text_that_was_corrected_only_the_last_form_counts():
    """A copy is as near to the first form as to the second, and yet to one person's text only."""
    seeds, texts = prose(1, 60), prose(3, 60)
    texts[7] = edited(seeds[40], 1)

    class Corrected(Behind):
        def generations(self):
            (newest,) = super().generations()
            ids = newest["record_id"].to_pylist()
            parents = pa.array([[b"older " + one] for one in ids], pa.list_(pa.binary()))
            yield newest.set_column(4 - 1, "parents", parents)
            older = newest.set_column(0, "record_id", pa.array([b"older " + one for one in ids], pa.binary()))
            yield older.set_column(1, "text", pa.array([f"{text} typo" for text in newest["text"].to_pylist()]))

    found_now = SeedLeakageGuard().inspect(rows(texts), references=None, ancestors=Corrected(seeds, 60))
    assert found_now == found(texts, seeds=seeds)
    assert len([one for one in found_now if one.record_id]) == 1


def test_the_order_of_the_records_changes_nothing(held_out):
    seeds = prose(1, 12)
    texts = [edited(text, 3) for text in seeds] + prose(3, 12)
    table, behind = rows(texts), Behind(seeds, 24)

    def said(one):
        guard = SeedLeakageGuard(held_out="held_out")
        return sorted(map(repr, guard.inspect(one, references=held_out["references"], ancestors=behind)))

    assert said(table) == said(table.take(pa.array(range(23, -1, -1))))
    assert json.dumps(said(table))
