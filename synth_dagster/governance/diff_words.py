"""How a comparison of two releases is told: what they are called, what has shifted, and by how much."""

from collections.abc import Mapping
from typing import Any

from synth_dagster.governance.answer import plural
from synth_dagster.governance.diff import Pair, ReleaseDiff
from synth_dagster.governance.taken import Taken, day_of, receipt_name

SHIFT = 0.01  # a smaller difference, as a share of the larger value, is no shift


def title_of(found: ReleaseDiff) -> str:
    """Dataset and releases, with what is to be known of each."""
    return f"{found.dataset}: {_named(found.before)} -> {_named(found.after)}"


def _named(about: Mapping[str, Any]) -> str:
    notes = [note for note, is_so in (("demo", about["demo"]), ("withdrawn", about["state"] != "accepted")) if is_so]
    return about["release"] + (f" ({', '.join(notes)})" if notes else "")


def erased(found: ReleaseDiff) -> list[str]:
    """What erasures took out of either release, a sentence each: those records stand in no count of the comparison."""
    sides = {found.before["release"]: found.erased["before"], found.after["release"]: found.erased["after"]}
    return [_taken(release, one) for release, some in sides.items() for one in some]


def _taken(release: str, one: Taken) -> str:
    counts = {"it kept": one.kept, "it dropped": one.dropped}
    said = " and ".join(f"{plural(count, 'record')} that {what}" for what, count in counts.items() if count)
    return (
        f"Erased from {release} on {day_of(one.at)}, and counted nowhere else here: {said}. "
        f"The receipt is {receipt_name(one.erasure)} in the lake."
    )


def has_shifted(pair: Pair) -> bool:
    """Whether a number is another one, by more than a hundredth."""
    was, now = pair
    if was is None or now is None:
        return was is not now
    return abs(now - was) > SHIFT * max(abs(was), abs(now))


def shift(pair: Pair) -> str:
    """By how much, as a share of what it was; nothing where that cannot be said."""
    was, now = pair
    return "" if was is None or now is None or not was else f"{(now - was) / abs(was):+.1%}"


def figure(value: float | None) -> str:
    """A count in full, any other number in four digits."""
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
