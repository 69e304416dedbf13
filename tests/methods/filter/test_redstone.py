"""RedStone's domains: the rules of each on both sides, and planted mathematics among news."""

import json
import random
import re
from pathlib import Path

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


# The rules as the card says them, one page after the other: what the queries must agree with.
QUADRUPLES = [
    [f"{before}{numeral}{after}" for numeral in row]
    for row in (["a", "b", "c", "d"], ["1", "2", "3", "4"], ["i", "ii", "iii", "iv"])
    for before, after in (("", "."), ("", ")"), ("\n", " "), (">", "<"))
]


def is_mathematics(text):
    if not re.search(r"\\[A-Z]{0,9}[a-z]{2,9}", text):
        return False
    commands = {found[:-1] for found in re.findall(COMMANDS, text.lower())}
    operators = re.search(r"[-+*/%=<>^_()\[\]{}$]|\|\||&&|sqrt|sum|int", text.lower())
    return bool(commands) and (len(commands) > 1 or bool(operators))


def is_choice(text):
    low = text.lower()
    return "choice question" in low and any(all(one in low for one in row) for row in QUADRUPLES)


def is_open(text):
    low = text.lower()
    asked = r"[^a-z](?:q&a|q & a|q:|que:|question:|quiz:|exam:|test:|query:|what|where|why|when|who|how)[^a-z]"
    told = r"[^a-z](?:q&a|q & a|a:|ans:|answer:|solution:|reply:|result:|explanation:)[^a-z]"
    return len(re.findall(asked, low)) >= 2 and len(re.findall(told, low)) >= 2


COMMANDS = r"\\(?:alpha|frac|sum|to|leq|in|int|sqrt)[^a-z]"
PIECES = (
    *(
        r"\alpha ",
        r"\frac{a}{b} ",
        r"\sum_i ",
        r"\tofu ",
        r"\leq",
        r"\in\n",
        r"\users\temp ",
        "a + b ",
        "the river ",
        "\n",
    ),
    *(
        "Choice questions: ",
        "a. x ",
        "b. y ",
        "c. z ",
        "d. w ",
        "1) ",
        "2) ",
        "3) ",
        "4) ",
        "\na ",
        "\nb ",
        "\nc ",
        "\nd ",
    ),
    *(
        " Q: ",
        " A: ",
        " Answer: ",
        " Solution: ",
        " what ",
        " Why ",
        "somewhat ",
        " q&a ",
        " Ques: ",
        "Café ",
        "\u00a0who\u00a0",
    ),
)


def test_the_queries_decide_as_a_plain_reading_of_the_rules_does(verdicts_of):
    rng = random.Random(6)
    texts = ["x " + "".join(rng.choices(PIECES, k=rng.randint(3, 45))) for _ in range(400)]
    for domain, reading in (("math", is_mathematics), ("mcq", is_choice), ("open_qa", is_open)):
        kept = [reason is None for reason in verdicts_of(Redstone(domain=domain), texts, NONE)]
        assert kept == [reading(text) for text in texts]
        assert 20 < sum(kept) < 390, domain  # both answers occur


# Pages of ours, with the domains whose rules take them, written down from a run of microsoft/RedStone's filter layers
# at e731748: with a classifier there that says yes to all, as here without one.
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures/redstone_verdicts.json").read_text("utf-8"))["pages"]


@pytest.mark.parametrize("domain", ["math", "mcq", "open_qa"])
def test_170_pages_are_taken_as_by_the_released_layers(domain, verdicts_of):
    kept = [reason is None for reason in verdicts_of(Redstone(domain=domain), [text for text, _ in RELEASED], NONE)]
    assert len(RELEASED) == 170 and sum(kept) >= 14
    assert kept == [domain in domains for _, domains in RELEASED]
