"""Settings that name a language say so where no text is ever told to be in it."""

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pydantic import ValidationError

from synth_dagster.methods.filter.fineweb2 import Fineweb2
from synth_dagster.methods.filter.language import Language
from synth_dagster.methods.refine.identify_language import IdentifyLanguage
from synth_dagster.parts.text.language_codes import KNOWN


def test_the_codes_are_those_of_the_model():
    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    assert sorted(KNOWN) == sorted({*model.nb_classes} - {"zxx"})  # which is no language


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        pytest.param(lambda: Language(keep=("en", "haw")), "'haw'", id="a language that is not known"),
        pytest.param(lambda: Language(keep=("eng",)), "'eng'", id="a code of another standard"),
        pytest.param(lambda: Language(min_scores={"mi": 0.3}), "'mi'", id="a threshold of none"),
        pytest.param(lambda: Language(counted_as={"msa": "id"}), "'msa'", id="counted, and never told"),
        pytest.param(lambda: Fineweb2(keep=("bo",)), "'bo'", id="kept by FineWeb2"),
        pytest.param(lambda: Fineweb2(precise=("haw",)), "'haw'", id="precise"),
        pytest.param(lambda: IdentifyLanguage(counted_as={"ms": "id", "id": "jv"}), "'id'", id="a chain"),
    ],
)
def test_a_name_that_no_text_gets_is_refused(settings, named):
    with pytest.raises(ValidationError, match=named):
        settings()


def test_what_others_are_counted_as_and_what_is_declared_may_be_kept():
    assert Language(keep=("bo",), counted_as={"dz": "bo"}).keep == ("bo",)
    assert Fineweb2(keep=("haw",), language="haw").keep == ("haw",)
    assert Language(keep=()).keep == ()


def test_what_counts_as_another_is_a_signal_and_no_threshold():
    for method in (Language, Fineweb2):
        assert method(counted_as={"ms": "id"}).signals_fingerprint() != method().signals_fingerprint()
        assert method(keep=("de",)).signals_fingerprint() == method().signals_fingerprint()
