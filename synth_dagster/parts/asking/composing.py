"""Adding a constraint to a query: what a decomposition takes out of one query is put into another.

Paper: arXiv:2502.04153 (UltraIF), which trains a model, the composer, on triples of a query without one constraint, the
query, and the question whether an answer keeps it. `Frequencies` is the small form of it for a machine without
gradients: a constraint is drawn as often as it occurs among the triples of a batch, and put in as it stood there.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

from synth_dagster.parts.text.words import is_blank, normalised

Origin = TypeVar("Origin")
ConstraintType: TypeAlias = Literal["content", "numerical", "stylistic", "format", "linguistic"]

_SENTENCE_END = re.compile(r"[.!?:;。！？][\"'”’)\]]*$")
# What a model that rewrites a query may leave of its own prompt.
_RESIDUE = re.compile(
    r"</?\s*(?:query|history|question|constraint|count)\b[^>]*>|^\W*(?:new|composed|complex|rewritten) query\W*:"
    r"|^\W*here (?:is|'s) (?:the|your|a) (?:new|composed|complex|rewritten)\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Triple(Generic[Origin]):
    """A query without one of its constraints, the query, and the question about that constraint."""

    kind: ConstraintType
    constraint: str
    simplified: str
    query: str
    question: str
    origin: Origin  # what it was taken from

    @property
    def sentence(self) -> str:
        """The constraint as it stood in the query where that is told by a sentence of its own, else as it was named."""
        return added_sentence(self.simplified, self.query) or as_sentence(self.constraint)


def added_sentence(simplified: str, query: str) -> str:
    """The whole sentences that a query has more than its simplified form; empty where it differs in another way."""
    fewer, more = simplified.split(), query.split()
    before = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(fewer, more, strict=False)))
    after = len(fewer) - before
    added = more[before : len(more) - after]
    rest = [*more[:before], *more[len(more) - after :]]
    begins = before == 0 or bool(_SENTENCE_END.search(more[before - 1]))
    if rest != fewer or not added or not begins or not _SENTENCE_END.search(added[-1]):
        return ""
    return " ".join(added)


def as_sentence(constraint: str) -> str:
    """A constraint that was named in passing, with a capital and a full stop."""
    text = constraint.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if _SENTENCE_END.search(text) else '.'}"


def with_sentence(query: str, sentence: str) -> str:
    """The query with one sentence more; below it where it has several lines, such as data to work on."""
    text = query.rstrip()
    if "\n" in text:
        return f"{text}\n\n{sentence}"
    return f"{text}{'' if _SENTENCE_END.search(text) else '.'} {sentence}"


def why_not_composed(composed: str, query: str) -> str | None:
    """Why what a composer wrote is no new query."""
    checks = {
        "blank": is_blank(composed),
        "copy": normalised(composed) == normalised(query),
        "residue": has_residue(composed),
    }
    return next((reason for reason, fails in checks.items() if fails), None)


def has_residue(text: str) -> bool:
    """Whether a text holds words of the prompt that it was written for."""
    return bool(_RESIDUE.search(text))


class Frequencies(Generic[Origin]):
    """The constraints of many queries by type, drawn as often as they occur."""

    def __init__(self, triples: Iterable[Triple[Origin]]) -> None:
        self._by_type: dict[str, list[Triple[Origin]]] = {}
        for triple in triples:
            self._by_type.setdefault(triple.kind, []).append(triple)

    def drawn(self, taken: Sequence[str], rng: random.Random) -> Triple[Origin] | None:
        """One whose type is not taken, since two of one type may contradict each other; None where none is left."""
        free: list[str] = [kind for kind in get_args(ConstraintType) if kind in self._by_type and kind not in taken]
        if not free:
            return None
        (kind,) = rng.choices(free, [len(self._by_type[one]) for one in free])
        return rng.choice(self._by_type[kind])
