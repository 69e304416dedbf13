"""Texts as flat arrays of 64-bit hashes: what n-gram methods work on, without a Python loop over words.

All texts lie one after the other in one array, and `offsets` says where each begins, as in Arrow. A hash stands for a
word, a character or an n-gram; equal pieces have equal hashes on every machine and in every run.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# A word of a script that is written without spaces is one character long.
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost


@dataclass(frozen=True, slots=True)
class Hashed:
    """`hashes[offsets[i]:offsets[i + 1]]` are the pieces of text i, in order."""

    hashes: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> np.ndarray:
        """How many pieces each text has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """The text that each piece belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def places(self) -> np.ndarray:
        """The position of each piece in its text, from 0."""
        return np.arange(len(self.hashes)) - np.repeat(self.offsets[:-1], self.counts)

    def take(self, chosen: np.ndarray) -> "Hashed":
        """Only these texts, in this order."""
        counts = self.counts[chosen]
        offsets = offsets_of(counts)
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        return Hashed(self.hashes[np.repeat(self.offsets[:-1][chosen], counts) + places], offsets)

    def replaced(self, where: np.ndarray, others: "Hashed") -> "Hashed":
        """These texts, but for those where `where` is true the others, one for each, in order."""
        both = Hashed(
            np.concatenate([self.hashes, others.hashes]),
            np.concatenate([self.offsets, others.offsets[1:] + self.offsets[-1]]),
        )
        chosen = np.arange(len(self))
        chosen[where] = len(self) + np.arange(len(others))
        return both.take(chosen)


def normalise(texts: pa.Array | pa.ChunkedArray, *, digits_to_zero: bool = False) -> pa.Array:
    """Lower case, no diacritics, blanks for punctuation, one blank between words; null becomes empty."""
    plain = pc.utf8_normalize(pc.utf8_lower(pc.fill_null(_flat(texts), "")), "NFD")
    plain = pc.replace_substring_regex(plain, r"\p{Mn}+", "")
    if digits_to_zero:
        plain = pc.replace_substring_regex(plain, r"\p{Nd}", "0")
    plain = pc.replace_substring_regex(plain, _UNSPACED, r" \1 ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[^\p{L}\p{N}\p{M}]+", " "))


def short_form(texts: pa.Array) -> pa.Array:
    """Lower case and one blank between words: for texts so short that digits and signs are what they say."""
    plain = pc.utf8_normalize(pc.utf8_lower(pc.fill_null(texts, "")), "NFC")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[\s\p{Z}]+", " "))


def signs_of(texts: pa.Array) -> pa.Array:
    """The digits and mathematical signs of each text, in order."""
    return pc.replace_substring_regex(pc.fill_null(texts, ""), r"[^\p{Nd}\p{Sm}*/^%\-]+", " ")


def words(normalised: pa.Array) -> Hashed:
    """The blank-separated words of normalised texts."""
    parts = pc.split_pattern(normalised, " ")
    flat, owners = pc.list_flatten(parts), pc.list_parent_indices(parts).to_numpy(zero_copy_only=False)
    there = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    counts = np.bincount(owners[there], minlength=len(normalised))
    return Hashed(_hash_strings(flat.filter(pa.array(there))), offsets_of(counts))


def characters(texts: pa.Array) -> Hashed:
    """The characters of texts, each as its mixed code point."""
    joined = "".join(texts.to_pylist()).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype=np.uint32).astype(np.uint64)
    return Hashed(mixed(codes + np.uint64(1)), offsets_of(pc.utf8_length(texts).to_numpy(zero_copy_only=False)))


def ngrams(pieces: Hashed, n: int) -> Hashed:
    """All runs of n pieces; a text of fewer pieces has none. The place of a run is that of its first piece."""
    counts = np.maximum(pieces.counts - n + 1, 0)
    offsets = offsets_of(counts)
    if offsets[-1] == 0:
        return Hashed(np.zeros(0, np.uint64), offsets)
    runs = rolling(pieces.hashes, n)
    # where a run would go beyond its text; np.repeat would say so too, but lets no other thread work meanwhile
    beyond = (pieces.offsets[1:, None] - np.arange(1, n)).ravel()
    whole = np.ones(len(runs), bool)
    whole[beyond[(beyond >= 0) & (beyond < len(runs))]] = False
    return Hashed(mixed(runs[whole]), offsets)


def rolling(hashes: np.ndarray, n: int) -> np.ndarray:
    """A polynomial over each n hashes in a row, at least n of them: what two halves have makes that of the whole."""
    if n == 1:
        return hashes
    half = n // 2
    parts = rolling(hashes, half)
    runs = parts[:-half] * np.uint64(pow(int(_MULTIPLIER), half, 1 << 64))
    runs += parts[half:]
    if n % 2:
        runs = runs[:-1]
        runs *= _MULTIPLIER
        runs += hashes[n - 1 :]
    return runs


def distinct(pieces: Hashed) -> Hashed:
    """The different pieces of each text, in ascending order."""
    owners = pieces.owners
    order = np.lexsort((pieces.hashes, owners))
    hashes, owners = pieces.hashes[order], owners[order]
    first = np.ones(len(hashes), bool)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return Hashed(hashes[first], offsets_of(np.bincount(owners[first], minlength=len(pieces))))


def hash_texts(texts: pa.Array) -> np.ndarray:
    """One 64-bit hash a text."""
    return _hash_strings(texts)


def offsets_of(counts: np.ndarray) -> np.ndarray:
    """Where each text begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def _flat(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _hash_strings(strings: pa.Array) -> np.ndarray:
    """BLAKE2b of each different string, once: a vocabulary is far smaller than a corpus."""
    encoded = strings.dictionary_encode()
    hashes = [hashlib.blake2b(word.encode(), digest_size=8).digest() for word in encoded.dictionary.to_pylist()]
    table = np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)
    return table[encoded.indices.to_numpy(zero_copy_only=False)]


def mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: spreads what the polynomial left in the low bits."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values
