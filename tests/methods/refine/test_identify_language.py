"""What is found out is written down, what is declared stays."""

import asyncio

import pytest

from synth_dagster.methods.refine.identify_language import IdentifyLanguage
from synth_dagster.recipe import Step
from synth_dagster.records import Document, digest
from synth_dagster.runner.stamp import Stamper

GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren, und sie sind mit Vernunft begabt."


def refined(body, lang="und", **settings):
    document = Document(body=body, lang=lang, record_id=digest(body), content_hash=digest(body), stage="above")
    return document, asyncio.run(IdentifyLanguage(**settings).refine(document))


def test_a_language_that_nobody_declared_is_written_down():
    document, better = refined(GERMAN)
    assert better.lang == "de" and better.parents == (document,)
    assert better.attributes["language"]["script"] == "Latn" and better.attributes["language"]["score"] > 0.9


@pytest.mark.parametrize(
    ("settings", "body", "lang"),
    [
        pytest.param({"lang": "sv"}, GERMAN, "sv", id="declared"),
        pytest.param({}, "12 + 30", "und", id="no words"),
        pytest.param({"min_score": 1}, GERMAN, "und", id="not sure enough"),
    ],
)
def test_a_document_stays_as_it_is(settings, body, lang):
    document, better = refined(body, **settings)
    assert better is document and better.lang == lang


def test_a_declared_language_is_corrected_where_that_is_asked_for():
    assert refined(GERMAN, lang="sv", override=True)[1].lang == "de"


def test_the_runner_keeps_what_was_found_out():
    method = IdentifyLanguage()
    stamper = Stamper("stage", "b", Step("identify_language", "identify_language", method, 1))
    assert stamper.stamp(refined(GERMAN)[1], sample=0).lang == "de"
    assert stamper.stamp(refined(GERMAN)[0].but(body="x"), sample=0).lang == "und"
