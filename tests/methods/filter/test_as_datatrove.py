"""A thousand made-up pages go or stay as with datatrove, for the same reason; what it said of them is stored.

It was run over `made_up_pages` with its defaults, `filter_no_terminal_punct` off, in the versions that are in
`fixtures/datatrove_reasons.json`. The hash there tells that the pages are still those that it was given.
"""

import hashlib
import json
from pathlib import Path

import pytest

from synth_dagster.methods.filter.fineweb_quality import FinewebQuality
from synth_dagster.methods.filter.gopher_quality import GopherQuality
from synth_dagster.methods.filter.gopher_repetition import GopherRepetition
from synth_dagster.methods.refine.c4_quality import C4Quality, sentences
from synth_dagster.services import Drop
from tests.methods.filter.made_up_pages import pages

STORED = json.loads((Path(__file__).parents[2] / "fixtures" / "datatrove_reasons.json").read_text("utf-8"))

# datatrove's reason -> ours
REASONS = {
    "gopher_repetition": {
        "dup_para_frac": "repeated_paragraphs",
        "dup_para_char_frac": "characters_in_repeated_paragraphs",
        "dup_line_frac": "repeated_lines",
        "dup_line_char_frac": "characters_in_repeated_lines",
        **{f"top_{n}_gram": f"top_{n}" for n in (2, 3, 4)},
        **{f"duplicated_{n}_n_grams": f"repeated_{n}" for n in range(5, 11)},
    },
    "gopher_quality": {
        "gopher_short_doc": "too_few_words",
        "gopher_below_avg_threshold": "short_words",
        "gopher_above_avg_threshold": "long_words",
        "gopher_too_many_hashes": "hashes",
        "gopher_too_many_ellipsis": "ellipses",
        "gopher_too_many_bullets": "bullet_lines",
        "gopher_too_many_end_ellipsis": "ellipsis_lines",
        "gopher_below_alpha_threshold": "few_words_with_letters",
        "gopher_enough_stop_words": "few_stop_words",
    },
    "c4_quality": {name: name for name in ("lorem_ipsum", "curly_bracket", "too_few_sentences")},
    "fineweb_quality": {
        "line_punct_ratio": "few_sentences",
        "short_line_ratio": "short_lines",
        "char_dup_ratio": "duplicate_lines",
        "list_ratio": "list_like",
    },
}
# Pages of which the two decide otherwise, each a hair from its limit: in all but the last "):" of "def f(x): {" is one
# word there, an emoticon; in the last the full stop of "of:." is no word here.
OTHERWISE = {"gopher_repetition": {899}, "gopher_quality": {216, 504}, "fineweb_quality": {605}}


@pytest.fixture(scope="module")
def given():
    made = pages()
    assert hashlib.sha256("\0".join(made).encode()).hexdigest() == STORED["sha256"], "the pages are others"
    return made


def theirs(name):
    """The reason of each page in our words, None where it stays."""
    found = [None] * 1_000
    for reason, places in STORED["reasons"][name].items():
        for place in places:
            found[place] = REASONS[name][reason]
    return found


def differing(name, ours):
    return {place for place, (a, b) in enumerate(zip(theirs(name), ours, strict=True)) if a != b}


@pytest.mark.parametrize("method", [GopherRepetition(), GopherQuality(), FinewebQuality()], ids=lambda one: one.slug)
def test_filters_give_the_reasons_of_datatrove(method, given, verdicts_of):
    assert differing(method.slug, verdicts_of(method, given)) == OTHERWISE[method.slug]


def test_c4_quality_gives_its_reasons_and_leaves_its_texts(given):
    left = [C4Quality().clean(text) for text in given]
    assert not differing("c4_quality", [one.reason if isinstance(one, Drop) else None for one in left])
    hashes = [hashlib.sha256(one.encode()).hexdigest()[:12] for one in left if isinstance(one, str)]
    assert hashlib.sha256("".join(hashes).encode()).hexdigest() == STORED["texts_left"]


def test_sentences_are_counted_as_spacys_rules_do():
    assert len(STORED["sentences"]) == 300
    assert [[line, sentences(line)] for line, _ in STORED["sentences"]] == STORED["sentences"]


@pytest.mark.parametrize("name", REASONS)
def test_nearly_every_rule_has_its_pages(name):
    # a page of 100,001 words is none to make up a thousand times
    assert {"gopher_long_doc", *STORED["reasons"][name]} >= set(REASONS[name])
    assert 200 < theirs(name).count(None) < 800
