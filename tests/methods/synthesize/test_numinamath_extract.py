"""A page gives its problems, each with the solution that the report would take, word for word."""

import asyncio
import random

import pytest
from pydantic import ValidationError

from synth_dagster.methods.synthesize.numinamath_extract import NuminamathExtract, symbols
from synth_dagster.records import Document
from synth_dagster.services import Drop


def found(text, **settings):
    page = Document(body=text, record_id=b"p" * 16)
    result = asyncio.run(NuminamathExtract(**settings).synthesize(page))
    return result if isinstance(result, Drop) else [(one.instruction, one.response, one.reason) for one in result]


BOOKLET = """Spring contest

Problem 1. How many edges has a cube?
Problem 2: Find $2^{10}$.
It is less than 2000.
3) Show that there is no largest prime.

Solutions

1. Four on top, four below and four between: $\\boxed{12}$.
Solution 2. $2^{10} = \\boxed{1024}$
"""


def test_a_booklet_pairs_problems_and_solutions_by_their_numbers():
    assert found(BOOKLET, layout="booklet") == [
        ("How many edges has a cube?", "Four on top, four below and four between: $\\boxed{12}$.", None),
        ("Find $2^{10}$.\nIt is less than 2000.", "$2^{10} = \\boxed{1024}$", None),
        ("Show that there is no largest prime.", "", "no_solution"),
    ]


def test_a_contest_that_numbers_otherwise_has_a_pattern_of_its_own():
    text = "[A1] One?\n[A2] Two?\nHINTS\n[A2] two\n[A1] one"
    settings = {"layout": "booklet", "number": r"^\[A(\d)\]", "solutions": "^HINTS$"}
    assert found(text, **settings) == [("One?", "one", None), ("Two?", "two", None)]


WIKI = """== Problem ==
Find the sum of the digits of $99$.

== Solution 1 ==
Add them.

== Solution 2 (by hand) ==
$9 + 9 = \\boxed{18}$.

== Solution 3 ==
Clearly $\\boxed{18}$.

== See also ==
Problem 2
"""


def test_of_a_wiki_page_the_first_solution_with_a_boxed_answer_is_taken():
    pair = [("Find the sum of the digits of $99$.", "$9 + 9 = \\boxed{18}$.", None)]
    assert found(WIKI, layout="wiki") == pair
    assert found(WIKI.replace("== ", "## ").replace(" ==", ""), layout="wiki") == pair
    unboxed = WIKI.replace("\\boxed", "\\text")
    assert found(unboxed, layout="wiki") == [("Find the sum of the digits of $99$.", "", "no_finished_solution")]


@pytest.mark.parametrize(
    ("replies", "taken"),
    [
        pytest.param(["Easy.", "$\\boxed{7}$"], 1, id="a boxed answer"),
        pytest.param(["Suppose not. Then $a < a$. QED", "I agree."], 0, id="an end of a proof"),
        pytest.param(["So $x = 1$. ∎", "$\\frac{1}{2} + \\frac12 = \\boxed{1}$"], 1, id="most symbols"),
        pytest.param(["$\\boxed{7}$", "$\\boxed{8}$"], 0, id="the first of equals"),
        pytest.param(["$\\frac{\\sqrt{2}}{\\pi}$ and so on", "$\\boxed{7}$"], 1, id="symbols without an end"),
        pytest.param(["Bump.", "Me too."], None, id="no end"),
        pytest.param([], None, id="no reply"),
    ],
)
def test_of_a_thread_the_finished_reply_with_most_symbols_is_taken(replies, taken):
    text = "\n---\n".join(["Find $x$.", *replies])
    reason = "no_finished_solution" if taken is None else None
    assert found(text) == [("Find $x$.", "" if taken is None else replies[taken], reason)]


def test_of_planted_threads_each_gives_its_one_right_reply():
    rng = random.Random(5)
    for number in range(60):
        ended = [
            f"Step {k}: " + "$a_1$ " * rng.randint(1, 30) + rng.choice(["\\boxed{4}", "\\blacksquare"])
            for k in range(3)
        ]
        others = ["Can someone help? " + "$\\frac{a}{b}$ " * 40, "Thanks!"]
        replies = rng.sample([*ended, *others], 5)
        best = max((one for one in replies if one in ended), key=symbols)
        assert found("\n***\n".join([f"Problem {number}", *replies])) == [(f"Problem {number}", best.strip(), None)]


def test_symbols_are_commands_and_marks_of_formulas():
    # $ \frac ^ \cdot _ $ and \,
    assert symbols("$\\frac{a^2}{b} \\cdot c_1$ \\, plain") == 7


def test_a_record_quotes_its_page_and_names_the_answer_and_the_layout_of_a_text_goes_first():
    page = Document(body=WIKI, record_id=b"p" * 16, attributes={"layout": "wiki"})
    (record,) = asyncio.run(NuminamathExtract(layout="booklet").synthesize(page))
    assert record.parents == (page,) and record.model_id is None
    assert [WIKI[one.start : one.end] for one in record.evidence] == [record.instruction, record.response]
    assert record.attributes == {"layout": "wiki", "solutions": 2, "final_answer": "18"}


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("text", "layout", "reason"),
    [
        (" \n\u200b", "thread", "blank_page"),
        ("A page about birds.", "booklet", "no_problem"),
        ("A page about birds.", "wiki", "no_problem"),
        ("== Problem ==\n\n== Solution ==\n$\\boxed{1}$", "wiki", "no_problem"),
        ("1.\n2.\nSolutions\n1. a", "booklet", "no_problem"),
    ],
)
def test_a_page_without_a_problem_is_dropped(text, layout, reason):
    assert found(text, layout=layout).reason == reason


def test_a_layout_that_is_none_is_dropped():
    page = Document(body="Why?", record_id=b"p" * 16, attributes={"layout": "pdf"})
    assert asyncio.run(NuminamathExtract().synthesize(page)).reason == "unknown_layout"


@pytest.mark.parametrize("settings", [{"number": "("}, {"number": "^[0-9]"}, {"separator": "["}])
def test_a_pattern_that_is_none_is_refused_where_the_recipe_is_read(settings):
    with pytest.raises(ValidationError, match=r"no regular expression|must have one group"):
        NuminamathExtract(**settings)


def test_a_box_that_is_never_closed_ends_nothing():
    assert found("Find $x$.\n---\n$\\boxed{7") == [("Find $x$.", "", "no_finished_solution")]
