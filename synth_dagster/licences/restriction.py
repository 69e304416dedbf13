"""How much of a corpus its web sites keep from those who would train on it, in tokens, and estimated from a sample.

As "Consent in Crisis" (2407.14933, section 2) counts it: a site is restricted where its robots.txt keeps everything
from one or more organisations that train; a second count takes those that keep something. A corpus with more sites
than one can look up is estimated from two strata, its largest sites and a random draw of the others.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from synth_dagster.licences.snapshots import Status

HEAD = 2_000  # the largest sites of a corpus, by tokens
RANDOM = 10_000  # of the others

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Share:
    """Of all tokens, those of sites that keep everything (`full`), and those that keep something or everything."""

    full: float
    some: float


def shares(tokens: Mapping[H, int], told: Mapping[H, Iterable[Status]], whole: int) -> Share:
    """The shares of `whole` tokens; `told` has what each site that was looked up tells the organisations."""
    said = {site: set(told.get(site, ())) for site in tokens}
    full = sum(tokens[site] for site, statuses in said.items() if "all" in statuses)
    some = sum(tokens[site] for site, statuses in said.items() if statuses & {"all", "some"})
    return Share(full / whole, some / whole) if whole else Share(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of a corpus: its share of all tokens, and the restricted share of those that were looked up."""

    weight: float
    rate: float | None  # None where nothing of it was looked up


def estimate(head: Stratum, others: Stratum) -> float | None:
    """The restricted share of the whole corpus: each stratum's rate by its weight. None where one is not known."""
    parts = [(one.weight, one.rate) for one in (head, others) if one.weight]
    return None if any(rate is None for _, rate in parts) else sum(weight * (rate or 0.0) for weight, rate in parts)


def strata(tokens: Mapping[H, int], restricted: Mapping[H, bool], *, head: int = HEAD) -> tuple[Stratum, Stratum]:
    """The largest sites and the others. `restricted` has the sites that were looked up."""
    ordered = by_size(tokens)
    whole = sum(tokens.values())
    return _stratum(ordered[:head], tokens, restricted, whole), _stratum(ordered[head:], tokens, restricted, whole)


def by_size(tokens: Mapping[H, int]) -> list[H]:
    """The sites with most tokens first; equal ones by their names."""
    return sorted(tokens, key=lambda site: (-tokens[site], str(site)))


def to_look_up(tokens: Mapping[str, int], *, seed: int, head: int = HEAD, random: int = RANDOM) -> list[str]:
    """The sites that an estimate needs: the largest, then a draw of the others, the same for one seed."""
    import hashlib

    ordered = by_size(tokens)
    drawn = sorted(ordered[head:], key=lambda site: hashlib.sha256(f"{seed}\0{site}".encode()).digest())
    return [*ordered[:head], *drawn[:random]]


def _stratum(sites: Sequence[H], tokens: Mapping[H, int], restricted: Mapping[H, bool], whole: int) -> Stratum:
    seen = sum(tokens[site] for site in sites if site in restricted)
    kept = sum(tokens[site] for site in sites if restricted.get(site))
    return Stratum(sum(tokens[site] for site in sites) / whole if whole else 0.0, kept / seen if seen else None)
