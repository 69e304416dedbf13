"""Groups of vectors that are near to one of them, largest first: the community detection of sentence-transformers.

Every vector proposes itself and all that are as near to it as the threshold, the nearest first. Proposals are taken
from the largest to the smallest without what was taken before, and those that are left with too few fall away. Who was
taken proposes nothing more, as since version 6 of that package: what is left around it need not be near to each other.
The same vectors give the same groups; of equally large ones the group of the earliest vector comes first.
"""

import numpy as np

AT_ONCE = 1_024  # rows whose cosines with all others are in memory


def communities(vectors: np.ndarray, *, threshold: float, least: int = 1) -> list[list[int]]:
    """Groups of at least so many rows of unit length, each row in one at most; a group begins with its centre."""
    taken: set[int] = set()
    found: list[list[int]] = []
    for proposal in sorted(_proposals(vectors, threshold, least), key=len, reverse=True):
        rest = [row for row in proposal if row not in taken]
        if rest[:1] == proposal[:1] and len(rest) >= least:  # its centre is still there
            found.append(rest)
            taken.update(rest)
    return sorted(found, key=len, reverse=True)


def _proposals(vectors: np.ndarray, threshold: float, least: int) -> list[list[int]]:
    proposals = []
    for first in range(0, len(vectors), AT_ONCE):
        cosines = vectors[first : first + AT_ONCE] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, first + own] = np.inf  # the centre comes first, whatever rounding makes of it and its copies
        for row in cosines:
            near = np.flatnonzero(row >= threshold)
            if len(near) >= least:
                proposals.append(near[np.argsort(-row[near], kind="stable")].tolist())
    return proposals
