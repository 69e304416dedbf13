"""A language model that learns in minutes on a processor: a transformer in NumPy, with its gradient by hand.

It stands for the model that somebody will train on a set, where counting n-grams cannot: it learns to look things up in
its context, and to join what it read in two places. Decoder only, as Llama (arXiv:2302.13971): norms of root mean
square before each part, turned positions (arXiv:2104.09864), no biases, a table of symbols to read by and one to write
by; the wide layer is rectified, and a layer reads each place with a share of the one before it. Equal seeds give equal
weights on one machine; a processor of another kind may round otherwise. What takes the time are products of matrices:
on a machine that is shared set OPENBLAS_NUM_THREADS=1, since threads of small products wait for each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.layers import (
    attention,
    attention_back,
    log_softmax,
    normed,
    normed_back,
    shifted,
    shifted_back,
    summed,
    turned,
)
from synth_dagster.parts.tensors import packed, unpacked

Weights: TypeAlias = dict[str, np.ndarray]
# Of each layer keys and values, (rows, heads, seen, width of a head), and what was read last, (rows, 1, width).
Past: TypeAlias = list[tuple[np.ndarray, np.ndarray, np.ndarray]]

_AT_ONCE = 8_192  # tokens that are read together, which bounds the memory


@dataclass(frozen=True, slots=True)
class Shape:
    """How large it is: `symbols` counts the ends of texts too, `context` is the most that it reads at once."""

    symbols: int
    context: int = 256
    width: int = 128
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 1 or self.width % (2 * self.heads):
            raise MethodError(
                f"A student has no shape {asdict(self)}: all above 0, width a multiple of twice the heads."
            )


@dataclass(eq=False)
class Student:
    """A transformer: its shape and its weights, which training changes in place. Symbol 0 ends, and begins, a text."""

    shape: Shape
    weights: Weights

    @classmethod
    def new(cls, shape: Shape, *, seed: int = 0, dtype: type = np.float32) -> "Student":
        """Untrained, with drawn weights."""
        rng, wide = np.random.default_rng([seed, 0]), shape.width

        def drawn(rows: int, columns: int, scale: float) -> np.ndarray:
            return (rng.standard_normal((rows, columns)) * scale).astype(dtype)

        weights: Weights = {
            "read": drawn(shape.symbols, wide, 1.0),
            "norm": np.ones(wide, dtype),
            "written": drawn(shape.symbols, wide, 0.02),  # so small that all symbols are foretold alike
        }
        narrow = (2 * shape.layers * wide) ** -0.5  # as GPT-2 has it: what the layers add up to does not grow
        for layer in range(shape.layers):
            weights |= {
                f"{layer}.reading": np.ones(wide, dtype),
                f"{layer}.before": rng.random(wide).astype(dtype),  # share of the symbol before in what is read
                f"{layer}.asked": drawn(wide, 3 * wide, wide**-0.5),  # queries, keys and values side by side
                f"{layer}.told": drawn(wide, wide, narrow),
                f"{layer}.thinking": np.ones(wide, dtype),
                f"{layer}.wide": drawn(wide, 4 * wide, wide**-0.5),
                f"{layer}.narrow": drawn(4 * wide, wide, narrow / 2),
            }
        return cls(shape, weights)

    @property
    def size(self) -> int:
        """How many numbers it has learnt."""
        return sum(array.size for array in self.weights.values())

    def copy(self) -> "Student":
        """One that can be trained on by itself."""
        return Student(self.shape, {name: array.copy() for name, array in self.weights.items()})

    def hidden(self, symbols: np.ndarray, past: Past | None = None) -> tuple[np.ndarray, list[Any]]:
        """What stands behind each symbol of (rows, length) before it is written: (rows * length, width), and a tape of
        what `back` needs. With `past`, which grows, the symbols go on after those it was made from."""
        weights, (rows, length) = self.weights, symbols.shape
        if length > self.shape.context:
            raise MethodError(f"A student of context {self.shape.context} was given {length} symbols. Cut the text.")
        flow, tape = weights["read"][symbols.ravel()], list[Any]([symbols])
        for layer in range(self.shape.layers):
            read, norm = normed(flow, weights[f"{layer}.reading"])
            known = past[layer] if past is not None and len(past) > layer else None
            blended, shift = shifted(read.reshape(rows, length, -1), weights[f"{layer}.before"], known and known[2])
            parts = self._heads(blended @ weights[f"{layer}.asked"], rows, length)
            seen = known[0].shape[2] if known else 0
            asked, keys = (turned(part, self._turns, seen) for part in parts[:2])
            values = parts[2]
            if known:
                keys, values = np.concatenate([known[0], keys], axis=2), np.concatenate([known[1], values], axis=2)
            if past is not None:
                past[layer : layer + 1] = [(keys, values, read.reshape(rows, length, -1)[:, -1:])]
            found, attended = attention(asked, keys, values)
            told = found.transpose(0, 2, 1, 3).reshape(rows * length, -1)
            flow = flow + told @ weights[f"{layer}.told"]
            thought, second = normed(flow, weights[f"{layer}.thinking"])
            opened = np.maximum(thought @ weights[f"{layer}.wide"], 0)
            flow = flow + opened @ weights[f"{layer}.narrow"]
            tape.append((blended, shift, norm, attended, told, thought, second, opened))
        hidden, norm = normed(flow, weights["norm"])
        tape.append(norm)
        return hidden, tape

    def back(self, tape: list[Any], slope: np.ndarray) -> Weights:
        """The gradient of a loss by each weight, from its gradient by what `hidden` gave."""
        weights, gradient = self.weights, Weights()
        symbols, norm = tape[0], tape[-1]
        rows, length = symbols.shape
        slope, gradient["norm"] = normed_back(slope, norm)
        for layer in reversed(range(self.shape.layers)):
            blended, shift, norm, attended, told, thought, second, opened = tape[layer + 1]
            gradient[f"{layer}.narrow"] = opened.T @ slope
            wide = slope @ weights[f"{layer}.narrow"].T
            wide *= opened > 0
            gradient[f"{layer}.wide"] = thought.T @ wide
            through, gradient[f"{layer}.thinking"] = normed_back(wide @ weights[f"{layer}.wide"].T, second)
            slope = slope + through
            gradient[f"{layer}.told"] = told.T @ slope
            heads = (slope @ weights[f"{layer}.told"].T).reshape(rows, length, self.shape.heads, -1)
            asked, keys, values = attention_back(heads.transpose(0, 2, 1, 3), attended)
            asked, keys = (turned(part, self._turns, 0, back=True) for part in (asked, keys))
            parts = np.stack([asked, keys, values]).transpose(1, 3, 0, 2, 4).reshape(rows * length, -1)
            gradient[f"{layer}.asked"] = blended.T @ parts
            through, gradient[f"{layer}.before"] = shifted_back(parts @ weights[f"{layer}.asked"].T, shift)
            through, gradient[f"{layer}.reading"] = normed_back(through, norm)
            slope = slope + through
        gradient["read"] = summed(symbols.ravel(), slope, self.shape.symbols)
        return gradient

    def log_probabilities(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """For each text the log-probability of each of its symbols after those before it, the first after an end.

        A text longer than the context is read in windows that overlap by half, so that each symbol but the first ones
        has at least half a context before it.
        """
        found = [np.zeros(len(text)) for text in texts]
        for windows, logs in self._read(texts):
            for (text, start, first, end), one in zip(windows, logs, strict=True):
                asked = np.array(texts[text][first:end], np.int64)
                found[text][first:end] = one[np.arange(first - start, end - start), asked]
        return found

    def distributions(self, text: Sequence[int]) -> np.ndarray:
        """The log-probability of every symbol at each place of a text: (length, symbols)."""
        found = np.zeros((len(text), self.shape.symbols), np.float32)
        for windows, logs in self._read([text]):
            for (_, start, first, end), one in zip(windows, logs, strict=True):
                found[first:end] = one[first - start : end - start]
        return found

    def generated(
        self, prompts: Sequence[Sequence[int]], most: int, *, temperature: float = 0.0, seed: int = 0
    ) -> list[list[int]]:
        """What it writes after each prompt, up to an end and at most so many symbols; 0 takes the likeliest.

        A prompt has a stream of its own, by its place. A prompt and its answer must fit the context.
        """
        written: list[list[int]] = [[] for _ in prompts]
        lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            together = max(_AT_ONCE // (int(length) + most + 1), 1)
            for first in range(0, len(alike), together):
                places = alike[first : first + together]
                self._write(prompts, places, most, temperature, seed, written)
        return written

    def packed(self, **about: str) -> bytes:
        """As safetensors: plain numbers, and what is said about them."""
        shape = {name: str(value) for name, value in asdict(self.shape).items()}
        return packed(self.weights, {**about, **shape})

    @classmethod
    def unpacked(cls, data: bytes) -> tuple["Student", dict[str, str]]:
        """The student, and what was said about it. Raises MethodError for bytes that are no student."""
        arrays, about = unpacked(data)
        try:
            shape = Shape(**{name: int(about.pop(name)) for name in Shape.__dataclass_fields__})
            expected = {name: array.shape for name, array in cls.new(shape).weights.items()}
            if any(arrays[name].shape != size for name, size in expected.items()):
                raise ValueError
        except (KeyError, ValueError):
            raise MethodError(
                "A model cannot be read: its weights are not those of a student. Train it again."
            ) from None
        return cls(shape, {name: array.copy() for name, array in arrays.items()}), about

    @cached_property
    def _turns(self) -> tuple[np.ndarray, np.ndarray]:
        """Cosines and sines of each place, (context, half of a head's width)."""
        half = self.shape.width // self.shape.heads // 2
        angles = np.outer(np.arange(self.shape.context), 10_000.0 ** -(np.arange(half) / half))
        return np.cos(angles).astype(self.weights["norm"].dtype), np.sin(angles).astype(self.weights["norm"].dtype)

    def _heads(self, joined: np.ndarray, rows: int, length: int) -> np.ndarray:
        """Queries, keys and values, each (rows, heads, length, width of a head)."""
        return joined.reshape(rows, length, 3, self.shape.heads, -1).transpose(2, 0, 3, 1, 4)

    def _read(self, texts: Sequence[Sequence[int]]) -> Iterator[tuple[list[tuple[int, int, int, int]], np.ndarray]]:
        """Windows as (text, start, first asked, end), some at a time, with their log-probabilities of all symbols."""
        windows = [(n, *window) for n, text in enumerate(texts) for window in _windows(len(text), self.shape.context)]
        windows.sort(key=lambda window: window[3] - window[1])
        batches = [0]
        for place, (_, start, _, end) in enumerate(windows):
            if (place + 1 - batches[-1]) * (end - start) > _AT_ONCE and place > batches[-1]:
                batches.append(place)
        for first, last in pairwise([*batches, len(windows)]):
            some = windows[first:last]
            length = max((end - start for _, start, _, end in some), default=0)
            read = np.zeros((len(some), length), np.int64)
            for row, (text, start, _, end) in enumerate(some):
                read[row, 1 : end - start] = texts[text][start : end - 1]
                read[row, 0] = texts[text][start - 1] if start else 0
            if some:
                logits = self.hidden(read)[0] @ self.weights["written"].T
                yield some, log_softmax(logits).reshape(len(some), length, -1)

    def _write(
        self,
        prompts: Sequence[Sequence[int]],
        places: np.ndarray,
        most: int,
        temperature: float,
        seed: int,
        written: list[list[int]],
    ) -> None:
        """Prompts of one length together, a symbol at a time; keys and values of what was read are kept."""
        streams = [np.random.default_rng([seed, place]) for place in places]
        symbols, past = np.array([[0, *prompts[place]] for place in places], np.int64), Past()
        open_ = np.ones(len(places), bool)
        for _ in range(most):
            last = self.hidden(symbols, past)[0].reshape(len(places), symbols.shape[1], -1)[:, -1]
            logits = last @ self.weights["written"].T
            if temperature:  # the largest of log-probabilities with Gumbel noise is a draw
                logits = logits / temperature + np.stack([stream.gumbel(size=logits.shape[1]) for stream in streams])
            chosen = logits.argmax(axis=1)
            open_ &= chosen != 0
            if not open_.any():
                return
            for row in np.flatnonzero(open_):
                written[places[row]].append(int(chosen[row]))
            symbols = chosen[:, None]


def _windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Start, first asked and end of each window that together ask for all places once."""
    first, start = 0, 0
    while first < length:
        end = min(start + context, length)
        yield start, first, end
        first, start = end, end - context // 2
