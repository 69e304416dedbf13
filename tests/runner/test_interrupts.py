"""A signal ends asynchronous work between its steps, and then does what it did before."""

import asyncio
import os
import signal
import threading

import pytest

from synth_dagster.runner.interrupts import run_to_end


class Stopped(BaseException):
    """What a handler raises, as Dagster's does."""


@pytest.fixture
def raising():
    """A handler that raises stands for both signals, as while a step of Dagster runs."""

    def handler(*_):
        raise Stopped

    before = {name: signal.signal(name, handler) for name in (signal.SIGINT, signal.SIGTERM)}
    yield handler
    for name, old in before.items():
        signal.signal(name, old)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work_closes_what_is_open_and_reaches_its_handler(raising, name):
    closed = []

    async def work():
        try:
            os.kill(os.getpid(), name)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # closing may take turns of the loop
            closed.append(True)

    with pytest.raises(Stopped):
        run_to_end(work())
    assert closed == [True]
    assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is raising


def test_work_that_ends_gives_its_result_and_puts_the_handlers_back(raising):
    async def work():
        return signal.getsignal(signal.SIGINT)

    assert run_to_end(work()) is not raising
    assert signal.getsignal(signal.SIGINT) is raising


def test_a_cancellation_of_another_cause_stays_one(raising):
    async def work():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_to_end(work())


def test_another_thread_has_no_signals_and_does_its_work(raising):
    async def work():
        return 1

    results = []
    thread = threading.Thread(target=lambda: results.append(run_to_end(work())))
    thread.start()
    thread.join()
    assert results == [1]


def test_a_handler_that_is_not_pythons_is_left_alone(monkeypatch):
    async def work():
        return 1

    monkeypatch.setattr(signal, "getsignal", lambda name: None)  # as for one that was there before Python began
    assert run_to_end(work()) == 1
