"""Completions are written, judged in any order and paired so that the better one is the chosen one."""

import asyncio
from collections import Counter
from math import sqrt
from statistics import mean

import pytest

from synth_dagster.methods.synthesize.ultrafeedback import Ultrafeedback
from synth_dagster.parts.asking.preferring import draw
from synth_dagster.parts.asking.principles import ASPECTS, COMPLETIONS, PRINCIPLES, SHARES
from synth_dagster.parts.streams import stream
from synth_dagster.records import Instruction, Message, Span, digest
from synth_dagster.services import Drop, Sampling, Unusable
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.worlds import GoldWorld

MODELS = GoldWorld.levels
SEEDS = GoldWorld.instructions(60)


def pool(world=None, **more):
    return ScriptedTeacher(world or GoldWorld(), **{"models": MODELS} | more)


def preferred(method, seeds, writer=None, judge=None, in_flight=64):
    async def run():
        turns = asyncio.Semaphore(in_flight)
        services = {"writer": writer or pool(), "judge": judge or ScriptedTeacher(GoldWorld())}

        async def one(seed):
            async with turns:
                return await method.synthesize(seed, **services)

        return await asyncio.gather(*map(one, seeds), return_exceptions=True)

    return asyncio.run(run())


class _Marks:
    """Completions and a judge with given marks for each model: ratings, and an overall score from a critique."""

    def __init__(self, overall=None, again=None, **ratings):
        self.ratings, self.overall, self.again = ratings, overall or {}, again

    def answer(self, request):
        if request.task == "completion":
            return f"An answer by {request.model}."
        if request.task == "rate":
            return {"ratings": [{"rating": self._of(text), "rationale": "So it is."} for text in request.tags("text")]}
        if request.task == "score":
            return {"overall_score": self.again}
        return {"critique": "Fine.", "overall_score": self.overall.get(self._author(request.tag("text")), 5)}

    def _of(self, text):
        return self.ratings[self._author(text)]

    @staticmethod
    def _author(text):
        return text.removesuffix(".").rpartition(" ")[2]


def by_marks(method, **marks):
    world = _Marks(**marks)
    models = tuple(name for name in marks if name not in ("overall", "again"))
    return preferred(method, SEEDS[:1], ScriptedTeacher(world, models=models), ScriptedTeacher(world))[0]


def test_the_chosen_answer_is_the_better_one_at_four_planted_levels():
    judge = ScriptedTeacher(GoldWorld(noise=0.3))
    for method in (Ultrafeedback(shared_best="draw"), Ultrafeedback(policy="all_pairs")):
        results = preferred(method, SEEDS, judge=judge)
        pairs = [pair for result in results if not isinstance(result, Drop) for pair in result]
        level = {model: place for place, model in enumerate(MODELS)}  # 0 is the whole gold answer
        right = [level[p.attributes["chosen_model"]] < level[p.attributes["rejected_model"]] for p in pairs]
        assert len(pairs) >= 50
        assert mean(right) >= 0.9


def test_ratings_land_on_their_completion_whatever_the_order_shown():
    judge = ScriptedTeacher(GoldWorld())
    results = preferred(Ultrafeedback(policy="all_pairs"), SEEDS, judge=judge)
    orders = Counter()
    for request in judge.requests:
        if request.task == "rate":
            gold = GoldWorld.gold(request.tag("instruction"))
            orders[tuple(sum(fact in text for fact in gold) for text in request.tags("text"))] += 1
    assert len(orders) == 24  # all orders of four occur among 240 shuffles
    for record in (record for result in results for record in result):
        # level 0 keeps four properties: rating 5; level 3 keeps one: rating 2
        expected = [5 - MODELS.index(model) for model in record.attributes["models"]]
        assert all(record.attributes["ratings"][aspect] == expected for aspect in ASPECTS)
        assert record.attributes["mean_ratings"] == expected
    assert all(len(result) == 6 for result in results)


def test_a_record_holds_prompt_pair_scores_reasons_and_who_wrote_what():
    writer = pool()
    (record,) = preferred(Ultrafeedback(rejected="worst"), SEEDS[:1], writer)[0]
    assert record.prompt == SEEDS[0].messages[:1]
    assert (record.chosen_score, record.rejected_score) == (5.0, 2.0)
    assert record.chosen[0].content == " ".join(GoldWorld.gold(SEEDS[0].instruction))
    assert "helpfulness: 5 against 2. Chosen: 4 of 4 properties are right." in record.rationale
    assert record.parents == (SEEDS[0],)
    assert record.attributes["chosen_model"], record.attributes["rejected_model"] == ("gold", "tin")
    assert record.model_id == "gold-2026"
    chosen_call = next(request for request in writer.requests if request.model == "gold")
    assert record.call_id == chosen_call.key
    assert record.prompt_hash in {prompt.hash for name in PRINCIPLES for prompt in COMPLETIONS[name]}
    assert not any(record.chosen[0].content in str(value) for value in record.attributes.values())


@pytest.mark.parametrize("shares", [SHARES["ultrachat"], SHARES["flan"]], ids=["ultrachat", "flan"])
def test_principles_are_drawn_by_their_shares(shares):
    errors = []
    for seed in range(6):
        draws = Counter(draw(shares, stream(seed, digest(number), "completions")) for number in range(5_000))
        assert set(draws) == set(shares)
        # in standard errors of a share over 5,000 draws
        errors += [
            abs(draws[name] / 5_000 - share) / sqrt(share * (1 - share) / 5_000) for name, share in shares.items()
        ]
    # two hold for 95 % of the draws: of these 18 or 24 shares, three are out with probability below 0.12
    assert sum(error > 2 for error in errors) <= 2
    assert max(errors) < 4


def test_the_table_is_looked_up_by_source_then_by_method_then_by_default():
    always = {name: {name: 1.0} for name in PRINCIPLES}
    table = {"default": always["honesty"], "web": always["helpfulness"], "evol_instruct": always["truthfulness"]}
    method = Ultrafeedback(principles=table)
    for source, made_by, principle in [
        ("web", "evol_instruct", "helpfulness"),
        ("book", "evol_instruct", "truthfulness"),
        ("book", "grounded_qa", "honesty"),
    ]:
        seed = Instruction.single(SEEDS[0].instruction, "", source=source, method=made_by)
        (record,) = preferred(method, [seed])[0]
        assert record.attributes["principles"] == [principle] * 4


def test_fewer_models_than_completions_take_turns_with_their_own_samples():
    writer = ScriptedTeacher(_Marks(solo=3), models=("solo",))
    drop = preferred(Ultrafeedback(), SEEDS[:1], writer, ScriptedTeacher(_Marks(solo=3)))[0]
    assert [request.sample for request in writer.requests] == [0, 1, 2, 3]
    # one text four times is one completion: nothing to compare
    assert drop == Drop("too_few_completions", "repeated, repeated, repeated")


@pytest.mark.parametrize(
    ("overall", "rating", "score"),
    [
        pytest.param(10, 1, 1, id="belied"),
        pytest.param(10, 3, 7, id="doubted, asked again"),
        pytest.param(10, 5, 10, id="deserved"),
        pytest.param(9, 1, 9, id="no ten"),
    ],
)
def test_a_ten_that_the_ratings_do_not_carry_is_repaired(overall, rating, score):
    other = 4 if rating != 4 else 3
    (record,) = by_marks(Ultrafeedback(), a=rating, b=other, overall={"a": overall}, again=7)
    scores = dict(zip(record.attributes["models"], record.attributes["overall_scores"], strict=True))
    assert scores["a"] == score


@pytest.mark.parametrize(
    ("settings", "marks", "outcome"),
    [
        pytest.param({}, {"a": 4, "b": 4, "c": 2}, "tie", id="shared best"),
        pytest.param({"shared_best": "draw"}, {"a": 3, "b": 3}, "tie", id="nothing worse"),
        pytest.param({}, {"a": 5, "b": None}, "unrated", id="not applicable is no score"),
        pytest.param({}, {"a": 5, "b": 2}, ("a", "b"), id="mean of aspects"),
        pytest.param({"policy": "overall"}, {"a": 5, "b": 2, "overall": {"a": 3, "b": 8}}, ("b", "a"), id="overall"),
        pytest.param({"policy": "all_pairs"}, {"a": 3, "b": 3}, "tie", id="all the same"),
    ],
)
def test_policies(settings, marks, outcome):
    result = by_marks(Ultrafeedback(**settings), **marks)
    if isinstance(result, Drop):
        assert result.reason == outcome
    else:
        assert [(one.attributes["chosen_model"], one.attributes["rejected_model"]) for one in result] == [outcome]


@pytest.mark.parametrize(
    ("fault", "reason"), [("refusal", "refused"), ("truncation", "cut")], ids=["refused", "cut at the limit"]
)
def test_an_unusable_completion_is_left_out_and_named(fault, reason):
    writer = pool(faults={"completion": {fault: 0.25}})
    results = preferred(Ultrafeedback(policy="all_pairs"), SEEDS, writer)
    made = [result for result in results if not isinstance(result, Drop)]
    assert Counter(len(result[0].attributes["left_out"]) for result in made)[1] > 10
    for record in (record for result in made for record in result):
        assert set(record.attributes["left_out"]) <= {reason}
        assert len(record.attributes["models"]) + len(record.attributes["left_out"]) == 4
        assert record.call_id not in writer.planted


def test_too_few_usable_completions_are_a_drop_that_says_why():
    drop = preferred(Ultrafeedback(), SEEDS[:1], pool(faults={"completion": {"refusal": 1.0}}))[0]
    assert drop == Drop("too_few_completions", "refused, refused, refused, refused")


def test_a_rating_that_cannot_be_read_is_asked_for_again_with_another_sample():
    judge = ScriptedTeacher(GoldWorld(), faults={"rate": {"broken_json": 0.5}})
    results = preferred(Ultrafeedback(judge_tries=10), SEEDS, judge=judge)
    assert not any(isinstance(result, Unusable) for result in results)  # 0.5 ** 10 for each of 240 calls
    assert max(request.sample for request in judge.requests) >= 3
    junk = ScriptedTeacher(GoldWorld(), faults={"rate": {"broken_json": 1.0}})
    assert preferred(Ultrafeedback(judge_tries=3), SEEDS[:1], judge=junk)[0].reason == "unparsable"
    assert junk.asked["rate"] == 3 * 4  # three tries for each aspect, then the record is a reject


def test_ratings_for_another_number_of_texts_are_not_believed():
    class Short(GoldWorld):
        def answer(self, request):
            answer = super().answer(request)
            return {"ratings": answer["ratings"][1:]} if request.task == "rate" else answer

    result = preferred(Ultrafeedback(judge_tries=2), SEEDS[:1], judge=ScriptedTeacher(Short()))[0]
    assert isinstance(result, Unusable)
    assert result.reason == "does_not_fit"
    assert result.call


def test_a_lost_critique_costs_only_its_score():
    judge = ScriptedTeacher(GoldWorld(), faults={"critique": {"broken_json": 1.0}})
    (record,) = preferred(Ultrafeedback(), SEEDS[:1], judge=judge)[0]
    assert record.attributes["overall_scores"] == [None] * 4
    assert preferred(Ultrafeedback(policy="overall"), SEEDS[:1], judge=judge)[0].reason == "unrated"


def test_without_critiques_only_the_aspects_are_asked():
    judge = ScriptedTeacher(GoldWorld())
    preferred(Ultrafeedback(critiques=False), SEEDS[:1], judge=judge)
    assert judge.asked == {"rate": 4}


def test_calls_use_the_sampling_of_the_card():
    writer, judge = pool(), ScriptedTeacher(GoldWorld())
    preferred(Ultrafeedback(), SEEDS[:3], writer, judge)
    assert set(writer.samplings) == {Sampling(temperature=1.0, top_p=1.0, max_tokens=1_024)}
    assert set(judge.samplings) == {Sampling(temperature=0.0, top_p=0.6, max_tokens=500)}
    assert {request.model for request in writer.requests} == set(MODELS)


@pytest.mark.parametrize(
    ("reference", "seen_by"),
    [
        pytest.param("all", {"completion", "rate", "critique"}, id="all"),
        pytest.param("truthfulness", {"rate"}, id="the judge of truthfulness"),
        pytest.param("none", set(), id="none"),
    ],
)
def test_who_sees_the_evidence(reference, seen_by):
    evidence = (Span(b"doc", 0, 9, "The truth"),)
    seed = Instruction.single(SEEDS[0].instruction, "", evidence=evidence, record_id=b"seed")
    writer, judge = pool(), ScriptedTeacher(GoldWorld())
    preferred(Ultrafeedback(reference=reference), [seed], writer, judge)
    shown = [request for request in (*writer.requests, *judge.requests) if request.tag("reference") == "The truth"]
    assert {request.task for request in shown} == seen_by
    if reference == "truthfulness":
        assert {request.tag("aspect") for request in shown} == {"truthfulness"}


def test_a_conversation_is_shown_whole_and_answered_at_its_last_user_turn():
    turns = (Message("user", "Hello."), Message("assistant", "Hi."), Message("user", SEEDS[0].instruction))
    writer = pool()
    (record,) = preferred(Ultrafeedback(), [Instruction(messages=(*turns, Message("assistant", "x")))], writer)[0]
    assert record.prompt == turns
    assert writer.requests[0].tag("instruction").startswith("user: Hello.\n\nassistant: Hi.\n\nuser: What are")


def test_a_blank_instruction_costs_no_call():
    writer = pool()
    assert preferred(Ultrafeedback(), [Instruction.single(" ", "x"), Instruction()], writer) == [
        Drop("blank_instruction"),
        Drop("blank_instruction"),
    ]
    assert writer.requests == []


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"policy": "overall", "critiques": False}, "set critiques to true", id="no overall scores"),
        pytest.param({"principles": {"default": {"kindness": 1}}}, "no principle by 'kindness'", id="unknown name"),
        pytest.param({"principles": {"default": {"honesty": 0.9}}}, "sum to 0.9", id="shares do not sum to 1"),
        pytest.param({"principles": {"web": {"honesty": 1}}}, "'default' has shares that sum to 0", id="no default"),
        pytest.param({"completions": 1}, "greater than or equal to 2", id="one completion"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Ultrafeedback(**settings)


def test_one_and_sixty_four_in_flight_give_the_same_records():
    faults = {"completion": {"refusal": 0.2}}
    judging = {"rate": {"broken_json": 0.2}, "critique": {"truncation": 0.2}}

    def run(in_flight):
        judge = ScriptedTeacher(GoldWorld(noise=0.2), faults=judging, jitter=9)
        return preferred(Ultrafeedback(), SEEDS, pool(faults=faults, jitter=9), judge, in_flight)

    assert run(1) == run(64)
