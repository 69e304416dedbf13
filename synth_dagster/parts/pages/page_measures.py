"""What the rules of Gopher and FineWeb count on a page: words, lines and what is repeated, for many texts at once."""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.pages.page_lines import line_marks
from synth_dagster.parts.text.english_words import Run, Words, hash_of
from synth_dagster.parts.text.repetition import Pieces


def word_measures(texts: pa.Array, run: Run) -> dict[str, np.ndarray]:
    """Words and their mean length, and signs, marked lines and words with letters as shares; NaN where of nothing."""
    words = run.words
    lines, bullets, trailing = line_marks(run.texts, run.blocks)
    real = sums(words, ~words.symbols)
    ellipses = occurrences(texts, "...") + occurrences(texts, "…")
    with np.errstate(invalid="ignore", divide="ignore"):  # without words or lines there is no share
        return {
            "words": real,
            "word_length": sums(words, np.where(words.symbols, 0, words.lengths)) / real,
            "hashes": occurrences(texts, "#") / words.counts,
            "ellipses": ellipses / words.counts,
            "bullet_lines": bullets / lines,
            "ellipsis_lines": trailing / lines,
            "words_with_letters": sums(words, words.with_letter) / words.counts,
        }


def repeated_pieces(texts: pa.Array) -> dict[str, np.ndarray]:
    """Shares of paragraphs and of lines that stood before on the page, by number and by characters."""
    characters = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(float)
    shares: dict[str, np.ndarray] = {"characters": characters}
    with np.errstate(invalid="ignore"):  # of an empty text there is no share
        for name, parts in (
            ("paragraphs", Pieces.split(pc.utf8_trim_whitespace(texts), "\n{2,}")),
            ("lines", Pieces.split(texts, "\n+")),
        ):
            pieces, again, within = parts.repeated(len(texts))
            shares[f"repeated_{name}"] = again / pieces
            shares[f"characters_in_repeated_{name}"] = within / characters
    return shares


def repeated_shares(texts: pa.Array, runs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same, and the characters of repeated runs of words as shares of all characters."""
    shares = repeated_pieces(texts)
    with np.errstate(invalid="ignore"):
        return shares | {name: values / shares["characters"] for name, values in runs.items()}


def sums(words: Words, values: np.ndarray) -> np.ndarray:
    """The sum over the words of each text."""
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.diff(total[words.offsets])


def occurrences(texts: pa.Array, what: str) -> np.ndarray:
    """How often a piece stands in each text."""
    return pc.count_substring(texts, what).to_numpy(zero_copy_only=False)


def different(words: Words, wanted: Sequence[str]) -> np.ndarray:
    """How many of these words each text holds."""
    found = np.zeros(len(words.counts), np.int64)
    for word in dict.fromkeys(wanted):
        found += sums(words, words.hashes == hash_of(word)) > 0
    return found
