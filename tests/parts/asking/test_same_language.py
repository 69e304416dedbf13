"""A text is foreign only where both its language and its source's are sure."""

from synth_dagster.parts.asking.same_language import in_another_language

ENGLISH = "The harbour lies at the mouth of the river, and the people who live there have always lived by trade."
GERMAN = "Der Hafen liegt an der Mündung des Flusses, und die Leute, die dort wohnen, leben seit jeher vom Handel."


def test_an_answer_in_another_language_is_told_in_both_directions():
    assert in_another_language([ENGLISH, GERMAN], ENGLISH) == [False, True]
    assert in_another_language([ENGLISH, GERMAN], GERMAN) == [True, False]


def test_scripts_without_spaces_are_told_too():
    chinese = "这座港口位于河口，住在那里的人们一直以来都靠贸易为生，他们的船每天都会出海。"
    assert in_another_language([chinese, ENGLISH], ENGLISH) == [True, False]
    assert in_another_language([chinese, ENGLISH], chinese) == [False, True]


def test_a_few_words_and_names_tell_no_language():
    assert in_another_language(["Guten Morgen", "", "42", "Ja."], ENGLISH) == [False] * 4
    assert in_another_language([GERMAN, ENGLISH], "x = [1, 2, 3]") == [False, False]
    assert in_another_language([], ENGLISH) == []


def test_half_a_character_is_no_reason_to_fail():
    assert in_another_language([f"\ud800{ENGLISH}"], ENGLISH) == [False]
