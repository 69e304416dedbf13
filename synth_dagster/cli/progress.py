"""Progress in the terminal: per step what is done, how fast, what came from the cache, what failed, what it costs.

Below it stands how the endpoint is asked just now, so that a run that waits says for what; and what the library warns
of is said above it, once for each kind.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from synth_dagster.cli.warned import Warned
from synth_dagster.lake.sessions import Usage
from synth_dagster.runner.context import UsageLike
from synth_dagster.runner.told import Rate, counted, money, spent, under_way

REFRESH_SECONDS = 0.25
SAID_SECONDS = 30.0  # without a terminal: how often a step that goes on says how far it is
MOST_LINES = 4
BAR = 24
WIDE = 120  # a terminal narrower than this gets the numbers without the bar
NUMBERS = 34  # the width of count, rate and time left


@dataclass
class TerminalProgress:
    """Draws one line for each step under way. Without a terminal it says a line now and then, and when one is done."""

    console: Console
    _bars: Progress = field(init=False)
    _warned: Warned = field(init=False)
    _tasks: dict[tuple[str, str], TaskID] = field(default_factory=dict)
    _live: Live | None = None
    _under_way: str = ""
    _at: str = ""
    _drawn: float = 0.0
    _said: float = field(default_factory=time.monotonic)
    _rates: dict[tuple[str, str], Rate] = field(default_factory=dict)
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
        self._warned = Warned(self.console)

    def __enter__(self) -> "TerminalProgress":
        if self.console.is_terminal:
            self._live = Live(self._view(), console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        self._warned.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._warned.end()
        if self._live is not None:
            self._live.stop()

    def begin(self, batch: str, number: int, of: int) -> None:
        """A batch is begun: a run of many says how far it is also where no step takes long enough to be drawn."""
        self._at = f"batch {number:,} of {of:,}"
        if self._live is not None:
            self._live.update(self._view())
        elif of > 1 and (now := time.monotonic()) - self._said >= SAID_SECONDS:
            self._said = now
            self.console.print(f"  {self._at}: {escape(batch)}", highlight=False)

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None:
        self._usage[stage.partition("/")[0], batch] = usage
        now = time.monotonic()
        if (done < total or not total) and now - self._drawn < REFRESH_SECONDS:
            return
        self._drawn, self._under_way = now, under_way(usage)
        if self._live is None:
            self._say(stage, batch, done, total, usage, now)
            return
        self._draw(stage, batch, done, total)
        self._live.update(self._view())

    def _say(self, stage: str, batch: str, done: int, total: int, usage: Mapping[str, UsageLike], now: float) -> None:
        rate = self._rates.setdefault((stage, batch), Rate())
        rate.note(done, now)
        if (done < total or not total) and now - self._said < SAID_SECONDS:
            return
        self._said = now
        parts = [counted(done, total), *rate.in_words(done, total), spent(usage) or "no teacher calls"]
        parts += [self._under_way] if self._under_way else []
        self.console.print(f"  {stage} \\[{batch}]: {', '.join(parts)}")

    def _draw(self, stage: str, batch: str, done: int, total: int) -> None:
        key = (stage, batch)
        if key not in self._tasks:
            self._forget_done()
            self._tasks[key] = self._bars.add_task(self._label(stage, batch), total=total or None, rate="")
        task = self._tasks[key]
        speed = self._bars.tasks[self._bars.task_ids.index(task)].speed
        self._bars.update(task, completed=done, total=total or None, rate=f"{speed:.0f}/s" if speed else "")

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
        said = f"teacher: {spent(every) or 'not asked yet'}" if self._tasks else self._at or "Reading the sources ..."
        said = f"{self._at}; {said}" if self._at and self._tasks else said
        lines = (said, self._under_way) if self._under_way else (said,)
        return Group(self._bars, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines))


def shortened(text: str, room: int) -> str:
    """A text in so many characters: its middle gives way, for the beginning and the end say most."""
    if len(text) <= room:
        return text
    end = (room - 1) // 2
    return f"{text[: room - 1 - end]}…{text[len(text) - end :]}"


def spent_in_all(usage: Usage) -> str:
    """What a sum of usage is in words."""
    return f"{usage.calls} calls, {usage.tokens_in + usage.tokens_out:,} tokens, {money([usage.usd])}"
