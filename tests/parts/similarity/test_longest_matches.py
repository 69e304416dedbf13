"""The longest match that ends at each word: a suffix automaton and plain sets of n-grams say the same."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.similarity import longest_matches
from synth_dagster.parts.similarity.longest_matches import Copied, OtherTexts
from synth_dagster.parts.text.hashed_words import Hashed, offsets_of


def hashed(texts):
    """Letters or numbers as their own hashes."""
    pieces = [piece for text in texts for piece in text]
    numbers = [ord(piece) if isinstance(piece, str) else piece for piece in pieces]
    return Hashed(np.array(numbers, np.uint64), offsets_of(np.array([len(text) for text in texts], np.int64)))


def by_words(*texts):
    """The words of texts as numbers, the same for equal words of any call."""
    return hashed([[hash(word) & 0xFFFF_FFFF for word in text.split()] for text in texts])


class Automaton:
    """A suffix automaton over texts, an end of its own behind each (Blumer et al. 1985): one step a piece."""

    def __init__(self, texts):
        self.next, self.link, self.length, self.times, self.last = [{}], [-1], [0], [0], 0
        for number, text in enumerate(texts):
            for piece in [*text, ("end", number)]:
                self._extend(piece)
        for state in sorted(range(1, len(self.next)), key=lambda state: -self.length[state]):
            self.times[self.link[state]] += self.times[state]

    def _new(self, **state):
        for name, value in state.items():
            getattr(self, name).append(value)
        return len(self.next) - 1

    def _extend(self, piece):
        new = self._new(next={}, link=0, length=self.length[self.last] + 1, times=1)
        state = self.last
        while state != -1 and piece not in self.next[state]:
            self.next[state][piece] = new
            state = self.link[state]
        if state != -1:
            there = self.next[state][piece]
            if self.length[there] != self.length[state] + 1:
                copy = self._new(
                    next=dict(self.next[there]), link=self.link[there], length=self.length[state] + 1, times=0
                )
                while state != -1 and self.next[state].get(piece) == there:
                    self.next[state][piece] = copy
                    state = self.link[state]
                self.link[there] = copy
                there = copy
            self.link[new] = there
        self.last = new

    def read(self, text):
        """The longest suffix that is known after each piece, and how often it stands there."""
        state = length = 0
        for piece in text:
            while piece not in self.next[state] and state:
                state = self.link[state]
                length = self.length[state]
            if piece in self.next[state]:
                state, length = self.next[state][piece], length + 1
            yield length, self.times[state] if length else 0


def grams(text, n):
    return [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]


def novelty_by_sets(texts, corpus, n):
    known = {gram for text in corpus for gram in grams(text, n)}
    asked = [gram not in known for text in texts for gram in grams(text, n)]
    return sum(asked) / len(asked) if asked else None


@pytest.mark.parametrize(
    ("corpus", "text", "lengths"),
    [("a b b", "a b c", [1, 2, 0]), ("a a", "a a a", [1, 2, 2])],
    ids=["the official test", "the official test of repeats"],
)
def test_lengths_of_the_official_tests(corpus, text, lengths):
    assert OtherTexts(by_words(text), by_words(corpus)).matches().lengths.tolist() == lengths


def test_novelty_of_the_cat_and_the_dog_mat():
    # of 7 words "dog" is new; of 6 pairs "the dog" and "dog mat"; of 3 runs of five two hold it
    found = OtherTexts(by_words("the cat sat on the dog mat"), by_words("the cat sat on the mat")).matches()
    assert found.lengths.tolist() == [1, 2, 3, 4, 5, 0, 1]
    assert [found.novelty(n) for n in range(1, 6)] == pytest.approx([1 / 7, 2 / 6, 2 / 5, 2 / 4, 2 / 3])
    assert found.novelty(8) is None


def test_no_match_crosses_the_end_of_a_text():
    # "b c" stands nowhere, though a text ends with b and the next begins with c
    assert OtherTexts(by_words("b c"), by_words("a b", "c d")).matches().lengths.tolist() == [1, 1]


def test_each_text_counts_its_own_runs():
    # "x y" and "y x" in texts of two words: over both 1 of 2 pairs is new; a flattened plot would say 2 of 3
    found = OtherTexts(by_words("x y", "y x"), by_words("x y")).matches()
    assert found.novelty(2) == 0.5 == novelty_by_sets(["xy", "yx"], ["xy"], 2)


def test_random_texts_of_three_letters_agree_with_sets_of_n_grams():
    rng = np.random.default_rng(1)
    corpus, text = rng.integers(0, 3, 400).tolist(), rng.integers(0, 3, 200).tolist()
    found = OtherTexts(hashed([text]), hashed([corpus])).matches()
    for n in range(1, 11):
        assert found.novelty(n) == pytest.approx(novelty_by_sets([text], [corpus], n), abs=1e-12)


short_texts = st.lists(st.text("abc", max_size=12), max_size=6)


@given(short_texts, short_texts)
def test_lengths_and_counts_are_those_of_a_suffix_automaton(texts, corpus):
    there = OtherTexts(hashed(texts), hashed(corpus))
    found, automaton = there.matches(), Automaton(corpus)
    read = [list(automaton.read(text)) for text in texts]
    assert found.lengths.tolist() == [length for one in read for length, _ in one]
    assert found.longest().tolist() == [max((length for length, _ in one), default=0) for one in read]
    for copied in there.longest(found):
        end = copied.start + copied.length - 1
        assert read[copied.text][end] == (copied.length, copied.times)
        assert all(length < copied.length for length, _ in read[copied.text][:end])


@given(short_texts)
def test_without_a_corpus_each_text_is_compared_with_all_others(texts):
    there = OtherTexts(hashed(texts))
    found = there.matches()
    for number, text in enumerate(texts):
        others = texts[:number] + texts[number + 1 :]
        own = found.lengths[found.offsets[number] : found.offsets[number + 1]].tolist()
        assert own == [length for length, _ in Automaton(others).read(text)]
    for copied in there.longest(found):
        run = texts[copied.text][copied.start : copied.start + copied.length]
        others = [text for number, text in enumerate(texts) if number != copied.text]
        assert copied.times == sum("".join(gram) == run for text in others for gram in grams(text, len(run)))


def what_follows(run, others):
    starts = [(other, at + len(run)) for other in others for at in range(len(other)) if other.startswith(run, at)]
    return [other[end : end + 1] for other, end in starts]


def entropy_by_reading(text, others):
    """For each piece the entropy of what follows its longest match in the others; "" is the end of a text."""
    for end in range(1, len(text) + 1):
        follows = (what_follows(text[start:end], others) for start in range(end))
        counts = np.array(list(Counter(next(filter(None, follows), [])).values()))
        yield float(-(counts / counts.sum() * np.log2(counts / counts.sum())).sum()) if len(counts) else np.nan


@given(short_texts, short_texts)
def test_entropies_are_those_of_what_follows_in_plain_reading(texts, corpus):
    there = OtherTexts(hashed(texts), hashed(corpus))
    expected = [bits for text in texts for bits in entropy_by_reading(text, corpus)]
    assert there.entropies(there.matches()) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(st.lists(st.text("ab", max_size=10), max_size=5))
def test_entropies_without_a_corpus_are_over_the_other_texts(texts):
    there = OtherTexts(hashed(texts))
    expected = [
        bits for own, text in enumerate(texts) for bits in entropy_by_reading(text, texts[:own] + texts[own + 1 :])
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longest_matches, "_RANKS_AT_ONCE", 3)
        assert there.entropies(there.matches()) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_a_text_without_a_match_and_one_below_the_least_are_not_listed():
    there = OtherTexts(by_words("a b c", "x"), by_words("a b q"))
    assert there.longest(there.matches(), least=2) == [Copied(text=0, start=0, length=2, times=1)]
    assert there.longest(there.matches(), least=3) == []


def test_very_many_identical_texts_take_no_longer_than_different_ones():
    # 20,000 texts of five words: pairs would be 200 million
    there = OtherTexts(hashed(["abcde"] * 20_000))
    found = there.matches()
    assert set(found.longest().tolist()) == {5}
    assert {copied.times for copied in there.longest(found)} == {19_999}


def test_the_order_of_runs_is_that_of_their_numbers():
    # the levels of prefix doubling tell all places apart in the end
    assert all(a != b for a, b in pairwise(sorted(OtherTexts(hashed(["aaaa", "aaa"]))._levels[-1].tolist())))
    assert Counter(OtherTexts(hashed(["ab"]))._levels[-1].tolist()) == Counter([0, 1, 2])
