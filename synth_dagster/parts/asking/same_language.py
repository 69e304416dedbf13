"""Whether a model answered in the language of what it was given."""

from collections.abc import Sequence

from synth_dagster.parts.text.tokens import count
from synth_dagster.parts.text.words import STOP_WORDS, words

SURE = 0.9  # of both texts, before one counts as foreign
FEWEST = 12  # tokens that tell a language
SHARED = 0.3  # of a text's words that its source has too, or of the words of both that are English stop words


def in_another_language(texts: Sequence[str], source: str) -> list[bool]:
    """Which texts are surely in another language than their source; never one of a few words, nor of an unsure one.

    The model is asked only about texts that do not share their plain words with the source: it costs a millisecond.
    """
    if count(source) < FEWEST:
        return [False] * len(texts)
    known = words(source)
    there, is_english = frozenset(known), _is_english(known)
    doubtful = [place for place, text in enumerate(texts) if _is_doubtful(text, there, is_english)]
    strange = _told_apart([texts[place] for place in doubtful], source, is_english) if doubtful else []
    foreign = {place for place, is_strange in zip(doubtful, strange, strict=True) if is_strange}
    return [place in foreign for place in range(len(texts))]


def _is_doubtful(text: str, there: frozenset[str], is_english: bool) -> bool:
    said = words(text)
    if count(text) < FEWEST or (is_english and _is_english(said)):
        return False
    return sum(word in there for word in said) < SHARED * len(said)


def _is_english(said: Sequence[str]) -> bool:
    return sum(word in STOP_WORDS for word in said) >= SHARED * len(said)


def _told_apart(texts: Sequence[str], source: str, is_english: bool) -> list[bool]:
    import pyarrow as pa

    from synth_dagster.parts.text.languages import languages_of

    told = [text.encode("utf-8", "replace").decode() for text in (source, *texts)]
    found = languages_of(pa.array(told, pa.string()))
    name, score = ("en", 1.0) if is_english else (found.names[0], found.scores[0])
    return [
        bool(score >= SURE and other != name and sure >= SURE)
        for other, sure in zip(found.names[1:], found.scores[1:], strict=True)
    ]
