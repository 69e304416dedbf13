"""Answer rules: each defect is found, and no good answer is, however short or odd it looks."""

import json
import math
from pathlib import Path

import pytest

from synth_dagster.methods.filter.answer_rules import AnswerRules
from synth_dagster.records import Instruction, Message, Preference

FENCE = "```"
SENTENCE = "The committee met again and decided to postpone the vote until spring. "


def pair(chosen="The sky is blue.", rejected="The sky is green.", prompt="Why?", **more):
    return Preference(
        prompt=(Message("user", prompt),),
        chosen=(Message("assistant", chosen),),
        rejected=(Message("assistant", rejected),),
        **more,
    )


def answer(text, question="What is asked here?"):
    return Instruction.single(question, text)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(answer("Yes.", ""), "no_question", id="no question"),
        pytest.param(answer("Yes.", " \n\u00a0\u200b"), "no_question", id="blank question"),
        pytest.param(Instruction(messages=(Message("assistant", "Yes."),)), "no_question", id="no user turn"),
        pytest.param(answer(""), "no_answer", id="no answer"),
        pytest.param(answer(" \t\u3000\n"), "no_answer", id="blank answer"),
        pytest.param(Instruction(messages=(Message("user", "Why?"),)), "no_answer", id="no assistant turn"),
        pytest.param(pair(chosen=" "), "no_answer", id="blank chosen answer"),
        pytest.param(pair(rejected=" "), "no_rejected_answer", id="blank rejected answer"),
        pytest.param(pair().but(rejected=()), "no_rejected_answer", id="no rejected answer"),
        pytest.param(answer("what is  asked here?\n"), "repeats_question", id="the question as answer"),
        pytest.param(pair("Same.", "Same.\n"), "same_answers", id="equal answers"),
        pytest.param(pair(chosen_score=3.0, rejected_score=3.0), "score_not_above", id="equal scores"),
        pytest.param(pair(chosen_score=2.0, rejected_score=3.0), "score_not_above", id="lower score"),
        pytest.param(
            pair(chosen_score=math.nan, rejected_score=3.0), "score_not_above:no_value", id="a score that is no number"
        ),
        pytest.param(answer("As an AI language model, I have no body."), "refusal", id="as an AI"),
        pytest.param(answer("I'm sorry, but I can't assist with that."), "refusal", id="sorry"),
        pytest.param(answer("I’m sorry, I cannot provide that."), "refusal", id="typographic apostrophe"),
        pytest.param(answer("\n**I am unable to help** with this."), "refusal", id="bold"),
        pytest.param(answer("Unfortunately, as a large language model I do not."), "refusal", id="unfortunately"),
        pytest.param(answer("Sure.<|im_end|>"), "template_tags", id="chat tag"),
        pytest.param(answer("[INST] Sure. [/INST]"), "template_tags", id="instruction tag"),
        pytest.param(answer("Sure.\n### Instruction:\nAnd now?"), "template_tags", id="heading of a template"),
        pytest.param(answer("Sure.", "#Rewritten Prompt#: How?"), "template_tags", id="label of a rewriting prompt"),
        pytest.param(answer("A caf\ufffd."), "broken_characters", id="replacement character"),
        pytest.param(pair(rejected="A caf\ufffd."), "broken_characters", id="replacement character in the rejected"),
        pytest.param(answer(f"So:\n{FENCE}python\nprint(1)\n"), "cut", id="open fence"),
        pytest.param(answer("The reason is that the compu-"), "cut", id="in the middle of a word"),
        pytest.param(answer("The reason is that the compu..."), "cut", id="trailing off"),
        pytest.param(answer("The reason is that the compu…"), "cut", id="trailing off by one character"),
        pytest.param(answer("Yes.", "x" * 20_001), "long_question", id="20,001 characters asked"),
        pytest.param(answer("x" * 20_001), "long_answer", id="20,001 characters answered"),
        # 2 of 8 lines are new: .75 stood before
        pytest.param(answer("First line here.\n" * 4 + "Other line here.\n" * 4), "repeated_lines", id="lines"),
        # 12 words again and again: of 93 runs 12 are new
        pytest.param(answer(SENTENCE * 8), "repeated_words", id="a sentence in a loop"),
    ],
)
def test_a_defect_is_found(record, reason, verdict_of):
    assert verdict_of(AnswerRules(), record) == reason


GOOD = {
    "a number": "42",
    "a word": "Yes.",
    "a letter": "B",
    "a sign": "∅",
    "mathematics": "x = (-b ± √(b² - 4ac)) / 2a",
    "latex": r"\[ \int_0^1 x^2 \, dx = \frac{1}{3} \]",
    "a number that goes on": "π ≈ 3.14159...",
    "a sequence": "1, 1, 2, 3, 5, 8, ...",
    "code": f"{FENCE}python\nfor i in range(3):\n    print(i)\n{FENCE}",
    "two blocks": f"{FENCE}sh\nls\n{FENCE}\nThen:\n{FENCE}sh\ncd ..\n{FENCE}",
    "a block on one line": f"{FENCE}Use `code` here.{FENCE}",
    "inline code": "Use `list.append`.",
    "code without a fence": "def f(x):\n    return x\n\n\ndef g(x):\n    return -x",
    "many closing braces": "if (a) {\n  if (b) {\n    if (c) {\n      x();\n    }\n  }\n}\n" * 2,
    "a matrix": "0 0 0 0\n0 0 0 0\n0 0 0 0\n0 0 0 0\n0 0 0 0\n0 0 0 0",
    "html": "<p>Old price: <s>10</s></p>",
    "a template": "Hello {{ name }}, {greeting}!",
    "markdown": "### Response times\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "Chinese": "因为散射。",
    "Arabic": "نعم، هذا صحيح.",
    "emoji": "👍",
    "sympathy": "I'm sorry for your loss. She was a kind neighbour.",
    "a story in the first person": "I cannot believe it, said the fox, and ran.",
    "advice on refusing": "You can say: I can't help you move this week.",
    "about AI": "An AI is a program. As an AI company grows, it hires.",
    "a song": "Row, row, row your boat\nGently down the stream\n" * 2,
    "steps": "1. Open it.\n2. Close it.\n3. Open it.",
    "a dash at the end": "The options are a, b and -",
    "quoted trail": 'He said "well..."',
}


@pytest.mark.parametrize("made", [answer, pair], ids=["instruction", "pair"])
def test_a_good_answer_survives(made, verdicts_of):
    reasons = verdicts_of(AnswerRules(), [made(text) for text in GOOD.values()])
    assert {name: reason for name, reason in zip(GOOD, reasons, strict=True) if reason} == {}


def test_the_rejected_answer_may_be_bad(verdicts_of):
    bad = ("As an AI, I cannot help.", "The reason is th...", SENTENCE * 8, "<|im_end|>", f"{FENCE}\nx")
    assert verdicts_of(AnswerRules(), [pair(rejected=text) for text in bad]) == [None] * 5


def test_answers_that_differ_by_indentation_differ(verdict_of):
    assert verdict_of(AnswerRules(), pair("if x:\n    y()\nz()", "if x:\n    y()\n    z()")) is None


@pytest.mark.parametrize("scores", [(None, None), (1.0, None), (None, 9.0), (2.0, 1.0)])
def test_scores_are_compared_where_both_are_given(scores, verdict_of):
    record = pair(chosen_score=scores[0], rejected_score=scores[1])
    assert verdict_of(AnswerRules(), record) is None


def test_refusals_can_be_kept(verdict_of):
    refusal = answer("I cannot help with that.")
    assert verdict_of(AnswerRules(), refusal) == "refusal"
    assert verdict_of(AnswerRules(allow_refusals=True), refusal) is None


def test_a_call_of_a_function_is_an_answer(verdict_of):
    turns = (Message("user", "What is the weather?"), Message("assistant", "", tool_calls='[{"id":"call_1"}]'))
    assert verdict_of(AnswerRules(), Instruction(messages=turns)) is None


def test_the_last_answer_of_a_dialogue_is_judged(verdict_of):
    turns = (Message("user", "a?"), Message("assistant", ""), Message("user", "b?"), Message("assistant", "B."))
    assert verdict_of(AnswerRules(), Instruction(messages=turns)) is None


@pytest.mark.parametrize(("again", "reason"), [(3, None), (4, "repeated_lines")])
def test_the_share_of_repeated_lines(again, reason, verdict_of):
    # of 10 lines 3 are new and .7 stood before; of 11 lines .727
    lines = ["One line of it.", "Two lines of it.", "Three lines of it."]
    text = "\n".join(lines + ["One line of it."] * (4 + again))
    assert verdict_of(AnswerRules(), answer(text)) == reason


def test_thresholds_move_no_signal():
    assert AnswerRules(max_answer_characters=5).signals_fingerprint() == AnswerRules().signals_fingerprint()


def real_answers(path, question, text):
    data = Path(__file__).parents[4] / "shared" / "data" / path
    if not data.exists():
        pytest.skip(f"needs ../shared/data/{path}")
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    return [answer(text(row), question(row)) for row in rows]


def test_solutions_of_word_problems_survive(verdicts_of):
    records = real_answers("gsm8k/train.jsonl", lambda row: row["question"], lambda row: row["answer"])
    assert verdicts_of(AnswerRules(), records) == [None] * 7_473


def test_answers_written_by_people_survive(verdicts_of):
    records = real_answers(
        "self_instruct/seed_tasks.jsonl", lambda row: row["instruction"], lambda row: row["instances"][0]["output"]
    )
    reasons = verdicts_of(AnswerRules(), records)
    assert [reason for reason in reasons if reason] == ["cut"]  # one of 175, which does end with "And so forth…"
