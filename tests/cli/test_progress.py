"""What a terminal shows while a run goes on: complete numbers at any width, and the cost of all stages together."""

import io

import pytest
from rich.console import Console

from synth_dagster.cli.progress import TerminalProgress, shortened, spent
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


def test_failures_are_said_by_their_kind_with_a_count():
    role = RoleUsage(calls=20)
    for reason in ["unparsable"] * 3 + ["refused"] * 2 + ["unparsable"] * 9:
        role.fail(reason)
    assert spent({"writer": role, "judge": RoleUsage()}).startswith(
        "20 calls, 0 cached, 14 failed (unparsable 12, refused 2), 0 tokens"
    )


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
