"""RedStone's domains: the rules of each on both sides, and planted mathematics among news."""

import random

import pytest

from synth_dagster.methods.filter.redstone import Redstone
from tests.methods.labelled import PlainModels

NONE = {"models": PlainModels({})}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (r"The sum $\sum_i \frac{a}{b} \leq \pi \cdot \alpha$ is small.", None),
        ("The sum a + b is small.", "no_formula"),
        (r"Look into C:\users\documents for the file.", "no_formula"),  # commands, none of mathematics
        (r"Here \alpha stands alone", "one_command"),
        (r"Here \alpha + 1 stands", None),
        (r"Here \alphabet + 1 stands", "no_formula"),
        ("", "no_formula"),
    ],
)
def test_rules_of_mathematics(text, verdict, verdict_of):
    assert verdict_of(Redstone(), text, NONE) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("A choice question: which one? a. one b. two c. three d. four", None),
        ("Choice questions: a) one b) two c) three d) four", None),
        ("A choice question\na one\nb two\nc three\nd four", None),
        ("A choice question: 1. x 2. y 3. z 4. w", None),
        ("A choice question: i) x ii) y iii) z iv) w", None),
        ("A choice question: a. one b. two c. three", "no_options"),
        ("A question: a. one b. two c. three d. four", "no_choice_question"),
    ],
)
def test_rules_of_choice_questions(text, verdict, verdict_of):
    assert verdict_of(Redstone(domain="mcq"), text, NONE) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (" q: Why is it? a: Because. q: How so? a: It is.", None),
        (" Question: it rains. Answer: yes. Question: it snows.", "few_answers"),
        (" Answer: yes. Solution: no. It is so what it is.", "few_questions"),
        ("Whatever happens. Nowhere else.", "few_questions"),  # inside of words nothing counts
    ],
)
def test_rules_of_open_questions(text, verdict, verdict_of):
    assert verdict_of(Redstone(domain="open_qa"), text, NONE) == verdict


def test_pages_with_code(verdict_of):
    assert verdict_of(Redstone(domain="code"), "Do this:\n```\nx = 1\n```\n", NONE) is None
    assert verdict_of(Redstone(domain="code"), "Do this: `x`, or ``` and no more", NONE) == "no_code"


NEWS = "minister river election bridge police market coach harvest mayor storm".split()  # noqa: SIM905
MATHS = "theorem proof converges integral matrix vector bounded continuous".split()  # noqa: SIM905
TEX = (r"\frac{a}{b}", r"\sum_i x", r"\alpha + 1", r"\leq", r"\int f", r"\sqrt{2}", r"\theta", r"\infty")


def page(kind, rng):
    said = rng.choices(MATHS if kind == "maths" else NEWS, k=40)
    if kind == "maths":
        said[::6] = [f"${one}$" for one in rng.sample(TEX, 7)]
    if kind == "tricky":  # news on a computer: commands that are no mathematics, and one that is
        said[::9] = [r"C:\users\documents", r"\alpha", r"\windows\temp", "=", "(x)"]
    return " ".join(said)


def test_planted_mathematics_is_found_among_news(verdicts_of):
    rng = random.Random(1)
    labels = [{"text": page(kind, rng), "label": "good" if kind == "maths" else "other"} for kind in
              ["maths", "news", "tricky"] * 30]  # fmt: skip
    kinds = ["maths"] * 25 + ["news"] * 450 + ["tricky"] * 25
    method = Redstone(examples="maths", min_probability=0.5)
    reasons = verdicts_of(method, [page(kind, rng) for kind in kinds], {"models": PlainModels({"maths": labels})})
    kept = [kind for kind, reason in zip(kinds, reasons, strict=True) if reason is None]
    assert kept.count("maths") / 25 > 0.95 and kept.count("maths") / len(kept) > 0.9
    assert "improbable" in reasons  # the rules alone would have taken the tricky ones


def test_the_domain_moves_the_rules_and_not_the_signals():
    assert Redstone(domain="mcq").signals_fingerprint() == Redstone().signals_fingerprint()
