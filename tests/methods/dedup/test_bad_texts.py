"""Every finder of duplicates, fed with what corpora hold: copies are found in any script, and others are others."""

import pyarrow as pa
import pytest

from synth_dagster.catalog import methods
from synth_dagster.errors import MethodError
from synth_dagster.method import Deduplicator
from synth_dagster.runner.vectors import NoVectors
from synth_dagster.services import Vectors, asked_of
from tests.methods.dedup.pools import duplicates_in, pool_of

FINDERS = {slug: method for slug, method in methods().items() if issubclass(method, Deduplicator)}
WITH_WORDS = {
    "one word": "lighthouse",
    "another word": "harbour",
    "numbers only": "12345 67890 31415",
    "other numbers": "27182 81828 45904",
    "one number": "7",
    "Arabic, right to left": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق",
    "Hebrew, right to left": "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם",
    "right to left with marks of direction": "\u202bהנהר זורם\u202c לאט \u200fאל הים הגדול",
    "Chinese, no blanks": "人人生而自由在尊严和权利上一律平等",
    "Japanese, no blanks": "すべての人間は生まれながらにして自由である",
    "Thai, no blanks": "มนุษย์ทั้งปวงเกิดมามีอิสระและเสมอภาคกัน",
    "Tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས",
    "control characters between words": "the\x00 bell\x01 rings\x1b at\x7f noon\x85",
    "half a character, as a reader leaves it": "caf\ufffd on the corner",
    "an accent of its own": "cafe\u0301 by the sea",
    "no character that has been assigned": "the sign \U000e0fff stands here",
    "one long word": "x" * 50_000,
    "an emoji among words": "the dog 🐕 barks",
}
WITHOUT_WORDS = {
    "blanks": " \t\n\u00a0\u2028",
    "marks only": "!!! ??? ...",
    "control characters only": "\x00\x01\x02",
    "signs of replacement only": "\ufffd\ufffd\ufffd",
    "a mark of direction": "\u202e\u200f",
    "emoji only": "🐕🐈",
}


# A run has two words here, and what has no words has no meaning.
NOT_FOUND = {
    "substring_dedup": {"one word", "another word", "one number", "one long word", *WITHOUT_WORDS},
    "semantic_dedup": set(WITHOUT_WORDS),
}


def settings(slug):
    return {"words": 2} if slug == "substring_dedup" else {}


def clusters(slug, texts):
    """For each text the number of the text that it duplicates; its own where it is kept."""
    method = FINDERS[slug](**settings(slug))
    services = {name: NoVectors() for name, of in asked_of(method.cluster).items() if of is Vectors}
    found = method.cluster(pool_of(texts), **services)
    kept = duplicates_in(found)
    assert found["keep"].to_pylist() == [own == of for own, of in enumerate(kept)]
    assert found["size"].to_pylist() == [kept.count(of) for of in kept]
    return kept


@pytest.mark.parametrize("slug", FINDERS)
def test_copies_are_found_in_every_script_and_texts_that_differ_stay(slug):
    texts = WITH_WORDS | WITHOUT_WORDS
    kept = clusters(slug, [*texts.values(), *texts.values()])
    first, again = kept[: len(texts)], kept[len(texts) :]
    assert first == list(range(len(texts))), "no text is taken for another"
    found = {name for place, name in enumerate(texts) if again[place] == place}
    assert all(of in (place, place + len(texts)) for place, of in enumerate(again)), "nor is a copy"
    assert found == set(texts) - NOT_FOUND.get(slug, set())


@pytest.mark.parametrize("slug", FINDERS)
@pytest.mark.parametrize("texts", [[], [None], [""], [None, "", None], ["a"]], ids=str)
def test_hardly_anything_is_no_error(slug, texts):
    assert len(clusters(slug, texts)) == len(texts)


@pytest.mark.parametrize("slug", FINDERS)
@pytest.mark.parametrize(
    "column",
    [pa.array([1, 2]), pa.array([b"a", b"b"]), pa.array([["a"], ["b"]]), pa.nulls(2)],
    ids=lambda column: str(column.type),
)
def test_a_column_of_another_type_is_refused_by_name(slug, column):
    with pytest.raises(MethodError, match=r"'text' is of type .*(int64|binary|list|null).* cast it to string"):
        clusters(slug, column)
