"""Each way to carry a threshold over, by hand; and which of them is taken."""

import hashlib
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.parts.pages.language_addresses import speaks_for
from synth_dagster.parts.pages.language_rules import (
    ENGLISH,
    SHIPPED,
    SHIPPED_VERSION,
    measured,
    packed,
    shipped,
    unpacked,
    vocabulary,
)
from synth_dagster.parts.pages.threshold_tuning import (
    dropped,
    frequent,
    mean_std,
    median_ratio,
    own,
    quantile,
    ten_tail,
    threshold,
    tuned,
)

ENGLISH_VALUES = np.array([0.0, 0.1, 0.2, 0.3])  # mean .15, deviation .1118, median .15
VALUES = np.array([0.2, 0.3, 0.4, 0.5, 0.6])  # mean .4, deviation .1414, median .4


def test_as_many_deviations_from_the_mean():
    # (.25 - .15) / .1118 = .8944 deviations; .4 + .8944 * .1414 = .5265
    assert mean_std(VALUES, ENGLISH_VALUES, 0.25, "most") == pytest.approx(0.5265, abs=1e-4)
    assert mean_std(VALUES, np.ones(3), 0.25, "most") == 0.25


def test_the_same_share():
    # a quarter of English lies above .25: the third quartile of five values is the fourth, .5
    assert quantile(VALUES, ENGLISH_VALUES, 0.25, "most") == pytest.approx(0.5)
    # half of English lies below .15, so the median
    assert quantile(VALUES, ENGLISH_VALUES, 0.15, "least") == pytest.approx(0.4)


def test_as_much_larger_as_the_median():
    assert median_ratio(VALUES, ENGLISH_VALUES, 0.3, "most") == pytest.approx(0.3 * 0.4 / 0.15)
    assert median_ratio(VALUES, np.zeros(3), 0.3, "most") == 0.3


@pytest.mark.parametrize("side", ["most", "least"])
def test_the_tail_drops_a_tenth_of_the_reference(side):
    values = np.random.default_rng(0).beta(2, 5, size=1_000)
    assert dropped(values, ten_tail(values, values, 0.0, side), side) == pytest.approx(0.1, abs=0.005)


def test_a_way_that_drops_nothing_or_too_much_is_passed_over():
    # repetition asks for deviations first: (.2 - 0) / 0 deviations are none, so .2, which drops all; the same share is
    # none, so the largest value, which drops nothing; the tail drops the last of ten, above .9 + .1 * .09
    values = np.linspace(0.5, 1.4, 10)
    assert threshold("top_2", values, np.zeros(4)) == pytest.approx(1.31)
    # nothing that is useful: what drops nothing
    assert threshold("word_length", np.full(9, 1.2), np.full(9, 4.5)) == 1


def test_stop_words_are_frequent_and_at_least_so_many():
    words = {"la": 50, "de": 30, "Art": 15, "chat": 5}
    assert frequent(words, 0.2, 1) == ("la", "de")
    assert frequent(words, 0.2, 3) == ("la", "de", "chat")


def test_own_words_are_common_and_stand_nowhere_else():
    words = {"ona": 90, "tri": 90, "rare": 1} | {f"word{place}": 2 for place in range(37)}
    # of 40 counts the 95th percentile lies at place 37.05 of 0 to 39, just above the last 2; of tri 90 of 110 are here
    assert own(words, words | {"tri": 110}) == ("ona",)
    assert own({}, {}) == ()


def test_words_are_cut_as_the_rules_will_find_them():
    assert vocabulary(pa.array(["Le chat, le 3 chat-huant (l'eau)."])) == {
        "Le": 1,
        "chat": 1,
        "le": 1,
        "chat-huant": 1,
        "l'eau": 1,
    }
    assert vocabulary(pa.array(["猫が好き。"])) == {"猫": 1, "が": 1, "好": 1, "き": 1}


def test_letters_of_scripts_without_blanks_are_words():
    found = measured(pa.array(["人人生而自由", "ที่ดี", "བོད་ཡིག", "ሰላም፡ነው"]))
    # ท with its two marks, ด with one: two words; a tsheg and a wordspace part two
    assert found["words"].tolist() == [6, 2, 2, 2]


def test_blanks_at_the_end_of_a_line_do_not_hide_the_end_of_a_sentence():
    found = measured(pa.array(["လူတိုင်း။ \nIt rained.\t\r\nand then \n", "It rained.\nIt did not"]))
    assert found["terminal_punctuation"].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_a_page_of_nothing_has_no_shares():
    found = measured(pa.array(["", "...", " \n "]))
    assert np.isnan(found["word_length"]).all() and found["words"].tolist() == [0, 0, 0]


def test_rules_are_found_for_each_label_and_survive_being_packed():
    pages = ["The cat of the house sat in the sun.\nIt was warm."] * 5 + [
        "Le chat de la maison dort.\nIl fait bon."
    ] * 5
    rules = tuned(pa.array(pages), ["en"] * 5 + ["fr"] * 5, english="en", never_stricter=True, least=0.05, stop_words=2)
    assert rules.keys() == {"en", "fr"}
    for one in rules.values():
        for name, (side, limit) in ENGLISH.items():
            assert one.limits[name] >= limit if side == "most" else one.limits[name] <= limit
    assert "the" in rules["en"].stop_words and "de" in rules["fr"].stop_words
    assert packed(unpacked(packed(rules))) == packed(rules)
    for broken in (b"{", b"[]", b'{"en": {}}', packed(rules)[:-40]):
        with pytest.raises(MethodError, match="cannot be read"):
            unpacked(broken)


def test_the_version_is_that_of_the_shipped_rules():
    data = files("synth_dagster.parts.pages").joinpath(SHIPPED).read_bytes()
    assert hashlib.sha256(data).hexdigest().startswith(SHIPPED_VERSION)
    assert len(shipped()) == 57 and all(len(one.stop_words) >= 8 for one in shipped().values())


@pytest.mark.parametrize(
    ("url", "lang", "speaks"),
    [
        ("https://www.lemonde.fr/a", "fr", True),
        ("https://example.org/fr/page", "fr", True),
        ("https://fr.example.org", "fr", True),
        ("https://example.org?lang=fra", "fr", True),
        ("https://example.org/french-lessons", "fr", True),
        ("https://example.org/frogs", "fr", False),
        ("https://example.org/what-is-new", "is", False),
        ("https://example.fr.com/a", "fr", False),
        ("https://example.org/a", "xx", False),
        (None, "fr", False),
    ],
)
def test_addresses_speak_for_languages(url, lang, speaks):
    assert speaks_for(url, lang) == speaks
