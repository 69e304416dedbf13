"""Language rules on both sides of their thresholds."""

import pytest

from synth_dagster.methods.filter.language import Language

ENGLISH = "All human beings are born free and equal in dignity and rights, and they are endowed with reason."
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren, und sie sind mit Vernunft begabt."
INDONESIAN = "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama."
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах, и они наделены разумом."


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        pytest.param({}, ENGLISH, None, id="English, surely"),
        pytest.param({}, GERMAN, "other_language", id="German"),
        pytest.param({}, "This is a test", "unsure", id="so short that English is .61"),
        pytest.param({"min_score": 0.61}, "This is a test", None, id="above a lower threshold"),
        pytest.param({"min_scores": {"en": 0.6}}, "This is a test", None, id="above the threshold of English"),
        pytest.param({"min_scores": {"de": 0.6}}, "This is a test", "unsure", id="the threshold of another language"),
        pytest.param({"keep": ("de", "ru")}, GERMAN, None, id="one of several"),
        pytest.param({"keep": ()}, RUSSIAN, None, id="every language"),
        pytest.param({"keep": ()}, "12 + 30 = 42", "unsure", id="no language"),
        pytest.param({"keep": (), "scripts": ("Latn",)}, RUSSIAN, "other_script", id="another script"),
        pytest.param({"keep": ("id",), "counted_as": {"ms": "id"}}, INDONESIAN, None, id="Malay counts as Indonesian"),
        pytest.param({"keep": ("id",)}, INDONESIAN, "other_language", id="which is called Malay"),
        # three windows of English, one of German
        pytest.param({"max_mixed": 0.2}, (ENGLISH + " ") * 16 + (GERMAN + " ") * 4, "mixed", id="a fourth is German"),
        pytest.param({"max_mixed": 0.4}, (ENGLISH + " ") * 16 + (GERMAN + " ") * 4, None, id="which is allowed"),
    ],
)
def test_thresholds(settings, text, reason, verdict_of):
    assert verdict_of(Language(**settings), text) == reason


def test_moving_a_threshold_computes_no_signal_anew():
    assert Language(keep=("de",), min_score=0.3).signals_fingerprint() == Language().signals_fingerprint()
