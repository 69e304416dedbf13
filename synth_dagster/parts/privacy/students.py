"""What a small transformer of `parts.models` says of texts, in the forms that the scores of memory are taken over.

Extractability (arXiv:2202.07646): of texts whose first symbols are shown, how many are carried on word for word, where
the likeliest symbol is taken each time.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from synth_dagster.parts.models.layers import log_softmax
from synth_dagster.parts.models.membership import Scored
from synth_dagster.parts.models.student import Past, Student
from synth_dagster.parts.models.vocabulary import Bytes
from synth_dagster.parts.privacy.canaries import LETTERS, SECRET, Canary

PREFIX = CONTINUATION = 50  # symbols, as in the paper


class Vocabulary(Protocol):
    """Texts as symbols."""

    def symbols(self, text: str) -> list[int]: ...


def scored_by(student: Student, vocabulary: Vocabulary, text: str) -> Scored:
    """Each symbol's log-probability, and the mean and deviation of those of all symbols there."""
    symbols = vocabulary.symbols(text)
    logs = student.distributions(symbols).astype(float)
    likely = np.exp(logs)
    mean = (likely * logs).sum(axis=1)
    spread = np.sqrt(np.maximum((likely * logs**2).sum(axis=1) - mean**2, 0))
    return Scored(logs[np.arange(len(symbols)), symbols], mean, spread)


def extracted(
    student: Student,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    *,
    prefix: int = PREFIX,
    continuation: int = CONTINUATION,
) -> np.ndarray:
    """For each text whether the symbols after its first ones are written letter by letter; no text may be shorter."""
    read = [vocabulary.symbols(text)[: prefix + continuation] for text in texts]
    wrote = student.generated([symbols[:prefix] for symbols in read], continuation)
    return np.array([one == symbols[prefix:] for one, symbols in zip(wrote, read, strict=True)], bool)


def secrets_by(student: Student, vocabulary: Bytes) -> Callable[[Canary], np.ndarray]:
    """The log-probability of each of the 2^16 secrets after what stands before it in a canary's sentence."""
    letters = np.array(vocabulary.symbols(LETTERS), np.int64)

    def of(canary: Canary) -> np.ndarray:
        sentence = canary.sentence
        before = vocabulary.symbols(sentence[: sentence.rindex(canary.secret)])
        symbols, past, scores = np.array([[0, *before]], np.int64), Past(), np.zeros(1)
        for place in range(SECRET):
            hidden, _ = student.hidden(symbols, past)
            last = hidden.reshape(*symbols.shape, -1)[:, -1]
            likely = log_softmax(last @ student.weights["written"].T)[:, letters]
            scores = (scores[:, None] + likely).ravel()
            if place < SECRET - 1:  # each beginning goes on in sixteen ways, and shares what was read of it
                symbols = np.tile(letters, len(symbols))[:, None]
                past[:] = [tuple(np.repeat(one, len(letters), axis=0) for one in pair) for pair in past]  # type: ignore[misc]
        return scores.round(6)

    return of
