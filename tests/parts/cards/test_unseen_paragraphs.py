"""What the released filter refuses is refused, and what it refuses by mistake is not."""

import pytest

from synth_dagster.parts.cards.unseen_paragraphs import KEY_WORDS, unfit_alone


@pytest.mark.parametrize(
    ("instruction", "ours", "official"),
    [
        ("Design a four-step plan to cut water use at home.", None, None),
        ("Explain how snow forms in clouds.", None, "key_word"),  # s-now
        ("How do chefs know when the bread is done?", None, "key_word"),  # k-now
        ("Describe the context of the treaty.", None, "key_word"),  # con-text
        ("Plan a garden.", None, None),
        ("Plan a garden", "too_short", "too_short"),
        ("Why?", None, None),
        ("Explain the text in your own words.", "key_word", "key_word"),
        ("Based on the story, say who came first.", "key_word", "key_word"),
        ("What is the name of the tallest tower?", "key_word", "key_word"),
        ("Which laws are currently discussed in Peru?", "key_word", "key_word"),
        ("Referring to the story, list its heroes.", "key_word", "key_word"),
        ("Describe a caf\u00e9 in winter for a guide.", "not_ascii", "not_ascii"),
        ("1 + 1 = 2 + 2 = 4 ?", "few_letters", "few_letters"),
        ("", "blank", "blank"),
        (" \n ", "blank", "blank"),
    ],
)
def test_fixtures(instruction, ours, official):
    assert unfit_alone(instruction) == ours
    assert unfit_alone(instruction, official=True) == official


@pytest.mark.parametrize("word", KEY_WORDS)
def test_each_key_word_alone_is_refused_by_both(word):
    told = f"Tell me {word} what a harbour is for."
    assert unfit_alone(told) == unfit_alone(told, official=True) == "key_word"
    assert unfit_alone(told.upper()) == "key_word"


def test_other_languages_pass_where_they_are_allowed():
    assert unfit_alone("Beschreibe ausf\u00fchrlich eine M\u00fchle im Winter.", ascii_only=False) is None
