"""What a terminal shows while a run goes on: complete numbers at any width, and the cost of all stages together."""

import io

import pytest
from rich.console import Console

from synth_dagster.cli.progress import TerminalProgress, shortened
from synth_dagster.runner.told import Rate, counted, spent, under_way
from synth_dagster.teacher.usage import RoleUsage

STAGE, BATCH = "generated_instructions/grounded_qa", "python_reference:951d49f53855"


def drawn(width: int, *updates: tuple[str, int, int, int], terminal: bool = True) -> str:
    """What was written for updates of (stage, done, total, calls so far)."""
    console = Console(file=io.StringIO(), width=width, height=20, force_terminal=terminal)
    with TerminalProgress(console) as progress:
        for stage, done, total, calls in updates:
            progress.update(stage, BATCH, done=done, total=total, usage={"writer": RoleUsage(calls=calls)})
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [50, 70, 119, 120, 160])
def test_counts_are_whole_at_any_width(width: int):
    shown = drawn(width, (STAGE, 12_345, 12_345, 7))
    assert "12345/12345" in shown
    assert "teacher: 7 calls" in shown


def test_the_cost_is_that_of_all_stages_though_each_counts_from_zero():
    # 10 calls for the questions, then 5 for the pairs, whose teachers were opened anew: 15 in all
    shown = drawn(120, (STAGE, 3, 3, 10), ("preference_pairs/ultrafeedback", 2, 2, 5))
    assert "teacher: 15 calls" in shown


def test_without_a_terminal_a_line_is_said_when_a_step_is_done():
    shown = drawn(200, (STAGE, 1, 2, 1), (STAGE, 2, 2, 2), terminal=False)
    assert shown == f"  {STAGE} [{BATCH}]: 2 inputs, 2 calls, 0 cached, 0 tokens, $0.0000\n"


def test_a_terminal_says_which_batch_is_made_where_no_step_is_drawn():
    console = Console(file=io.StringIO(), width=80, height=20, force_terminal=True)
    with TerminalProgress(console) as progress:
        progress.begin("notes:start", 1, 1_250)
        progress.begin("notes:5f", 2, 1_250)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "batch 2 of 1,250" in shown


def test_without_a_terminal_a_long_run_of_many_batches_says_now_and_then_where_it_is(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("synth_dagster.cli.progress.time.monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=80)
    with TerminalProgress(console, _said=now[0]) as progress:
        for number in range(1, 71):  # one a second: a line at 30 and at 60
            now[0] = float(number)
            progress.begin(f"notes:{number}", number, 70)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "  batch 30 of 70: notes:30",
        "  batch 60 of 70: notes:60",
    ]


def test_failures_are_said_by_their_kind_with_a_count():
    role = RoleUsage(calls=20)
    for reason in ["unparsable"] * 3 + ["refused"] * 2 + ["unparsable"] * 9:
        role.fail(reason)
    assert spent({"writer": role, "judge": RoleUsage()}).startswith(
        "20 calls, 0 cached, 14 failed (unparsable: 12, refused: 2), 0 tokens"
    )


def test_what_was_sent_again_is_said_by_its_kind_with_a_count_also_before_the_first_answer():
    role = RoleUsage()
    role.retries.update({"HTTP 429": 30, "no answer within 120 s": 2})
    said = "0 calls, 0 cached, 32 sent again (HTTP 429: 30, no answer within 120 s: 2), 0 tokens, $0.0000"
    assert spent({"writer": role}) == said


def test_how_endpoints_are_asked_is_said_once_for_each_endpoint():
    writer, critic, judge = RoleUsage(standing="8 of 8 in flight"), RoleUsage(standing="8 of 8 in flight"), RoleUsage()
    assert under_way({"writer": writer, "critic": critic, "judge": judge}) == "8 of 8 in flight"
    judge.standing = "1 of 4 in flight"
    said = "writer and critic: 8 of 8 in flight; judge: 1 of 4 in flight"
    assert under_way({"writer": writer, "critic": critic, "judge": judge}) == said
    assert under_way({"judge": RoleUsage()}) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_that_waits_says_for_what(monkeypatch, terminal):
    monkeypatch.setattr("synth_dagster.cli.progress.SAID_SECONDS", 0.0)
    console = Console(file=io.StringIO(), width=200, height=20, force_terminal=terminal)
    waits = RoleUsage(standing="0 of 8 in flight, 40 waiting, it refuses: asked again in 30 s")
    with TerminalProgress(console) as progress:
        progress.update(STAGE, BATCH, done=0, total=40, usage={"writer": waits})
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert waits.standing in shown
    assert ("0/40" if terminal else "0 of 40 inputs, no teacher calls, ") in shown


def test_rounds_of_which_nobody_knows_the_number_are_counted_as_they_come():
    assert "7/?" in drawn(120, (STAGE, 7, 0, 3))
    assert counted(7, 0) == "7 records so far"


@pytest.mark.parametrize(
    ("room", "text"),
    [
        pytest.param(8, "evol [a]", id="fits"),
        # 7 characters: 3 of the end, 1 for the gap, 3 of the beginning
        pytest.param(7, "evo…[a]", id="one-too-many"),
    ],
)
def test_the_middle_of_a_long_label_gives_way(room: int, text: str):
    assert shortened("evol [a]", room) == text


def test_a_rate_is_that_of_the_last_minute_and_gives_the_time_left():
    rate = Rate()
    for second in range(0, 31, 10):
        rate.note(100 * second, second)  # 3,000 from the cache in half a minute
    assert rate.in_words(3_000, 6_000) == ["100/s", "30 s left"]
    for second in range(40, 171, 10):
        rate.note(3_000 + second, second)  # then one a second; what is more than a minute ago counts no longer
    assert rate.in_words(3_170, 6_770) == ["1.0/s", "60 min left"]
    assert rate.in_words(6_770, 6_770) == [] and Rate().in_words(1, 2) == []


def test_without_a_terminal_a_long_step_is_said_now_and_then(monkeypatch):
    monkeypatch.setattr("synth_dagster.cli.progress.SAID_SECONDS", 0.0)
    monkeypatch.setattr("synth_dagster.cli.progress.REFRESH_SECONDS", 0.0)
    shown = drawn(200, (STAGE, 1, 3, 1), (STAGE, 2, 3, 2), (STAGE, 3, 3, 3), terminal=False).splitlines()
    assert shown[0] == f"  {STAGE} [{BATCH}]: 1 of 3 inputs, 1 calls, 0 cached, 0 tokens, $0.0000"
    assert "2 of 3 inputs, " in shown[1] and "/s, 0 s left, 2 calls" in shown[1] and "3 inputs, 3 calls" in shown[2]
