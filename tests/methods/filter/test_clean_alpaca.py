"""What users found wrong with Alpaca's data goes, each class under its name; what only looks like it stays."""

import pytest

from synth_dagster.methods.filter.clean_alpaca import CleanAlpaca
from synth_dagster.records import Instruction

GOOD = ("Name the capital of France.", "Paris.")


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Name three colours.", "", "no_output"),
        ("Name three colours.", "...", "no_output"),
        ("Name three colours.", "N/A", "no_output"),
        ("Summarise this.", "No output needed.", "no_output"),
        ("Write a haiku.\n\nN/A", "Rain on the old roof", "no_input"),
        ("Write a haiku.\n\n<noinput>", "Rain on the old roof", "no_input"),
        ("Write a haiku.\n\nInput: None", "Rain on the old roof", "no_input"),
        ("Write a haiku.\n\nNot applicable.", "Rain on the old roof", "no_input"),
        ("Sort these.\n\n3, 1\nOutput: 1, 3\n2. Instruction: Add them.", "4", "merged_tasks"),
        ("Name a colour.", "Red\n\n### Instruction: Name a taste.", "merged_tasks"),
        ("Describe the following picture.", "It shows a dog.", "media"),
        ("What does the chart below tell?", "Sales rise.", "media"),
        ("Generate an image of a cat.", "Here it is.", "media"),
        ("Design a new logo for a bakery.", "A loaf in a circle.", "media"),
        ("Say hello.", "![hello](hello.png)", "media"),
        ("Sum this up: https://example.org/news", "News.", "link"),
        ("Read the given web page and say what it sells.", "Shoes.", "link"),
        ("What is 4 times 23?", "4 * 23 = 82", "wrong_calculation"),
        ("What is half of 9, plus 3?", "9 / 2 = 4.5, and 4.5 + 3 = 8.5", "wrong_calculation"),
        # what only looks like it
        (*GOOD, None),
        ("Which operator in Python asks whether two are not the same?", "!=", None),
        ("Which of these is a prime: 4, 6, 8?", "None", None),
        ("Which symbol stands for addition? Answer with the word.", "Plus", None),
        ("How many?\n\nNone of the six pans is left.", "0", None),
        ("Draw a conclusion from this.\n\nAll ravens are black.", "A white bird is no raven.", None),
        ("Create a list of pictures by Vermeer.", "The Milkmaid", None),
        ("What picture of war does the novel draw?", "A grim one.", None),
        ("Explain what a map in Python does.", "It applies a function.", None),
        ("Explain what the output of a factory is.", "What it makes.", None),
        ("What is 4 times 23?", "4 * 23 = 92", None),
        ("What is 10 / 3?", "10 / 3 = 3.33", None),
        ("Set x to 3 in Python.", "x = 3", None),
    ],
)
def test_a_defect_has_its_reason_and_good_tasks_stay(question, answer, reason, verdict_of):
    assert verdict_of(CleanAlpaca(), Instruction.single(question, answer)) == reason


DEFECTS = {
    "no_output": lambda q, a: (q, "N/A"),
    "no_input": lambda q, a: (f"{q}\n\nN/A", a),
    "merged_tasks": lambda q, a: (q, f"{a}\n2. Instruction: {q}"),
    "media": lambda q, a: (f"{q} Use the attached photo.", a),
    "link": lambda q, a: (f"{q} See www.example.org.", a),
    "wrong_calculation": lambda q, a: (q, f"{a} For 2 + 3 = 6."),
}


def test_of_planted_defects_all_and_only_those_go(verdicts_of):
    tasks = [(f"Name something that town {n} is known for.", f"Its bridge, built in {1700 + n}.") for n in range(100)]
    kinds = [*DEFECTS, None, None, None, None]
    planted = [kinds[n % 10] for n in range(100)]
    made = [DEFECTS[kind](*task) if kind else task for kind, task in zip(planted, tasks, strict=True)]
    assert verdicts_of(CleanAlpaca(), [Instruction.single(*one) for one in made]) == planted
