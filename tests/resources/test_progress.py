"""Progress in a log: how far, how fast, how long yet and at what cost, and never a line for each input."""

import logging

from resources import progress
from synth_dagster.teacher.usage import RoleUsage


def test_a_log_gets_a_line_now_and_then_with_rate_time_left_cost_and_failures_by_kind(monkeypatch, caplog):
    clock = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    role = RoleUsage(calls=30, tokens_in=100)
    role.fail("cut")
    role.fail("cut")
    logged = progress.LoggedProgress()
    with caplog.at_level(logging.INFO, "synth_dagster.progress"):
        for done in range(1, 101):
            clock[0] += 0.5
            logged.update("pairs/judge", "notes:a", done=done, total=100, usage={"judge": role})
    said = [record.getMessage() for record in caplog.records]
    # fifty seconds, a line each ten of them, and the first and the last
    assert len(said) == 6
    # two inputs a second: 79 are left after 21
    spent = "30 calls, 0 cached, 2 failed (cut: 2), 100 tokens, $0.0000"
    assert said[1] == f"pairs/judge [notes:a]: 21 of 100 inputs, 2.0/s, 40 s left, {spent}"
    assert said[-1] == f"pairs/judge [notes:a]: 100 inputs, {spent}"
