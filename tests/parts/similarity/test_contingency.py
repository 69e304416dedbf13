"""Two labellings of the same things: tables small enough to count by hand."""

from math import log

import pytest

from synth_dagster.parts.similarity.contingency import Table


def test_labellings_that_have_nothing_to_do_with_each_other():
    assert Table.of("aabb", "xyxy").nmi() == pytest.approx(0)
    assert set(Table.of("aabb", "xyxy").npmi().values()) == {0}


def test_labellings_that_say_the_same():
    table = Table.of("aabb", "xxyy")
    assert table.nmi() == pytest.approx(1) and table.npmi() == {("a", "x"): 1, ("b", "y"): 1}


def test_a_table_of_two_by_two():
    # a x twice, a y once, b y once: p = .5 .25 .25; p(a) = .75, p(x) = .5
    table = Table.of("aaab", "xxyy")
    shared = 0.5 * log(0.5 / 0.375) + 0.25 * log(0.25 / 0.375) + 0.25 * log(0.25 / 0.125)
    sides = -(0.75 * log(0.75) + 0.25 * log(0.25)) - log(0.5)
    assert table.nmi() == pytest.approx(2 * shared / sides)
    assert table.npmi() == {
        ("a", "x"): pytest.approx(log(0.5 / 0.375) / -log(0.5)),
        ("a", "y"): pytest.approx(log(0.25 / 0.375) / -log(0.25)),
        ("b", "y"): pytest.approx(log(0.25 / 0.125) / -log(0.25)),
    }


def test_one_label_of_each_says_nothing_of_the_other():
    assert Table.of("aa", "xx").nmi() == 0 and Table.of("aa", "xx").npmi() == {("a", "x"): 1}
    assert Table.of("", "").nmi() == 0
