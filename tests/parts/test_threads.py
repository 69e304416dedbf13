"""Cores are used at once, and results come in order."""

import threading

import pytest

from synth_dagster.parts.threads import alone, cores, in_threads


def test_results_come_in_the_order_of_the_items():
    assert list(in_threads(lambda number: number * number, range(100))) == [number * number for number in range(100)]


def test_a_mistake_of_the_work_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 // number, [1, 0, 1]))


def test_one_of_several_workers_uses_one_core():
    with alone():
        assert set(in_threads(lambda _: threading.get_ident(), range(8))) == {threading.get_ident()}
    assert cores() >= 1
