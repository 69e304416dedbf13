"""n-gram novelty of records: against reference texts, and against each other."""

import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.methods.measure.ngram_novelty import NgramNovelty


def numbers(references, *texts, corpus=(), **settings):
    flat = pa.table(
        {"record_id": pa.array([b"%d" % n for n in range(len(texts))]), "text": pa.array(texts, pa.string())}
    )
    against = "corpus/" if corpus else ""
    method = NgramNovelty(against=against, **settings)
    return method.measure(flat, references=references({"corpus/": list(corpus)})).numbers


def test_a_sentence_after_one_that_is_nearly_the_same(references):
    # lengths 1 2 3 4 5 0 1: mean 16/7; of 7 words 1 is new, of 3 runs of five 2
    found = numbers(references, "The cat sat on the DOG mat.", corpus=["the cat sat on the mat"], long_copy=5)
    assert (found["words"], found["longest"], found["long_copies"]) == (7, 5, 1)
    assert found["mean_length"] == pytest.approx(16 / 7)
    assert [found[f"novelty_{n}"] for n in (1, 5)] == pytest.approx([1 / 7, 2 / 3])
    assert "novelty_8" not in found  # no record has so many words


def test_without_references_records_are_compared_with_each_other(references):
    found = numbers(references, "a b c d", "x b c y", "", longest=2)
    # pairs: ab bc cd, xb bc cy: 4 of 6 stand in no other record; 6 of 8 words are b, c or not: a d x y are new
    assert (found["novelty_1"], found["novelty_2"]) == (pytest.approx(4 / 8), pytest.approx(4 / 6))


def test_a_set_twice_over_is_not_new_at_all(references):
    texts = ["one two three", "four five six"]
    once, twice = numbers(references, *texts), numbers(references, *texts, *texts)
    assert (once["novelty_3"], twice["novelty_3"]) == (1, 0)


def test_how_many_records_hold_a_long_copy(references):
    corpus = [" ".join(f"w{number}" for number in range(100))]
    copy, new = " ".join(f"w{number}" for number in range(20, 75)), "nothing of it here"
    # 55 words in a row in one of two records; a record without words is none
    assert numbers(references, copy, new, "", corpus=corpus)["long_copies"] == 0.5
    assert numbers(references, copy, new, corpus=corpus, long_copy=56)["long_copies"] == 0


def test_how_open_it_is_what_comes_next(references):
    corpus = ["to be or not to be", "to go"]
    # after "to" stand be, be and go: log2(3) - 2/3 bits; after "to be" or and the end: 1 bit; "be or" goes on alike
    found = numbers(references, "to be or", corpus=corpus, entropy=True)
    assert found["next_word_entropy"] == pytest.approx((1.5849625 - 2 / 3 + 1 + 0) / 3)
    assert "next_word_entropy" not in numbers(references, "to be or", corpus=corpus)
    assert "next_word_entropy" not in numbers(references, "nothing here", corpus=corpus, entropy=True)


def test_another_column_and_one_that_is_not_there(references):
    flat = pa.table({"record_id": pa.array([b"1"]), "text": ["a b c d"], "response": ["c d"]})
    found = NgramNovelty(column="response", against="x").measure(flat, references=references({"x": ["c d"]}))
    assert (found.numbers["words"], found.numbers["novelty_2"]) == (2, 0)
    with pytest.raises(MethodError, match=r"have no column 'response'. Set 'column' to one of text"):
        NgramNovelty(column="response").measure(
            pa.table({"record_id": pa.array([b"1"]), "text": ["a"]}), references=references()
        )


def test_no_more_words_than_asked_are_compared_and_what_is_cut_counts_as_it_is(references):
    # the first five words: "a b c" and "d e"; of the references "a b"
    found = numbers(references, "a b c", "d e f", "g", corpus=["a b", "c d"], most_words=2, longest=2)
    assert found["words"] == 2 and found["longest"] == 2
    assert numbers(references, "a b c", "d e f", "g", longest=2, most_words=5)["words"] == 5
    many = numbers(references, *(f"w{number} x" for number in range(600)), longest=1, most_words=1_000)
    # 500 records of two words; x stands in all others
    assert (many["words"], many["novelty_1"]) == (1_000, 0.5)


@pytest.mark.parametrize("texts", [(), (None,), ("", "?!")], ids=["none", "missing", "no words"])
def test_no_words_have_no_novelty(references, texts):
    assert numbers(references, *texts) == {"words": 0}
