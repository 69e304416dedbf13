"""Methods over real texts of many languages, real problems and real answers of models, where that data is there."""

import json
from functools import cache
from pathlib import Path

import pytest

from synth_dagster.methods.augment.metamath import Metamath
from synth_dagster.parts.mathematics.answers import final_answer, same_answer
from synth_dagster.records import Document, Instruction, Message, Preference, digest
from synth_dagster.services import Answer, Call
from tests.methods.test_every_method import ALL, FEWER, ROW, Late, at_once, chained, made

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
SOLVERS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def lines(name):
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def stamped(record, place):
    return {
        "record_id": digest(record, place),
        "content_hash": digest(record, place, "c"),
        "stage": "above",
        "batch": "b",
    }


@cache
def documents():
    """The declaration of human rights in 58 languages, its beginning; one whole speech, and one line of each of six."""
    rights = [path.read_text(encoding="utf-8").strip()[:700] for path in sorted((DATA / "udhr").glob("*.txt"))]
    speeches = [
        path.read_text(encoding="utf-8", errors="replace") for path in sorted((DATA / "inaugural").glob("*.txt"))
    ]
    texts = [*rights, speeches[3], *(speech.strip().splitlines()[0] for speech in speeches[-6:])]
    return [Document(body=text, source="real", **stamped("document", n)) for n, text in enumerate(texts)]


@cache
def instructions():
    """Word problems with calculator marks, and tasks that people wrote, with code, tables and poems among them."""
    solved = [(one["question"], one["answer"]) for one in lines("gsm8k/train.jsonl")[:30]]
    tasks = [
        (one["instruction"], one["instances"][0]["output"]) for one in lines("self_instruct/seed_tasks.jsonl")[:60]
    ]
    return [Instruction.single(q, a, source="real", **stamped("task", n)) for n, (q, a) in enumerate(solved + tasks)]


@cache
def preferences():
    """Answers of two models to the same prompt, long lists and refusals among them."""
    rows = lines("alpaca_eval/model_outputs.jsonl")
    first, last = rows[:40], {row["instruction"]: row["output"] for row in rows}
    return [
        Preference(
            prompt=(Message("user", row["instruction"]),),
            chosen=(Message("assistant", row["output"]),),
            rejected=(Message("assistant", last[row["instruction"]]),),
            source="real",
            **stamped("pair", n),
        )
        for n, row in enumerate(first)
    ]


REAL = {Document: documents, Instruction: instructions, Preference: preferences}


@pytest.mark.parametrize("slug", ROW)
def test_real_records_get_a_verdict_each_and_no_method_fails(slug, monkeypatch):
    inputs = [record for view in ALL[slug].consumes()[:1] for record in REAL[view]()[: FEWER.get(slug)]]
    chain, _ = chained(made(slug), inputs, in_flight=16, monkeypatch=monkeypatch)
    assert {reject.detail for _, reject in chain.rejects if reject.reason == "method_failed"} == set()
    behind = {parent.record_id for record in chain.made for parent in record.parents}
    decided = behind | {reject.record_id for _, reject in chain.rejects}
    assert ALL[slug].verb() == "round" or {record.record_id for record in inputs} <= decided


def test_every_one_of_7473_worked_solutions_names_its_answer():
    solutions = [one["answer"] for one in lines("gsm8k/train.jsonl")]
    assert len(solutions) == 7473
    wrong = [text for text in solutions if not same_answer(final_answer(text), text.rsplit("####", 1)[1].strip())]
    assert wrong == []


class Solvers(Late):
    """Four real models that answer the problems that they once answered, right or wrong."""

    def __init__(self, problems):
        super().__init__(seed=0)
        self.problems = {one["question"].strip(): one for one in problems}

    async def tell(self, prompt, /, *, sample=0, problem, **given):
        question = problem.partition("<problem>")[2].partition("</problem>")[0].strip()
        text = self.problems[question][SOLVERS[sample]]["solution"]
        call = Call(digest(question, sample), "solvers", prompt.hash)
        return await self._later(at_once(Answer(text, "stop", call)), prompt)


def test_real_wrong_solutions_of_real_problems_are_told_from_the_right_ones(monkeypatch):
    """2,800 solutions that the data marks: MetaMath keeps those that are right, but where a solution was cut off."""
    problems = lines("gsm8k/model_solutions.jsonl")
    golds = [one["ground_truth"].replace("\nA: ", "\n#### ") for one in problems]
    records = [
        Instruction.single(one["question"], gold, source="real", **stamped("gold", n))
        for n, (one, gold) in enumerate(zip(problems, golds, strict=True))
    ]
    method = Metamath(branches=("ansaug",), samples=4)
    chain, _ = chained(method, records, in_flight=16, monkeypatch=monkeypatch, teacher=Solvers(problems))
    kept = {
        (record.instruction, record.response)
        for record in chain.made
        if record.method == "metamath" and record.status == "current"
    }
    marked = {
        (one["question"], one[solver]["solution"].strip()): one[solver]["is_correct"]
        for one in problems
        for solver in SOLVERS
    }
    wrongly_kept = [key for key in kept if not marked[key]]
    wrongly_dropped = [key for key, right in marked.items() if right and key not in kept]
    assert wrongly_kept == []
    assert wrongly_dropped == []
