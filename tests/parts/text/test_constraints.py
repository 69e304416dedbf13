"""Each kind of constraint on both sides of its bound, counted by hand; as data, and never for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synth_dagster.parts.text.constraints import Keyword, Length, Pattern, constraint, sentences

FRENCH = "Le bateau quitte le port au lever du soleil, et les pêcheurs ne rentrent que le soir."
ENGLISH = "The boat leaves the harbour at sunrise, and the fishermen do not come home until evening."


@pytest.mark.parametrize(
    ("data", "meets", "fails"),
    [
        pytest.param({"kind": "length", "at_most": 3}, "one two three", "one two three four", id="words"),
        pytest.param({"kind": "length", "unit": "characters", "at_least": 4}, "abcd", "  abc  ", id="characters"),
        pytest.param(
            {"kind": "length", "unit": "sentences", "at_most": 2}, "A 3.14 m. Yes?!", "A. B. C", id="sentences"
        ),
        pytest.param({"kind": "length", "unit": "lines", "at_least": 2}, "a\n\nb", "a b\n \n", id="lines"),
        pytest.param({"kind": "length", "unit": "paragraphs", "at_least": 2}, "a\n \nb", "a\nb", id="paragraphs"),
        pytest.param(
            {"kind": "keyword", "word": "sea", "at_least": 2}, "Sea, the SEA!", "Sea and seaside", id="keyword"
        ),
        pytest.param({"kind": "keyword", "word": "by sea", "at_most": 0}, "seaside", "They came BY\nsea.", id="never"),
        pytest.param({"kind": "case", "case": "upper"}, "NO. 7!", "NO. 7, no", id="upper case"),
        pytest.param({"kind": "case", "case": "lower"}, "no. 7!", "No. 7", id="lower case"),
        pytest.param({"kind": "case", "case": "capitals"}, "Don't Run 4 It", "Do not Run", id="capitals"),
        pytest.param({"kind": "case", "case": "upper"}, "ÄÖ", "漢字 12", id="letters without case meet no case"),
        pytest.param({"kind": "format", "form": "json"}, '```json\n{"a": 1}\n```', '{"a": 1', id="JSON"),
        pytest.param({"kind": "format", "form": "bullets"}, "- a\n\n* b\n  • c", "- a\nb", id="bullets"),
        pytest.param({"kind": "format", "form": "numbered"}, "1. a\n2) b", "1. a\n3. b", id="numbered"),
        pytest.param({"kind": "format", "form": "one_line"}, "a b\n", "a\nb", id="one line"),
        pytest.param({"kind": "format", "form": "title"}, "<<Ships>>\nThey float.", "Ships\nThey", id="title"),
        pytest.param({"kind": "format", "form": "quoted"}, '"Go."', '"Go." he said', id="quoted"),
        pytest.param({"kind": "language", "language": "fr"}, FRENCH, ENGLISH, id="language"),
        pytest.param({"kind": "regex", "pattern": r"(?i)over\.?$"}, "It is over.", "Overture", id="pattern"),
        pytest.param({"kind": "regex", "pattern": ",", "absent": True}, "No comma", "One, two", id="pattern absent"),
    ],
)
def test_a_text_on_each_side_of_a_constraint(data, meets, fails):
    one = constraint(data)
    assert one.holds([meets, fails, "", " \n"]) == [True, False, False, False]
    assert constraint(one.model_dump(mode="json")) == one


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "lenght", "at_most": 3}, "does not match any of the expected tags"),
        ({"kind": "length"}, "needs 'at_least', 'at_most' or both"),
        ({"kind": "length", "at_least": 5, "at_most": 4}, "no text meets both"),
        ({"kind": "keyword", "word": " - ", "at_least": 1}, "needs a letter or a digit"),
        ({"kind": "language", "language": "French"}, "is no language code"),
        ({"kind": "regex", "pattern": "("}, "RE2 cannot read the pattern"),
        ({"kind": "regex", "pattern": "a", "flags": "i"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_constraint_is_refused_with_what_is_wrong(data, said):
    with pytest.raises(ValidationError, match=said):
        constraint(data)


def test_a_pattern_that_other_engines_never_end_on_is_quick():
    assert Pattern(pattern="^(a+)+$").holds(["a" * 50_000 + "b"]) == [False]


def test_sentences_end_at_marks_before_white_space():
    assert [sentences(text) for text in ("", "a", "A. B", "See www.a.org now!", "あ。い。", '"Go!" he said. ')] == [
        *(0, 1, 2, 1, 2, 2)
    ]


@given(st.text(), st.text(min_size=1), st.integers(1, 5))
def test_at_least_and_at_most_divide_all_texts_that_say_something(text, word, number):
    meets_one = [Length(at_least=number).holds([text])[0], Length(at_most=number - 1).holds([text])[0]]
    assert sum(meets_one) == (any(map(str.isalnum, text)))
    if any(map(str.isalnum, word)):
        more, fewer = Keyword(word=word, at_least=number), Keyword(word=word, at_most=number - 1)
        assert more.holds([text])[0] + fewer.holds([text])[0] == any(map(str.isalnum, text))
