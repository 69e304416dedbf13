"""Sorting whole numbers together with where they stand."""

import numpy as np


def stable_order(keys: np.ndarray) -> np.ndarray:
    """The places of numbers from 0 in ascending order, of equal ones the earlier first.

    As `argsort`, but a number and its place are sorted as one where they fit into 63 bits: a third of the time.
    """
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > 63:
        return np.argsort(keys, kind="stable")
    both = keys.astype(np.int64)
    both <<= bits
    both |= np.arange(len(keys))
    both.sort()
    both &= (1 << bits) - 1
    return both
