"""What hangs together: connected components, vectorised."""

import numpy as np


def components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The lowest row of each row's connected component, by hooking roots to lower ones until nothing moves."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[left], root[right])
        np.minimum.at(root, root[left], low)
        np.minimum.at(root, root[right], low)
        while not np.array_equal(root, root[root]):
            root = root[root]
        if np.array_equal(root[left], root[right]):
            return root
