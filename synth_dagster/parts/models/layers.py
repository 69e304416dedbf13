"""The sums that a transformer is made of, each with its derivative (`..._back`), in NumPy.

`flow` is (places, width), heads are (rows, heads, length, width of a head). Each sum gives what its derivative needs.
"""

import numpy as np

_TINY = 1e-6  # keeps the root of a mean square from zero
_LARGE = 1e9  # its exponential, negative, is 0


def normed(flow: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Each row at a root mean square of 1, times the gain."""
    scale = 1 / np.sqrt(np.einsum("ij,ij->i", flow, flow)[:, None] / flow.shape[1] + flow.dtype.type(_TINY))
    unit = flow * scale
    return unit * gain, (unit, scale, gain)


def normed_back(slope: np.ndarray, saved: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """By the flow and by the gain."""
    unit, scale, gain = saved
    by_gain = np.einsum("ij,ij->j", slope, unit)
    slope = slope * gain
    along = np.einsum("ij,ij->i", slope, unit)[:, None] / unit.shape[1]
    slope -= unit * along
    slope *= scale
    return slope, by_gain


def shifted(
    read: np.ndarray, share: np.ndarray, last: np.ndarray | None
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Of (rows, length, width) each place with a share of the one before it, as (places, width).

    `last` is what stood before the first place. With this one layer sees a pair, so that looking up what followed a
    symbol needs no head of its own for the place before (the smeared keys of arXiv:2209.11895, appendix).
    """
    first = np.zeros_like(read[:, :1]) if last is None else last
    step = np.concatenate([first, read[:, :-1]], axis=1) - read
    return (read + share * step).reshape(-1, read.shape[2]), (step, share)


def shifted_back(slope: np.ndarray, saved: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """By what is read, as (places, width), and by the shares."""
    step, share = saved
    slope = slope.reshape(step.shape)
    by_read = slope * (1 - share)
    by_read[:, :-1] += slope[:, 1:] * share
    return by_read.reshape(-1, step.shape[2]), np.einsum("rlw,rlw->w", slope, step)


def turned(heads: np.ndarray, turns: tuple[np.ndarray, np.ndarray], seen: int, *, back: bool = False) -> np.ndarray:
    """Pairs of numbers turned by an angle that grows with the place, so that a product knows only the distance."""
    length, half = heads.shape[2], heads.shape[3] // 2
    cosines, sines = (table[seen : seen + length] for table in turns)
    sines = -sines if back else sines
    first, second = heads[..., :half], heads[..., half:]
    return np.concatenate([first * cosines - second * sines, first * sines + second * cosines], axis=-1)


def attention(asked: np.ndarray, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Each place takes the values of the places up to its own, by how well their keys fit what it asks."""
    length, seen = asked.shape[2], keys.shape[2]
    shares = asked @ keys.swapaxes(2, 3)
    shares *= asked.dtype.type(asked.shape[3] ** -0.5)
    if length > 1:
        shares += np.triu(np.full((length, seen), -_LARGE, asked.dtype), seen - length + 1)
    shares -= shares.max(axis=3, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=3, keepdims=True)
    return shares @ values, (asked, keys, values, shares)


def attention_back(slope: np.ndarray, saved: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By what is asked, by keys and by values."""
    asked, keys, values, shares = saved
    by_values = shares.swapaxes(2, 3) @ slope
    by_shares = slope @ values.swapaxes(2, 3)
    by_shares -= np.einsum("bhij,bhij->bhi", by_shares, shares)[..., None]
    by_shares *= shares
    by_shares *= asked.dtype.type(asked.shape[3] ** -0.5)
    return by_shares @ keys, by_shares.swapaxes(2, 3) @ asked, by_values


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Of each row."""
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def summed(symbols: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """The rows of each symbol added up: (size, width). Much faster than np.add.at."""
    order = np.argsort(symbols, kind="stable")
    there, starts = np.unique(symbols[order], return_index=True)
    found = np.zeros((size, rows.shape[1]), rows.dtype)
    found[there] = np.add.reduceat(rows[order], starts, axis=0)
    return found
