"""What hangs together: connected components, vectorised."""

import numpy as np


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
        while not np.array_equal(root, root[root]):
            root = root[root]
        apart = root[left] != root[right]
        if not apart.any():
            return root
        left, right = left[apart], right[apart]
