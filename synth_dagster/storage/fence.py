"""Keeps out workers that outlive their leader: after an erasure they may not leave what they had read before it.

A leader holds the lease of `scratch/`, and an erasure waits for it. When a leader dies its lease ends, but a worker on
another machine may still hold one of its tasks. So an erasure changes a word in the store before it empties the folder,
and a task carries the word of its time. A worker looks for it when it begins, before it writes and after it has
written; where it is another one, what was written goes again. A worker that is killed between the last two leaves its
file to whoever works in the folder next, or erases next: it is of no task of theirs, and removed.
"""

from synth_dagster.errors import SynthError
from synth_dagster.storage import NotThere, Store

FENCE = "erasures/fence"


class Fenced(SynthError):
    """A task is of a time before an erasure."""

    def __init__(self) -> None:
        super().__init__("Records were erased since this step began, and what it worked on with them. Run it again.")


def fence_of(store: Store) -> str:
    """The word of this time."""
    try:
        return store.read(FENCE).decode()
    except NotThere:
        return ""


def raise_fence(store: Store, word: str) -> None:
    """From here on no task of an earlier time leaves anything; twice is once."""
    data = word.encode()
    store.write(FENCE, lambda into: into.write(data), needed=len(data))


def check_fence(store: Store, word: str) -> None:
    """Raises Fenced where an erasure has begun since."""
    if fence_of(store) != word:
        raise Fenced
