"""Whether a model answered in the language of what it was given."""

from collections.abc import Sequence

from synth_dagster.parts.words import words

SURE = 0.9  # of both texts, before one counts as foreign
FEWEST = 12  # words that tell a language


def in_another_language(texts: Sequence[str], source: str) -> list[bool]:
    """Which texts are surely in another language than their source; never one of a few words, nor of an unsure one."""
    import pyarrow as pa

    from synth_dagster.parts.languages import languages_of

    if not texts or len(words(source)) < FEWEST:
        return [False] * len(texts)
    told = [text.encode("utf-8", "replace").decode() for text in (source, *texts)]
    found = languages_of(pa.array(told, pa.string()))
    if found.scores[0] < SURE:
        return [False] * len(texts)
    return [
        bool(name != found.names[0] and score >= SURE and len(words(text)) >= FEWEST)
        for text, name, score in zip(texts, found.names[1:], found.scores[1:], strict=True)
    ]
