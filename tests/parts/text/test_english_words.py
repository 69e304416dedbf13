"""Words as spaCy's English rules cut them; the expected words were read off that tokeniser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text.english_words import hash_of, words_of


def lengths(text):
    (run,) = words_of([text])
    return run.words.lengths.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("It rained, all day.", "It rained , all day .", id="marks at the end"),
        pytest.param('("Well!")', '( " Well ! " )', id="marks around"),
        pytest.param("don't it's they'll we’ve Jane's", "do n't it 's they 'll we ’ve Jane 's", id="contractions"),
        pytest.param("We cannot.", "We can not .", id="cannot"),
        pytest.param("well-kept 4-year twenty--one", "well - kept 4 - year twenty -- one", id="hyphens"),
        pytest.param("Mr. Smith of St. Louis, i.e. J. Smith.", "Mr. Smith of St. Louis , i.e. J. Smith .", id="short"),
        pytest.param("wait... what… no", "wait ... what … no", id="ellipses"),
        pytest.param("3.14 1,000 2019-20 10% $5", "3.14 1,000 2019 - 20 10 % $ 5", id="numbers"),
        pytest.param("end.Next and/or a,b", "end . Next and / or a , b", id="signs without blanks"),
        pytest.param("see https://a.example/b-c?d=e, or", "see https://a.example/b-c?d=e , or", id="an address"),
        pytest.param("#tag @name a_b", "# tag @name a_b", id="hash and at signs"),
        pytest.param("hi 😀😀 you", "hi 😀 😀 you", id="icons"),
        pytest.param("--- -x- *", "--- -x- *", id="hyphens at the edge stay"),
        pytest.param("人人生而自由。 всё, да", "人人生而自由 。 всё , да", id="other scripts"),
        pytest.param(" \n\t ", "", id="blank"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_words_are_cut_as_by_the_usual_tokeniser(text, words):
    assert lengths(text) == [len(word) for word in words.split()]


@given(st.text(max_size=200), st.text(max_size=50))
def test_words_hold_all_that_is_visible_and_nothing_else(text, before):
    *_, run = words_of([before, text], size=1 << 18)
    of_text = run.words.lengths[run.words.offsets[-2] :]
    assert of_text.sum() == len("".join(text.split()))
    assert (of_text > 0).all()


@given(st.lists(st.text(alphabet="ab.,' \n", max_size=60), min_size=1, max_size=4), st.integers(20, 60))
def test_blocks_change_nothing_where_a_text_can_be_cut_at_a_blank(texts, size):
    texts = [" ".join(text.replace("\n", " ").split()) + "\n" for text in texts]
    texts = [text for text in texts if all(len(word) < size // 2 for word in text.split())]
    whole, cut = list(words_of(texts)), list(words_of(texts, size))
    assert [n for run in cut for n in run.words.counts] == [n for run in whole for n in run.words.counts]
    for column in ("hashes", "lengths", "with_letter", "symbols"):
        parts = [np.concatenate([[], *(getattr(run.words, column) for run in runs)]) for runs in (whole, cut)]
        assert (parts[0] == parts[1]).all()


def test_a_word_has_one_hash_wherever_it_stands():
    (run,) = words_of(["rain, then rain", "rain"])
    assert run.words.hashes[[0, 3, 4]].tolist() == [hash_of("rain")] * 3
    assert run.words.hashes[2] != hash_of("rain")
