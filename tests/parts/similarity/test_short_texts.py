"""Likeness counted by hand, against slow definitions, and keepers that keep the first and name it."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.similarity.short_texts import (
    JaccardKeeper,
    Near,
    RougeKeeper,
    TokenSetKeeper,
    common_subsequence,
    jaccard,
    token_set_ratio,
    tokens,
    word_set,
)
from tests.rouge import common, rouge_l

TEXT = st.lists(st.sampled_from("abcde"), max_size=12).map(" ".join)


def test_rouge_l_of_two_tips_by_hand():
    # six tokens each, five in order: 2 * 5 / 12
    assert rouge_l("Give three tips for staying healthy.", "Give three tips for staying fit.") == pytest.approx(5 / 6)


@given(TEXT, TEXT)
def test_the_bits_count_what_the_table_counts(first, second):
    one, other = tokens(first), tokens(second)
    assert common_subsequence(one, other) == common(one, other) == common_subsequence(other, one)


def test_jaccard_by_hand():
    # hr manager at a law are shared; top, firm and office are not: 5 of 8
    assert jaccard("hr manager at a top law firm", "hr manager at a law office") == 5 / 8
    assert jaccard("", "") == 0
    assert jaccard("Капитан на пенсии", "капитан на судне") == 2 / 4  # words of any script


FUZZY = json.loads((Path(__file__).parents[2] / "fixtures" / "token_set_ratios.json").read_text())


@pytest.mark.parametrize(("one", "other", "ratio"), FUZZY["cases"])
def test_token_set_ratio_is_that_of_rapidfuzz(one, other, ratio):
    assert token_set_ratio(one, other) == pytest.approx(ratio)


def test_token_set_ratio_by_hand():
    # all words of the first are in the second
    assert token_set_ratio("the blue house", "house, the BLUE one") == 1
    # shared "a b"; "a b c" beside "a b d": 4 of 5 characters in common, "a b" beside "a b c": 2 * 3 / 8
    assert token_set_ratio("a b c", "b d a") == pytest.approx(max(2 * 4 / 10, 2 * 3 / 8))
    assert token_set_ratio("", "a") == 0


def test_the_first_stays_and_the_refused_is_told_which():
    keeper = RougeKeeper(0.7)
    assert keeper.offer("a", "Give three tips for staying healthy.") is None
    assert keeper.offer("b", "Name the largest river of the country.") is None
    assert keeper.offer("c", "Give three tips for staying fit.") == Near("a", 10 / 12)
    assert len(keeper) == 2


def test_a_score_at_the_threshold_is_let_in():
    keeper = RougeKeeper(0.5)
    keeper.add("a", "one two")
    assert keeper.offer("b", "one three") is None  # 2 * 1 / 4 = 0.5


@given(st.lists(TEXT, max_size=12), TEXT)
def test_the_nearest_is_that_of_comparing_with_all(kept, text):
    keeper = RougeKeeper()
    for place, one in enumerate(kept):
        keeper.add(place, one)
    scores = [(rouge_l(one, text), -place) for place, one in enumerate(kept)]
    best = max((pair for pair in scores if pair[0] > 0), default=None)
    assert keeper.nearest(text) == (Near(-best[1], best[0]) if best else None)
    assert [near.score for near in keeper.scored(text)] == sorted((s for s, _ in scores if s > 0), reverse=True)


@given(st.lists(TEXT, max_size=15))
def test_no_two_kept_texts_are_nearer_than_the_threshold(texts):
    keeper = RougeKeeper(0.6)
    kept = [text for text in texts if keeper.offer(text, text) is None]
    assert all(rouge_l(one, other) <= 0.6 for one, other in combinations(kept, 2))


def test_a_keeper_by_token_sets_names_the_most_alike_of_those_at_the_threshold():
    keeper = TokenSetKeeper(0.85)
    keeper.add("a", "Why do bees dance on the comb?")
    keeper.add("b", "Why do bees dance on the comb at noon?")
    keeper.add("c", "What is wax made of?")
    assert keeper.nearest("the comb on dance bees do Why, why?") == Near("a", 1.0)  # the same words: the earliest
    assert keeper.nearest("What is honey made from nectar for?") is None
    assert TokenSetKeeper().nearest("What is wax made of?") is None


@given(kept=st.lists(TEXT, max_size=5), text=TEXT)
def test_a_keeper_by_token_sets_misses_only_what_shares_less_than_half_of_its_words(kept, text):
    keeper = TokenSetKeeper(0.85)
    for place, one in enumerate(kept):
        keeper.add(place, one)
    its = word_set(text)
    near = [
        (token_set_ratio(text, one), -place)
        for place, one in enumerate(kept)
        if its & word_set(one) and 2 * len(its & word_set(one)) >= min(len(its), len(word_set(one)))
    ]
    best = max((pair for pair in near if pair[0] >= 0.85), default=None)
    found = keeper.nearest(text)
    assert (found and (found.score, -found.key)) == best


@given(texts=st.lists(TEXT, max_size=8))
def test_a_keeper_by_shared_words_lets_in_what_brute_force_does(texts):
    keeper, kept = JaccardKeeper(0.5), []
    for place, text in enumerate(texts):
        scores = [(jaccard(text, texts[other]), -other) for other in kept if jaccard(text, texts[other]) >= 0.5]
        near = keeper.offer(place, text)
        assert near == (Near(-max(scores)[1], max(scores)[0]) if scores else None)
        kept += [] if near else [place]
