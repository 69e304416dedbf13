"""What a licence asks for, and how the terms of several join: an algebra in which more ancestors never allow more.

The dimensions use, attribution and share-alike, and their join, are those of the Data Provenance Initiative (Longpre et
al., "The Data Provenance Initiative", 2310.16787, section 3): the strictest use wins, and a demand of one is a demand
of all. Whether changed copies may be passed on is our addition; that audit has no such dimension.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import TypeAlias

NONE: frozenset[str] = frozenset()

Words: TypeAlias = str  # terms as a table or a recipe writes them, such as "nc by sa"


class Use(IntEnum):
    """What a text may be used for, from everything to least."""

    COMMERCIAL = 0
    UNSPECIFIED = 1  # nobody said
    NON_COMMERCIAL = 2
    RESEARCH = 3  # academic work only, and whatever is unclear


USES = {
    "commercial": Use.COMMERCIAL,
    "unspecified": Use.UNSPECIFIED,
    "nc": Use.NON_COMMERCIAL,
    "research": Use.RESEARCH,
}
DEMANDS = ("by", "sa", "nd")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one licence, or of all that bind a record.

    `share_alike` holds the licences under which changed copies must be passed on, `no_derivatives` those that forbid
    to, `unknown` those that nobody has classed: they count as the strictest.
    """

    use: Use = Use.COMMERCIAL
    attribution: bool = False
    share_alike: frozenset[str] = NONE
    no_derivatives: frozenset[str] = NONE
    unknown: frozenset[str] = NONE

    @classmethod
    def of(cls, words: Words, name: str) -> "Terms":
        """Terms out of their words: `by` attribution, `sa` share-alike, `nd` no derivatives, and at most one use.

        Raises ValueError for another word.
        """
        given = words.lower().split()
        uses = [word for word in given if word in USES]
        wrong = [word for word in given if word not in USES and word not in DEMANDS]
        if wrong or len(uses) > 1:
            cause = f"'{wrong[0]}' is none" if wrong else f"'{' '.join(uses)}' are two uses"
            raise ValueError(
                f"{cause}: write at most one of {', '.join(USES)}, and any of by (attribution), sa (share-alike) and "
                "nd (no derivatives)"
            )
        own = frozenset([name])
        return cls(
            USES[uses[0]] if uses else Use.COMMERCIAL,
            "by" in given,
            own if "sa" in given else NONE,
            own if "nd" in given else NONE,
        )

    @classmethod
    def nobody_knows(cls, name: str) -> "Terms":
        """The strictest terms there are."""
        own = frozenset([name])
        return cls(Use.RESEARCH, attribution=True, share_alike=own, no_derivatives=own, unknown=own)

    def with_(self, other: "Terms") -> "Terms":
        """What binds where both bind."""
        return Terms(
            max(self.use, other.use),
            self.attribution or other.attribution,
            self.share_alike | other.share_alike,
            self.no_derivatives | other.no_derivatives,
            self.unknown | other.unknown,
        )

    def strictness(self) -> tuple[object, ...]:
        """A total order, for choosing the freest of several."""
        flags = (bool(self.unknown), self.use, bool(self.no_derivatives), bool(self.share_alike), self.attribution)
        return (*flags, sorted(self.share_alike), sorted(self.no_derivatives), sorted(self.unknown))

    def allows(self, other: "Terms") -> bool:
        """Whether these allow all that the others do."""
        return self.with_(other) == other


def every(terms: Iterable[Terms]) -> Terms:
    """What binds where all of these bind; nothing where there are none."""
    return reduce(Terms.with_, terms, Terms())


def freest(terms: Iterable[Terms]) -> Terms:
    """The one that whoever may choose takes."""
    return min(terms, key=Terms.strictness)
