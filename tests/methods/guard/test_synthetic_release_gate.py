"""Of releases that each break one limit, exactly that check fails."""

from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random

import pyarrow as pa
import pytest
from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.methods.filter.decontaminate import Decontaminate
from synth_dagster.methods.guard.synthetic_release_gate import SyntheticReleaseGate, divergence
from synth_dagster.scale.signals import compute_signals, judge
from tests.methods.filter.retold_problems import pairs


def rows(*records, ids=None):
    """Records as (depth, human share, model, text)."""
    depths, shares, models, texts = zip(*records, strict=True) if records else ((), (), (), ())
    ids = ids or [bytes([n]) * 16 for n in range(len(records))]
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "synthetic_depth": pa.array(depths, pa.int32()),
            "human_share": pa.array(shares, pa.float64()),
            "model_id": pa.array(models, pa.string()),
            "text": pa.array(texts, pa.string()),
            "lang": pa.array(["en"] * len(records), pa.string()),
            "source": pa.array(["a"] * len(records), pa.string()),
        }
    )


@dataclass
class Behind:
    """What was delivered, and seeds: text, depth, and the numbers of the records made from it."""

    seeds: list = field(default_factory=list)
    langs: list = field(default_factory=list)

    def generations(self):
        texts, depths, heirs = zip(*self.seeds, strict=True) if self.seeds else ((), (), ())
        ids = pa.array([[bytes([n]) * 16 for n in each] for each in heirs], pa.list_(pa.binary()))
        columns = {"record_id": pa.array([b"seed %d" % n for n in range(len(texts))], pa.binary()), "heirs": ids}
        columns |= {"text": pa.array(texts, pa.string()), "synthetic_depth": pa.array(depths, pa.int32())}
        yield pa.table(columns)

    def delivered(self):
        return pa.table({"lang": pa.array(self.langs, pa.string()), "source": pa.array(self.langs, pa.string())})


HUMAN, MADE = (0, 1.0, None, "a" * 300), (1, 0.0, "m", "b" * 700)
DEEP, NAMELESS = (3, 0.0, "m", "b" * 700), (1, 0.0, None, "b" * 700)


def found(guard, table, *, references=None, behind=None):
    return guard.inspect(table, references=references, ancestors=behind or Behind())


def failed(guard, table, **services):
    return [one.check for one in found(guard, table, **services) if one.severity == "critical"]


@pytest.mark.parametrize(
    ("records", "checks"),
    [
        pytest.param([HUMAN, MADE], [], id="within all limits"),
        pytest.param([HUMAN, DEEP], ["depth"], id="too deep"),
        # 3 of 4 records are synthetic: 0.75; of 900 + 210 characters people wrote 300
        pytest.param([HUMAN, *[(1, 0.0, "m", "b" * 70)] * 3], ["synthetic_share"], id="too many"),
        # of 300 + 2,800 characters people wrote 300: 0.097
        pytest.param([HUMAN, (1, 0.0, "m", "b" * 2_800)], ["real_share"], id="too little of people"),
        pytest.param([HUMAN, NAMELESS], ["generator_named"], id="nobody says what wrote it"),
    ],
)
def test_exactly_the_broken_limit_is_named(records, checks):
    guard = SyntheticReleaseGate(max_depth=2, max_synthetic_share=0.5, min_real_share=0.1)
    assert failed(guard, rows(*records)) == checks


@pytest.mark.parametrize(
    ("least", "checks"), [pytest.param(0.5, [], id="half"), pytest.param(0.51, ["grounded_claims"], id="more")]
)
def test_half_of_the_claims_are_grounded(least, checks):
    # of two claims one stands in the seed; what a model wrote supports nothing, and a person's record claims nothing
    made = (1, 0.0, "m", "The mill grinds wheat. Dragons sleep nearby.")
    behind = Behind([("A mill that grinds wheat", 0, [0]), ("dragons sleep nearby", 1, [0])])
    gate = SyntheticReleaseGate(min_grounded=least)
    assert failed(gate, rows(made, HUMAN), behind=behind) == checks
    (told,) = [one for one in found(gate, rows(made, HUMAN), behind=behind) if one.check == "grounded_claims"]
    assert told.score == 0.5


def test_records_with_no_persons_text_behind_them_are_not_measured():
    assert failed(SyntheticReleaseGate(), rows(MADE)) == []


@pytest.mark.parametrize(
    ("langs", "checks"),
    [
        pytest.param(["en"] * 3, [], id="the same"),
        # shares (1, 0) and (3/4, 1/4): (log2(8/7) + 3/4 log2(6/7) + 1/4 log2(2)) / 2 = 0.138
        pytest.param(["en"] * 3 + ["de"], ["drift"], id="a quarter is gone"),
        pytest.param(["en", "und"], [], id="not known"),
    ],
)
def test_a_language_that_was_delivered_and_not_released_is_drift(langs, checks):
    assert failed(SyntheticReleaseGate(), rows(HUMAN), behind=Behind(langs=langs)) == checks


def test_divergence_by_hand():
    assert divergence({"a": 1.0}, {"a": 0.75, "b": 0.25}) == pytest.approx(0.13792, abs=1e-5)
    assert divergence({"a": 1.0}, {"b": 1.0}) == 1 and divergence({"a": 1.0}, {"a": 1.0}) == 0


@pytest.mark.parametrize(
    ("agreed", "kappa", "checks"),
    [
        pytest.param(17, 0.7, [], id="17 of 20"),  # 2 * 0.85 - 1
        pytest.param(16, 0.6, ["judge_agreement"], id="16 of 20"),
        pytest.param(0, -1.0, ["judge_agreement"], id="none"),
    ],
)
def test_the_judge_agrees_with_people(agreed, kappa, checks, references):
    table = rows(*[HUMAN] * 20).append_column("chosen_score", pa.array([0.5] * 20))
    said = [
        {"record_id": (bytes([n]) * 16).hex(), "preferred": "chosen" if n < agreed else "rejected"} for n in range(20)
    ]
    gate = SyntheticReleaseGate(human_preferences="people.jsonl")
    given = references({"people.jsonl": said})
    assert failed(gate, table, references=given) == checks
    assert {one.kind: one.score for one in found(gate, table, references=given) if one.check == "judge_agreement"} == {
        "model_judged_share": 1.0,
        "kappa": pytest.approx(kappa),
    }


def test_people_who_judged_none_of_the_records_do_not_agree(references):
    table = rows(HUMAN).append_column("chosen_score", pa.array([0.5]))
    gate = SyntheticReleaseGate(human_preferences="people.jsonl")
    assert failed(gate, table, references=references({"people.jsonl": [{"record_id": "ab"}]})) == ["judge_agreement"]


def test_a_rephrased_benchmark_passes_the_test_of_words_and_fails_this_one(references):
    items, retold = zip(*pairs(), strict=True)
    given = {"references": references({"benchmarks": list(items)})}
    flat = pa.table({"record_id": [bytes(16)], "text": [retold[1]], "title": [None], "url": [None]})
    by_words = compute_signals(Decontaminate(against="benchmarks"), flat, services=given | {"ancestors": Behind()})
    assert judge(Decontaminate(against="benchmarks"), by_words)["reason"].to_pylist() == [None]
    gate = SyntheticReleaseGate(benchmarks="benchmarks")
    assert failed(gate, rows((0, 1.0, None, retold[1]), HUMAN), **given) == ["rephrased_benchmarks"]


def test_what_was_measured_is_told_also_where_it_passes():
    told = {one.check: one.score for one in found(SyntheticReleaseGate(), rows(HUMAN, MADE))}
    assert told == {"depth": 1.0, "synthetic_share": 0.5, "real_share": pytest.approx(0.3)}  # 300 of 1,000 characters


# ---------------------------------------------------------------------- one gate, ten releases that break a limit each

SEED = "the mill grinds wheat and the weir holds the river"
LIMITS = {
    "depth": {"synthetic_depth": 3},
    "synthetic_share": {"human": 8},
    "real_share": {"human_share": 0.0},
    "generator_named": {"model_id": None},
    "grounded_claims": {"response": "Dragons sleep nearby. Giants walk at night."},
    "named_people": {"says": "Maria Thorne poisoned everybody."},
    "drift": {"lang": "de"},
    "judge_agreement": {"agreed": 10},
    "rephrased_benchmarks": {"rephrases": True},
    "growth": {"text": "the mill by the weir grinds oats for the whole village"},
}


def said(*numbers):
    """A text that no other numbers give, of twenty words."""
    draw = Random(repr(numbers))
    return " ".join("".join(draw.choices("abcdefghij", k=5)) for _ in range(20))


def release(references, **broken):
    """Forty records, of which so many are human, and what people and benchmarks say; all within the limits, but one."""
    items, retold = zip(*pairs(), strict=True)
    human, agreed = broken.pop("human", 20), broken.pop("agreed", 20)
    one = {"synthetic_depth": 1, "model_id": "m", "human_share": 0.2, "lang": "en", "source": "a", "chosen_score": 0.5}
    one |= {"instruction": "What of it?", "response": "The mill grinds wheat. The weir holds the river."}
    records = [dict(one, text=said(n), record_id=bytes([n]) * 16) for n in range(40)]
    if text := broken.pop("text", ""):
        records = [dict(record, text=text) for record in records]
    for record in records[:human]:
        record.update(synthetic_depth=0, model_id=None, human_share=1.0)
    if broken.pop("rephrases", False):
        broken["instruction"] = retold[1]
    if "human_share" in broken:  # of what models wrote and of what people wrote, for all are of one length
        records = [dict(record, human_share=0.0) for record in records]
    if says := broken.pop("says", ""):  # of one record among twenty: of forty-one claims forty are grounded
        records[human]["response"] += f" {says}"
    for record in records[human : human + (20 if "lang" in broken or "response" in broken else 1)]:
        record.update(broken)
    people = [
        {"record_id": (bytes([n]) * 16).hex(), "preferred": "chosen" if n < agreed else "rejected"} for n in range(20)
    ]
    given = references({"people.jsonl": people, "benchmarks": list(items)})
    behind = Behind([(SEED, 0, list(range(40)))], ["en"] * 40)
    return {"table": pa.Table.from_pylist(records), "references": given, "behind": behind}


@pytest.fixture(autouse=True)
def a_recogniser_of_names(monkeypatch):
    def people(texts):
        return [[("person", text.index("Maria"), text.index("Maria") + 5)] if "Maria" in text else [] for text in texts]

    known = {"people": people, "places": lambda texts: [[("place", 0, 1)] for _ in texts]}
    for asked in ("parts.privacy.recognisers", "methods.guard.synthetic_release_gate"):
        monkeypatch.setattr(f"synth_dagster.{asked}.recogniser", known.__getitem__)


GATE = {
    "max_depth": 2,
    "max_synthetic_share": 0.75,
    "min_real_share": 0.1,
    "human_preferences": "people.jsonl",
    "benchmarks": "benchmarks",
    "recognisers": ["places", "people"],
}


def test_a_release_within_all_ten_limits_passes(references):
    gate = SyntheticReleaseGate(**GATE)
    assert failed(gate, **release(references)) == []
    assert {one.check for one in found(gate, **release(references))} >= LIMITS.keys() - {
        "generator_named",
        "named_people",
        "rephrased_benchmarks",
    }


@pytest.mark.parametrize("limit", LIMITS)
def test_of_ten_releases_that_each_break_one_limit_exactly_that_check_fails(limit, references):
    told = found(SyntheticReleaseGate(**GATE), **release(references, **LIMITS[limit]))
    assert {one.check for one in told if one.severity != "info"} == {limit}
    assert limit == "growth" or limit in failed(SyntheticReleaseGate(**GATE), **release(references, **LIMITS[limit]))


# --------------------------------------------------------------------------------------------- a curve over three sizes


def grown(texts, gate=None, **columns):
    """What is told of growth, of records whose ids are hashes."""
    ids = [blake2b(b"%d" % n, digest_size=16).digest() for n in range(len(texts))]
    table = rows(*[(1, 0.0, "m", text) for text in texts], ids=ids)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return {one.kind: one for one in found(gate or SyntheticReleaseGate(), table) if one.check == "growth"}


def one_word_other(text, *numbers):
    """The text with one of its twenty words changed: of its 16 runs of five at most 5 are new."""
    spoken = text.split()
    spoken[Random(repr(numbers)).randrange(20)] = "otherwise"
    return " ".join(spoken)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [60, 480])
@pytest.mark.parametrize(
    ("times", "severity"),
    [
        pytest.param(1, "info", id="varied"),
        # of records that stand twice, the first half by id has three quarters: of the second half a quarter is new
        pytest.param(2, "warning", id="each said twice"),
        pytest.param(6, "warning", id="each said six times"),
    ],
)
def test_a_release_inflated_by_near_copies_is_warned_of_and_a_varied_one_is_not(seed, count, times, severity):
    originals = [said(seed, n) for n in range(count // times)]
    texts = [one_word_other(text, seed, n) if n else text for text in originals for n in range(times)]
    told = grown(texts)
    assert told["whole_new"].severity == severity
    assert [told[f"{size}_records"].score for size in ("quarter", "half", "whole")] == [count // 4, count // 2, count]
    if times == 1:
        assert told["whole_new"].score == 1 and told["whole_different_runs"].score == 1
    else:
        assert told["whole_new"].score == pytest.approx({2: 0.25, 6: 0.02}[times], abs=0.12)
        assert told["quarter_new"].score > told["whole_new"].score
        assert told["quarter_different_runs"].score > told["whole_different_runs"].score


def test_nothing_is_told_of_few_records_and_the_setting_is_the_limit():
    copies = ["the mill by the weir grinds oats for the village"] * 20
    assert grown(copies[:19]) == {}
    assert grown(copies)["whole_new"].severity == "warning" and grown(copies)["whole_new"].score == 0
    assert grown(copies, SyntheticReleaseGate(min_new_share=0))["whole_new"].severity == "info"
    assert grown(["of"] * 20)["whole_new"].score == 0 and grown([""] * 20)["whole_new"].score == 0


def test_the_curve_is_the_same_in_whatever_order_the_records_come():
    texts = [said(n % 30) for n in range(40)]
    table = rows(*[(1, 0.0, "m", text) for text in texts])
    turned = table.take(pa.array(Random(0).sample(range(40), 40)))
    one, other = (found(SyntheticReleaseGate(), each) for each in (table, turned))
    assert [each for each in one if each.check == "growth"] == [each for each in other if each.check == "growth"]


def test_quality_is_the_score_of_a_judge_or_the_number_that_is_named():
    texts = [said(n) for n in range(20)]
    assert "whole_quality" not in grown(texts)
    told = grown(texts, chosen_score=[0.5] * 19 + [None])
    assert [told[f"{size}_quality"].score for size in ("quarter", "half", "whole")] == [0.5] * 3
    noted = ['{"rating": 4}', '{"rating": 2}'] * 10
    told = grown(texts, SyntheticReleaseGate(quality="rating"), attributes=noted)
    assert told["whole_quality"].score == 3
    with pytest.raises(MethodError, match="no record has a number 'stars'"):
        grown(texts, SyntheticReleaseGate(quality="stars"), attributes=noted)


def test_grounded_claims_are_told_of_each_size():
    # by id the first five of twenty records say what stands behind them, and the others do not
    texts = ["The mill grinds wheat."] * 5 + ["Dragons sleep nearby."] * 15
    behind = Behind([(SEED, 0, list(range(20)))])
    told = found(SyntheticReleaseGate(), rows(*[(1, 0.0, "m", text) for text in texts]), behind=behind)
    shares = {one.kind: one.score for one in told if one.kind.endswith("_grounded")}
    assert shares == {"quarter_grounded": 1.0, "half_grounded": 0.5, "whole_grounded": 0.25}


def test_nothing_is_within_all_limits():
    assert found(SyntheticReleaseGate(max_synthetic_share=0), rows()) == []


@pytest.mark.parametrize(
    ("said", "behind", "names"),
    [
        pytest.param("Maria kept the mill. It rained.", "Maria kept the mill for years", 0, id="what a person wrote"),
        pytest.param("Maria burned down barns. It rained.", "Maria kept the mill for years", 1, id="something else"),
        pytest.param("Maria kept the mill.", None, 1, id="nothing behind it"),
        pytest.param("Somebody burned down barns.", "Maria kept the mill for years", 0, id="nobody by name"),
        pytest.param("Oh Maria.", None, 1, id="only a name"),
        pytest.param("O Ma.", None, 0, id="no words"),
    ],
)
def test_what_is_said_of_people_by_name_stands_behind_it(said, behind, names):
    gate = SyntheticReleaseGate(recognisers=["people"], min_grounded=0)
    made = rows((1, 0.0, "m", said), (0, 1.0, None, "Maria burned down barns."))  # a person may say so
    seeds = Behind([] if behind is None else [(behind, 0, [0])])
    assert [one.record_id for one in found(gate, made, behind=seeds) if one.check == "named_people"] == [
        bytes(16)
    ] * names
    assert "named_people" not in failed(SyntheticReleaseGate(), made, behind=seeds)  # without a recogniser


def test_a_recogniser_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(ValidationError, match="No recogniser is called 'gliner'"):
        SyntheticReleaseGate(recognisers=["gliner"])
