"""UltraIF beside its released code: which answer and pair it took of the same judgements, and what it composed."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from synth_dagster.catalog import methods
from synth_dagster.methods.synthesize.ultraif import Composed, Decomposed, Part, Questioned, Ultraif
from synth_dagster.methods.synthesize.ultraif_pairs import UltraifPairs
from synth_dagster.parts.asking.checked_answers import Evaluation, Verdict
from synth_dagster.records import Instruction, Message, digest
from synth_dagster.services import Answer, Call, Drop, Unusable

methods()  # which gives each its name
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "ultraif_released.json").read_text(encoding="utf-8"))
JUDGED = RELEASED["judged"]
CALL = Call(digest("call"), "given")


class Says:
    """Answers with the number of the sample, and judges that answer as it is written; None is no judgement."""

    def __init__(self, verdicts):
        self.verdicts = verdicts

    async def tell(self, made, *, sample, **_):
        return Answer(f"Answer {sample}", "stop", CALL)

    async def ask(self, made, *, response, **_):
        verdicts = self.verdicts[_number(response)]
        if verdicts is None or not {"YES", "NO"}.issuperset(verdicts):
            raise Unusable("unparsable", "I cannot say.", CALL)
        return Evaluation(verdicts=[Verdict(explanation="because", answer=one) for one in verdicts])


def _number(text):
    return int(re.findall(r"Answer (\d+)", text)[0])


def asked(questions, text="Name a river."):
    return Instruction(
        messages=(Message("user", text),), record_id=digest(text), attributes={"questions": ["Is it?"] * questions}
    )


def answered(verdicts, questions):
    """What Ultraif's last round makes of a query with so many questions."""
    about = {"questions": [], "constraints": [], "types": []}
    start = replace(asked(0, "Name it."), attributes={"triples": [], **about}, status="superseded")
    composed = replace(asked(questions), parents=(start,), status="superseded")
    composed = replace(composed, attributes={**about, **composed.attributes})
    teacher, method = Says(verdicts), Ultraif(rounds=1)
    services = dict.fromkeys(("decomposer", "composer", "writer", "judge"), teacher)
    ((made,),) = asyncio.run(method.round([start, composed], 2, **services))
    return made


def paired(verdicts, questions):
    """The numbers of the chosen and the rejected answer; None where there is no pair."""
    teacher = Says(verdicts)
    try:
        (made,) = asyncio.run(UltraifPairs().synthesize(asked(questions), writer=teacher, judge=teacher))
    except Unusable:
        return None
    return None if made.reason else [_number(made.chosen[0].content), _number(made.rejected[0].content)]


def _questions(verdicts):
    return len(next((one for one in verdicts if one), ["?"]))


@pytest.mark.parametrize("case", JUDGED, ids=range(len(JUDGED)))
def test_of_five_answers_the_same_one_is_taken_and_none_where_none_passed(case):
    made = answered(case["verdicts"], _questions(case["verdicts"]))
    if made.status == "current":
        assert _number(made.response) == case["answer"]
    else:  # its slip: the last answer is written all the same
        assert not any(one and "NO" not in one for one in case["verdicts"]) and case["answer"] == 4


@pytest.mark.parametrize("case", JUDGED, ids=range(len(JUDGED)))
def test_there_is_a_pair_where_it_made_one_of_the_last_of_each_side_where_ours_are_the_first(case):
    questions = _questions(case["verdicts"])
    assert (paired(case["verdicts"], questions) is None) == (case["pair"] is None)
    mirrored = paired(case["verdicts"][::-1], questions)  # whose first ones are the last ones
    assert mirrored == (case["pair"] and [4 - number for number in case["pair"]])


def test_both_kinds_of_judgement_came_to_all_ends():
    assert {case["pair"] is None for case in JUDGED} == {True, False}
    assert {case["answer"] for case in JUDGED} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("what", "verdicts", "passed"), RELEASED["odd"], ids=lambda what: what)
def test_an_odd_judgement_is_no_pass_though_it_was_one_there(what, verdicts, passed):
    made = answered([*verdicts, *[["NO", "NO"]] * 4], 2)
    assert made.status == "eliminated" and made.reason == "none_passed"
    assert passed == (what != "small letters")


class Decomposer:
    """Takes one constraint out of a query as it is written; no question is an answer that nobody can read."""

    def __init__(self, simplified, question):
        self.part = Part(type="content", constraint="So it is.", simplified_query=simplified)
        self.question = question

    async def ask(self, made, *, into, **_):
        if into is Decomposed:
            return Decomposed(basic_query=self.part.simplified_query, constraints=[self.part])
        if self.question is None:
            raise Unusable("unparsable", "no JSON", CALL)
        return Questioned(eval_question=self.question)


@pytest.mark.parametrize(("simplified", "query", "question", "kept"), RELEASED["triples"])
def test_a_composer_learns_from_the_same_decompositions(simplified, query, question, kept):
    services = dict.fromkeys(("decomposer", "composer", "writer", "judge"), Decomposer(simplified, question))
    ((made,),) = asyncio.run(Ultraif().round([asked(0, query)], 0, **services))
    assert [one["simplified_query"] for one in made.attributes["triples"]] == ([simplified] if kept else [])


class Composer(Says):
    """A decomposer that finds nothing, and a composer that says what is written for each query and round."""

    def __init__(self):
        super().__init__([["YES"] * 3] * 5)
        self.said = {}

    async def ask(self, made, *, into, query="", sample=0, **_):
        if into is Decomposed:
            return Decomposed(basic_query="", constraints=[])
        (first,) = [one for one in RELEASED["composed"] if one["query"].split()[2].rstrip(".") in query]
        said = first["said"][sample - 1]
        if said is None:
            raise Unusable("unparsable", "It cannot be done.", CALL)
        return Composed(query=said[0], eval_question=said[1])


def test_three_rounds_of_one_composer_give_the_same_queries_and_questions():
    pool = [asked(0, one["query"]) for one in RELEASED["composed"]]
    services = dict.fromkeys(("decomposer", "composer", "writer", "judge"), Composer())
    for number in range(4):
        made = asyncio.run(Ultraif(compose_by="model").round(pool, number, **services))
        new = [one for some in made if not isinstance(some, Drop) for one in some]
        pool += [replace(one, record_id=digest(number, one.content())) for one in new]
    latest = {}
    for one in pool[len(RELEASED["composed"]) :]:
        latest[one.attributes["initial_query"]] = (one.instruction, one.attributes["questions"])
    assert latest == {one["query"]: (one["becomes"], one["questions"]) for one in RELEASED["composed"]}
