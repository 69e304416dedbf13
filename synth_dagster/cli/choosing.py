"""Which methods are meant by a few words: a ranking over what methods say of themselves, without a model.

A word counts by where it stands and by how few methods have it. Words meet by their stems, or where one begins or ends
the other, so that `math` finds `mathematics` and `MetaMath`.
"""

import inspect
import math
import sys
from collections.abc import Iterable, Mapping, Sequence

from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.method import Method
from synth_dagster.parts.text.words import content_words, stem

SHORTEST_PART = 4  # letters that a word must share with a longer one to be taken for it
LEAST_SHARE = 0.4  # of the longer one: "word" is no part of "nonsenseword", "math" is one of "mathematics"
PART = 0.6  # what a part of a word counts beside the whole
ELSEWHERE = 0.1  # what a word counts where it stands, too, beside its best place

# Where a word stands -> what it counts.
WEIGHTS: Mapping[str, float] = {"name": 4.0, "topics": 4.0, "summary": 3.0, "sort": 2.0, "about": 1.0, "settings": 0.5}


class NoPurpose(SynthError):
    """Words that say nothing."""

    exit_code = ExitCode.USAGE


def ranked(purpose: str, found: Sequence[type[Method]]) -> list[type[Method]]:
    """The methods that have any of the words, best first, then by name. Raises NoPurpose when no word is left."""
    wanted = list(dict.fromkeys(_stems(purpose)))
    if not wanted:
        raise NoPurpose(f"{purpose!r} holds no word to look for. Say what the data is for, as in 'math reasoning'.")
    fields = {method.slug: _fields(method) for method in found}
    matches = {word: {slug: _match(word, its) for slug, its in fields.items()} for word in wanted}
    scores = {slug: sum(_worth(matches[word]) * matches[word][slug] for word in wanted) for slug in fields}
    hits = [method for method in found if scores[method.slug] > 0]
    return sorted(hits, key=lambda method: (-scores[method.slug], method.slug))


def _fields(method: type[Method]) -> Mapping[str, frozenset[str]]:
    texts = {
        "name": f"{method.slug} {method.__name__}".replace("_", " "),
        "topics": " ".join(method.topics),
        "summary": method.summary(),
        "sort": " ".join((method.kind, method.family, *method.serves(), *method.needs())),
        "about": f"{sys.modules[method.__module__].__doc__ or ''} {inspect.getdoc(method) or ''} {method.paper}",
        "settings": " ".join(f"{name} {field.description or ''}" for name, field in method.model_fields.items()),
    }
    return {name: frozenset(_stems(text)) for name, text in texts.items()}


def _stems(text: str) -> Iterable[str]:
    return (stem(part) for word in content_words(text) for part in word.replace("_", "-").split("-") if part)


def _match(word: str, fields: Mapping[str, frozenset[str]]) -> float:
    """What a word counts for a method: where it stands best, and a little for every other place."""
    best = {name: max((_likeness(word, other) for other in its), default=0.0) for name, its in fields.items()}
    counted = sorted((WEIGHTS[name] * likeness for name, likeness in best.items()), reverse=True)
    return counted[0] + ELSEWHERE * sum(counted[1:])


def _likeness(word: str, other: str) -> float:
    if word == other:
        return 1.0
    short, long = sorted((word, other), key=len)
    is_part = len(short) >= max(SHORTEST_PART, LEAST_SHARE * len(long))
    return PART if is_part and (long.startswith(short) or long.endswith(short)) else 0.0


def _worth(matches: Mapping[str, float]) -> float:
    """A word that every method has tells nothing apart."""
    having = sum(match > 0 for match in matches.values())
    return math.log(1 + len(matches) / having) if having else 0.0
