"""Progress in the terminal: per step what is done, how fast, what came from the cache, what failed, what it costs."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from synth_dagster.lake.meta import Usage
from synth_dagster.runner.context import UsageLike

REFRESH_SECONDS = 0.25
MOST_LINES = 4
BAR = 24
WIDE = 120  # a terminal narrower than this gets the numbers without the bar
NUMBERS = 34  # the width of count, rate and time left


@dataclass
class TerminalProgress:
    """Draws one line for each step under way. Without a terminal it says a line when a step is done."""

    console: Console
    _bars: Progress = field(init=False)
    _tasks: dict[tuple[str, str], TaskID] = field(default_factory=dict)
    _live: Live | None = None
    _drawn: float = 0.0
    # what each stage and batch has cost: every stage opens its teachers anew, and they count from zero
    _usage: dict[tuple[str, str], Mapping[str, UsageLike]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bar = [BarColumn(bar_width=BAR)] if self.console.width >= WIDE else []
        numbers = [
            MofNCompleteColumn(table_column=Column(no_wrap=True, justify="right")),
            TextColumn("{task.fields[rate]}", table_column=Column(no_wrap=True, justify="right")),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)),
        ]
        self._bars = Progress(TextColumn("{task.description}"), *bar, *numbers, console=self.console)

    def __enter__(self) -> "TerminalProgress":
        if self.console.is_terminal:
            self._live = Live(self._view(), console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None:
        self._usage[stage.partition("/")[0], batch] = usage
        now = time.monotonic()
        if done < total and now - self._drawn < REFRESH_SECONDS:
            return
        self._drawn = now
        if self._live is None:
            if done == total and total:
                self.console.print(f"  {stage} \\[{batch}]: {total} inputs, {spent(usage) or 'no teacher calls'}")
            return
        self._draw(stage, batch, done, total)
        self._live.update(self._view())

    def _draw(self, stage: str, batch: str, done: int, total: int) -> None:
        key = (stage, batch)
        if key not in self._tasks:
            self._forget_done()
            self._tasks[key] = self._bars.add_task(self._label(stage, batch), total=total, rate="")
        task = self._tasks[key]
        speed = self._bars.tasks[self._bars.task_ids.index(task)].speed
        self._bars.update(task, completed=done, total=total, rate=f"{speed:.0f}/s" if speed else "")

    def _label(self, stage: str, batch: str) -> str:
        """Stage, step and batch; where that is too long the step alone, whose name says the stage."""
        room = max(12, self.console.width - NUMBERS - (BAR + 1 if self.console.width >= WIDE else 0))
        whole, short = f"{stage} [{batch}]", f"{stage.rpartition('/')[2]} [{batch}]"
        return escape(whole if len(whole) <= room else shortened(short, room))

    def _forget_done(self) -> None:
        for key, task in list(self._tasks.items()):
            if len(self._tasks) >= MOST_LINES:
                self._bars.remove_task(task)
                del self._tasks[key]

    def _view(self) -> Group:
        every = {f"{place}/{role}": one for place, roles in self._usage.items() for role, one in roles.items()}
        said = f"teacher: {spent(every) or 'not asked yet'}" if self._tasks else "Reading the sources ..."
        return Group(self._bars, Text(said, style="dim", no_wrap=True, overflow="ellipsis"))


def shortened(text: str, room: int) -> str:
    """A text in so many characters: its middle gives way, for the beginning and the end say most."""
    if len(text) <= room:
        return text
    end = (room - 1) // 2
    return f"{text[: room - 1 - end]}…{text[len(text) - end :]}"


def spent(usage: Mapping[str, UsageLike]) -> str:
    """Calls, cache hits, failures, tokens and money in one line; empty when nobody was asked."""
    roles = list(usage.values())
    calls, cached = sum(role.calls for role in roles), sum(role.cached for role in roles)
    if not calls and not cached:
        return ""
    tokens = sum(role.tokens_in + role.tokens_out for role in roles)
    parts = [f"{calls} calls", f"{cached} cached", *failures(roles)]
    return ", ".join([*parts, f"{tokens:,} tokens", money([role.usd for role in roles if role.calls])])


def spent_in_all(usage: Usage) -> str:
    """What a sum of usage is in words."""
    return f"{usage.calls} calls, {usage.tokens_in + usage.tokens_out:,} tokens, {money([usage.usd])}"


def failures(roles: Iterable[UsageLike]) -> list[str]:
    """What failed as one part of a line, by its kind with a count; nothing where all is well."""
    kinds = sum((Counter(role.reasons) for role in roles), Counter())
    if not kinds:
        return []
    listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0])))
    return [f"{sum(kinds.values())} failed ({listed})"]


def money(amounts: list[float | None]) -> str:
    """A sum in dollars; one unknown price makes it unknown."""
    known = [amount for amount in amounts if amount is not None]
    return f"${sum(known):.4f}" if len(known) == len(amounts) else "cost unknown"
