"""A request and its answer: what every page is told, and what it gives back for people and for programs."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from synth_dagster.explorer.guard import Guard, Session
from synth_dagster.explorer.html import Html
from synth_dagster.explorer.job import Busy, Erasures
from synth_dagster.governance.erase import Surroundings
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage, Moment
from synth_dagster.signing import Signer

PATIENCE_S = 20.0  # for another request that brings the lineage index up to date, or reads the whole lake


@dataclass
class Explorer:
    """A lake that is shown. `around` and `signer` are what an erasure needs beside it."""

    lake: Lake
    guard: Guard = field(default_factory=Guard)
    around: Surroundings = field(default_factory=Surroundings)
    signer: Callable[[], Signer | None] = lambda: None
    erasures: Erasures = field(default_factory=Erasures, repr=False)
    lineage: Lineage = field(init=False, repr=False)
    _catching_up: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _reading_all: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.lineage = Lineage(self.lake)

    def now(self) -> Moment:
        """The lineage as it is now. Raises Busy while another request builds its index."""
        with _turn(self._catching_up, "The lineage index is being brought up to date."):
            return self.lineage.now()

    @contextmanager
    def reading_all(self) -> Iterator[None]:
        """One at a time reads the whole lake. Raises Busy for a second one."""
        with _turn(self._reading_all, "Another page is reading the whole lake."):
            yield


@contextmanager
def _turn(lock: threading.Lock, why: str) -> Iterator[None]:
    if not lock.acquire(timeout=PATIENCE_S):
        raise Busy(f"{why} Try again in a moment.")
    try:
        yield
    finally:
        lock.release()


@dataclass
class Question:
    """One request: what it asks for, who asks, and the one moment of the lineage that answers it."""

    explorer: Explorer
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    session: Session | None = None
    is_signed_in: bool = False

    @property
    def lake(self) -> Lake:
        return self.explorer.lake

    @cached_property
    def now(self) -> Moment:
        return self.explorer.now()


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its title and body for people, and the same as data for programs."""

    title: str
    data: Mapping[str, Any]
    body: Html
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sought: str = ""  # what the box at the top holds


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another page of this server."""

    to: str
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Shown | Elsewhere
View = Callable[[Question], Answer]
