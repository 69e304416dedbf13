"""What is written down of provider batches: which requests wait in which, so that a kill neither loses nor doubles one.

A batch is written down as *intended* before the provider hears of it, under a key of ours that travels in the batch's
metadata. Whoever finds an intention without the provider's answer looks among the provider's batches for that key. No
text of a request stands here: a request is known by its call id, which is its `custom_id` at the provider too.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

State: TypeAlias = Literal["intended", "submitted", "giving_up", "collected", "dropped"]
"""intended: perhaps at the provider. submitted: certainly there. giving_up: there, and told to end. collected: in the
cache. dropped: never was there, or is not waited for."""

ANSWERED = "answered"
GIVEN_UP = "given_up"  # by a person, before the provider came to it: no failure
FINAL = ("refused", "too_long")  # what no other try would change: the request becomes a reject


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBatch:
    """One batch at a provider. Times are seconds since 1970."""

    key: str
    stage: str
    batch: str
    role: str
    address: str
    model: str
    path: str  # /chat/completions or /embeddings
    requests: int
    state: State = "intended"
    file_id: str | None = None  # known as soon as the requests are uploaded
    provider_id: str | None = None
    status: str = ""  # in the provider's words
    done: int = 0
    failed: int = 0
    created_at: float = 0.0
    changed_at: float = 0.0  # when something new was last written down of it
    dataset: str = ""
    session_id: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of a batch: what is needed to keep its answer."""

    call_id: bytes
    tokens_in: int  # the upper estimate, for a provider that does not count
    prompt_hash: str | None = None
    texts: tuple[bytes, ...] = ()  # of embeddings: the ids of the texts, in the order of the request


@dataclass(frozen=True, slots=True)
class Fate:
    """How a request failed in batches: how often, and why the last time."""

    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Paid:
    """What the answers of a collected batch used and cost; `usd` is None where the price is unknown."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """A stage that waits: for which batches, since when, and (seconds since 1970) not to be tried again before when."""

    stage: str
    batch: str
    session_id: str
    since: float
    awaits: tuple[str, ...] = ()
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Which requests wait in which open batch."""

    by_call: Mapping[bytes, str] = field(default_factory=dict)

    def __contains__(self, call_id: bytes) -> bool:
        return call_id in self.by_call


@dataclass(frozen=True, slots=True)
class Collected:
    """What a look at the open batches came to."""

    batches: int = 0  # that ended and are collected now
    answers: int = 0
    failed: int = 0
    waiting: int = 0  # batches that are not ended
    problems: tuple[str, ...] = ()  # batches that could not be looked at, and why

    def __add__(self, other: "Collected") -> "Collected":
        return Collected(
            self.batches + other.batches,
            self.answers + other.answers,
            self.failed + other.failed,
            self.waiting + other.waiting,
            (*self.problems, *other.problems),
        )


def parked_name(key: str) -> str:
    """The name under which the upper estimate of a batch is reserved until the batch is settled."""
    return f"batch/{key}"


class Alone(Protocol):
    """Being the only one who submits or collects."""

    def check(self) -> None:
        """Raises LakeError where that was lost, because this machine was not heard of for too long."""
        ...


class Ledger(Protocol):
    """The provider batches of one dataset, and those of others with which it shares a request."""

    def alone(self, *, wait_s: float = 600) -> AbstractContextManager[Alone]:
        """Nobody else submits or collects meanwhile, on any machine. Raises LakeError when it is not free in time."""
        ...

    def intend(self, batch: ProviderBatch, lines: Sequence[Asked]) -> None:
        """Writes down a batch before it is submitted; durable against a power cut when this returns."""
        ...

    def change(self, key: str, **fields: str | int | None) -> bool:
        """Writes down what became known of an open batch; whether it is open."""
        ...

    def settle(self, batch: ProviderBatch, state: State, outcomes: Mapping[bytes, str], paid: Paid) -> None:
        """Ends a batch: the outcome of each request, and what it cost. A second word on the same batch is ignored."""
        ...

    def open(self) -> Sequence[ProviderBatch]:
        """The batches of this dataset that are not ended, oldest first."""
        ...

    def lines(self, key: str) -> Sequence[Asked]:
        """The requests of a batch."""
        ...

    def waiting(self, call_ids: Collection[bytes]) -> Waiting:
        """Those of these requests that wait in an open batch, of whatever dataset."""
        ...

    def fates(self) -> Mapping[bytes, Fate]:
        """The requests of this dataset that failed in a batch. What was given up has not failed."""
        ...


class StageLedger(Ledger, Protocol):
    """The ledger as a stage that is being made over one batch sees it."""

    @property
    def place(self) -> Mapping[str, str]:
        """dataset, stage, batch, session_id and run_id of who asks."""
        ...

    def pause(self, awaits: Collection[str], *, not_before: float = 0.0) -> None:
        """Notes that the stage waits for these batches."""
        ...
