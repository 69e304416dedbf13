"""What hangs together: connected components, vectorised."""

import numpy as np

_ROWS_AT_ONCE = 1 << 18


def components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The lowest row of each row's connected component."""
    return joined(np.arange(count), left, right)


def joined(root: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Components that grow: with these edges too. `root` names the lowest row of each row's component so far.

    Roots are hooked to lower ones until nothing moves, which is the union-find that runs on many rows at once: the
    result is the same in whatever order the edges come.
    """
    root = root.copy()
    while True:
        low = np.minimum(root[left], root[right])
        np.minimum.at(root, root[left], low)
        np.minimum.at(root, root[right], low)
        while _shortened(root):
            pass
        apart = root[left] != root[right]
        if not apart.any():
            return root
        left, right = left[apart], right[apart]


def _shortened(root: np.ndarray) -> bool:
    """Has each row name its root's root, in place and some rows at a time; whether that changed anything."""
    changed = False
    for first in range(0, len(root), _ROWS_AT_ONCE):
        some = root[first : first + _ROWS_AT_ONCE]
        further = root[some]
        if not np.array_equal(further, some):
            some[:] = further
            changed = True
    return changed
