"""The language and the script of texts, a whole batch at once.

The model is that of py3langid: an automaton over bytes whose states count features, and a naive Bayes table over them.
Its own walk is a Python loop over bytes; here all texts step through the automaton together, a byte at a time, so that
the loop is over the length of a window and not over documents. Of a text longer than `WINDOWS` windows, windows evenly
spread are read: what stands at its end counts as what stands at its head.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WINDOW = 500  # characters that are judged together
WINDOWS = 4  # of a text at most
UNKNOWN = "und"
_NO_WORDS = "zxx"  # what ISO calls a text without linguistic content, and the model too

_SURE = 0.5  # a window of another language counts as such from here on
_FEW = 32  # windows that are not worth a walk together
_WINDOWS_AT_ONCE = 4_096  # bounds memory


@dataclass(frozen=True, slots=True)
class Languages:
    """A value for each text: its language, how sure that is (0 to 1), and the share of it in another language.

    A text without words has the language `und`, and nothing else.
    """

    names: np.ndarray
    scores: np.ndarray
    mixed: np.ndarray


def languages_of(texts: pa.Array | pa.ChunkedArray, counted_as: Mapping[str, str] | None = None) -> Languages:
    """The language of each text: that of the highest probability on average over its windows.

    `counted_as` names languages whose probability is that of another, which need not be one that the model knows.
    """
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    size = _WINDOWS_AT_ONCE // WINDOWS
    parts = (texts.slice(start, size) for start in range(0, len(texts), size))
    return _joined([_identified(part, counted_as or {}) for part in parts])


def _joined(parts: Sequence[Languages]) -> Languages:
    none = Languages(np.zeros(0, object), np.zeros(0), np.zeros(0))
    return Languages(*(np.concatenate([getattr(one, name) for one in (none, *parts)]) for name in Languages.__slots__))


def _identified(texts: pa.Array, counted_as: Mapping[str, str]) -> Languages:
    windows, owners = _windows(texts)
    lengths = pc.binary_length(windows).to_numpy(zero_copy_only=False).astype(np.int64)
    chances, has_words = _model().chances(windows, lengths)
    names, chances = _as_one(_model().names, chances, counted_as)
    weight = np.where(has_words, lengths, 0).astype(float)
    total = np.bincount(owners, weight, len(texts))
    mean = _summed(chances * weight[:, None], owners, len(texts)) / np.maximum(total, 1)[:, None]
    best = mean.argmax(axis=1) if len(texts) else np.zeros(0, int)
    nameable = (total > 0) & (names[best] != _NO_WORDS)
    foreign = (chances.argmax(axis=1) != best[owners]) & (chances.max(axis=1) >= _SURE)
    mixed = np.bincount(owners, weight * foreign, len(texts)) / np.maximum(total, 1)
    return Languages(
        np.where(nameable, names[best], UNKNOWN),
        np.where(nameable, mean[np.arange(len(texts)), best].round(4), 0.0),
        np.where(nameable, mixed.round(4), 0.0),
    )


def _as_one(names: np.ndarray, chances: np.ndarray, counted_as: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Names and chances (windows, classes) with the chances of some classes added to those of others."""
    made = sorted({*counted_as.values()} - {*names})
    if counted_as:
        names = np.array([*names, *made], object)
        chances = np.pad(chances, ((0, 0), (0, len(made))))
    for name, other in sorted(counted_as.items()):
        for place in np.flatnonzero(names == name):
            chances[:, np.flatnonzero(names == other)[0]] += chances[:, place]
            chances[:, place] = 0
    return names, chances


def _summed(rows: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """The sum of each owner's rows, which follow each other; every one has a row, and few have many."""
    starts, found = np.searchsorted(owners, np.arange(count + 1)), np.zeros((count, rows.shape[1]), rows.dtype)
    for place in range(int(np.diff(starts).max(initial=0))):
        there = np.flatnonzero(np.diff(starts) > place)
        found[there] += rows[starts[there] + place]
    return found


def _windows(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The windows of each text in order, in the form that the model was trained on, and the text of each."""
    plain = pc.fill_null(texts, "")
    plain = pc.utf8_normalize(pc.if_else(pc.utf8_is_upper(plain), pc.utf8_lower(plain), plain), "NFC")
    lengths = pc.utf8_length(plain).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.clip(-(-lengths // WINDOW), 1, WINDOWS)
    last = np.maximum(lengths - WINDOW, 0)
    pieces, owners = [], []
    for place in range(WINDOWS):
        rows = np.flatnonzero(counts > place)
        # evenly spread, the last one at the end of the text; a text of fewer windows is read whole
        whole = lengths[rows] <= WINDOW * WINDOWS
        begin = np.where(whole, place * WINDOW, last[rows] * place // (WINDOWS - 1))
        pieces.extend(
            text[start : start + WINDOW]
            for text, start in zip(plain.take(pa.array(rows)).to_pylist(), begin, strict=True)
        )
        owners.append(rows)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return pa.array(pieces, pa.string()).take(pa.array(order)), owner[order]


@dataclass(frozen=True)
class _Model:
    """The automaton and the table: `step[base[state] + byte]` is the next state, which counts `feature[state]`."""

    step: np.ndarray
    base: np.ndarray
    feature: np.ndarray  # -1 for none
    table: np.ndarray  # features x classes: log probabilities
    prior: np.ndarray
    names: np.ndarray
    aliases: Sequence[tuple[int, int]]  # classes of one name: the second counts for the first
    visits: Callable[[bytes], Mapping[int, int] | None]  # the package's own walk: feature -> count

    def chances(self, windows: pa.Array, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shape (windows, classes): how probable each class is; and whether a window has any feature."""
        window, feature, counts = self._counted(windows, lengths)
        scores = self._weighed(np.searchsorted(window, np.arange(len(windows) + 1)), feature, np.log1p(counts))
        has_words = np.bincount(window, minlength=len(windows)) > 0
        scores = (scores + self.prior) / np.sqrt(np.maximum(lengths, 1))[:, None]  # as calibrated by its authors
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        for first, second in self.aliases:
            scores[:, first] += scores[:, second]
            scores[:, second] = 0
        return scores, has_words

    def _weighed(self, bounds: np.ndarray, features: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Shape (windows, classes): the weighted sum of each window's rows of the table, one window at a time.

        What is gathered for one stays in the cache, for all of them it would not. `einsum` adds in the order of the
        rows, so that a score is the same alone or among others, and on one core or several.
        """
        scores = np.zeros((len(bounds) - 1, len(self.prior)), np.float32)
        rows = np.empty((int(np.diff(bounds).max(initial=0)), len(self.prior)), np.float32)
        for window, (begin, end) in enumerate(pairwise(bounds.tolist())):
            own = self.table.take(features[begin:end], axis=0, out=rows[: end - begin], mode="clip")
            np.einsum("i,ij->j", weights[begin:end], own, out=scores[window])
        return scores

    def _counted(self, windows: pa.Array, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How often each feature occurs in each window: (window, feature, count), in the order of the windows."""
        keys, counts = self._together(windows, lengths) if len(windows) > _FEW else self._one_by_one(windows)
        window, feature = np.divmod(keys, len(self.table))
        return window, feature, counts.astype(np.float32)

    def _one_by_one(self, windows: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """As the package does it: for a few texts a loop over bytes is less work than one over arrays."""
        keys, counts = [], []
        for place, text in enumerate(windows.cast(pa.binary()).to_pylist()):
            visits = self.visits(text) or {}
            keys.extend(place * len(self.table) + feature for feature in sorted(visits))
            counts.extend(visits[feature] for feature in sorted(visits))
        return np.array(keys, np.int64), np.array(counts, np.int64)

    def _together(self, windows: pa.Array, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(-lengths, kind="stable")
        letters = _matrix(windows.take(pa.array(order)), lengths[order])
        active = np.searchsorted(-lengths[order], -np.arange(letters.shape[0]))  # windows longer than each place
        state = np.zeros(len(windows), np.int64)
        found = np.full(letters.shape, -1, np.int32)
        for place, count in enumerate(active):
            cell = self.base.take(state[:count])
            cell += letters[place, :count]
            state[:count] = self.step.take(cell, mode="clip")
            found[place, :count] = self.feature.take(state[:count])
        keys = found + order * len(self.table)
        return np.unique(keys[found >= 0], return_counts=True)


def _matrix(windows: pa.Array, lengths: np.ndarray) -> np.ndarray:
    """Bytes of windows as (place, window), so that a step reads one row; the windows come longest first."""
    letters = np.zeros((len(windows), int(lengths.max(initial=0))), np.uint8)
    joined = np.frombuffer(b"".join(windows.cast(pa.binary()).to_pylist()), np.uint8)
    letters[np.arange(letters.shape[1]) < lengths[:, None]] = joined
    return np.ascontiguousarray(letters.T)


@cache
def _model() -> _Model:
    """The model of the package, read once a process: it is unpacked in a few seconds."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier, visit_counts

    loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    names, rows = list(loaded.nb_classes), [row << 8 for row in loaded.tk_row]
    return _Model(
        step=np.asarray(loaded.tk_nextmove),
        base=np.asarray(loaded.tk_row, np.int64) << 8,
        feature=np.asarray(loaded.tk_output, np.int32),
        table=np.asarray(loaded.nb_ptc, np.float32),
        prior=np.asarray(loaded.nb_pc, np.float32),
        names=np.asarray(names, object),
        aliases=[(names.index(name), place) for place, name in enumerate(names) if names.index(name) < place],
        visits=partial(visit_counts, loaded.tk_nextmove, rows, loaded.tk_output),
    )


# ------------------------------------------------------------------------------------------------------------- scripts

COMMON = "Zyyy"  # no letter, or none of a script below

# How Unicode begins the names of letters -> the script in ISO 15924.
_LETTERS = """
    LATIN:Latn CYRILLIC:Cyrl GREEK:Grek ARMENIAN:Armn GEORGIAN:Geor COPTIC:Copt ARABIC:Arab HEBREW:Hebr
    SYRIAC:Syrc THAANA:Thaa NKO:Nkoo TIFINAGH:Tfng ETHIOPIC:Ethi VAI:Vaii ADLAM:Adlm CHEROKEE:Cher CANADIAN:Cans
    MONGOLIAN:Mong DEVANAGARI:Deva BENGALI:Beng GURMUKHI:Guru GUJARATI:Gujr ORIYA:Orya TAMIL:Taml TELUGU:Telu
    KANNADA:Knda MALAYALAM:Mlym SINHALA:Sinh OL:Olck MEETEI:Mtei TIBETAN:Tibt MYANMAR:Mymr KHMER:Khmr LAO:Laoo
    THAI:Thai BALINESE:Bali JAVANESE:Java SUNDANESE:Sund CHAM:Cham YI:Yiii HANGUL:Hang HIRAGANA:Hira KATAKANA:Kana
    BOPOMOFO:Bopo CJK:Hani
    """
_SCRIPTS: Mapping[str, str] = {name: script for name, _, script in (pair.partition(":") for pair in _LETTERS.split())}
_NAMES = np.array([COMMON, *sorted(set(_SCRIPTS.values())), "Jpan"], object)
_KANA_OF_JAPANESE = 0.05  # of its letters at least: a Chinese text may quote a word


def scripts_of(texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The script that most letters of each text are in, as ISO 15924 writes it, and their share of all letters."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    plain = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, WINDOW * WINDOWS)
    lengths = pc.utf8_length(plain).to_numpy(zero_copy_only=False)
    codes = np.frombuffer("".join(plain.to_pylist()).encode("utf-32-le", "surrogatepass"), np.uint32)
    script = _table()[np.minimum(codes, len(_table()) - 1)]
    owner = np.repeat(np.arange(len(plain)), lengths)
    counts = np.bincount(owner * len(_NAMES) + script, minlength=len(plain) * len(_NAMES))
    counts = _with_japanese(counts.reshape(len(plain), len(_NAMES)))
    letters = counts[:, 1:].sum(axis=1)
    best = np.where(letters > 0, counts[:, 1:].argmax(axis=1) + 1 if len(plain) else 0, 0)
    return _NAMES[best], np.where(letters > 0, counts[np.arange(len(plain)), best] / np.maximum(letters, 1), 0.0).round(
        4
    )


def _with_japanese(counts: np.ndarray) -> np.ndarray:
    """Kana and Han characters together are one script where there is kana enough."""
    places = {name: place for place, name in enumerate(_NAMES)}
    kana, together = [places["Hira"], places["Kana"]], [places["Hira"], places["Kana"], places["Hani"]]
    is_japanese = counts[:, kana].sum(axis=1) > _KANA_OF_JAPANESE * counts[:, 1:].sum(axis=1)
    counts[is_japanese, places["Jpan"]] = counts[is_japanese][:, together].sum(axis=1)
    counts[np.ix_(is_japanese, together)] = 0
    return counts


@cache
def _table() -> np.ndarray:
    """The script of each code point, as its place in `_NAMES`; those beyond the table are CJK extensions."""
    from unicodedata import name

    places = {one: place for place, one in enumerate(_NAMES)}
    table = np.zeros(0x20001, np.uint8)
    for code in range(0x41, 0x20000):
        words = name(chr(code), "").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "").split(" ", 1)
        if len(words) == 2 and words[0] in _SCRIPTS and (chr(code).isalpha() or _is_mark(words[1])):
            table[code] = places[_SCRIPTS[words[0]]]
    table[0x20000] = places["Hani"]
    return table


def _is_mark(rest: str) -> bool:
    """Vowel signs are letters to those who write with them."""
    return "VOWEL SIGN" in rest or "SUBJOINED" in rest
