"""Questions of two hops: articles that share a name, the question that is made over it, and what can be wrong with it.

As in Source2Synth (arXiv:2409.08239), which links articles by their hyperlinks; here a name that both have links them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from random import Random

from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.mathematics.answers import last_number, number_of, same_answer
from synth_dagster.parts.text.grounding import find_verbatim, is_inside
from synth_dagster.parts.text.rewriting import refuses
from synth_dagster.parts.text.words import is_blank, normalised, words
from synth_dagster.records import Document
from synth_dagster.services import Call

MORE_WORDS = 5  # that an answer may have around the right one


@dataclass(frozen=True, slots=True)
class Hops:
    """A question on its way to a record; `reason` says why it goes no further."""

    first: Document
    second: Document
    bridge: str
    calls: tuple[bytes, ...] = ()
    samples: tuple[int, int] = (0, 0)  # how often either article was asked about this name before
    q1: str = ""
    q2: str = ""
    answer: str = ""
    question: str = ""
    tries: int = 0
    imputed: bool = False
    reason: str | None = None
    call: Call | None = None

    def paid(self, calls: Sequence[bytes]) -> "Hops":
        return replace(self, calls=(*self.calls, *calls))

    def in_any_order(self) -> list[Document]:
        """Both articles by id: were the first hop always shown first, a model would learn that."""
        return sorted((self.first, self.second), key=lambda one: one.record_id)

    def why_no_hops(self) -> str | None:
        """What is wrong with the two questions, or None."""
        checks = {
            "blank_question": is_blank(self.q1) or is_blank(self.q2) or is_blank(self.answer),
            "refusal": refuses(self.q1) or refuses(self.q2),
            "bridge_in_first_question": is_inside(self.bridge, self.q1),
            "bridge_not_in_second_question": not is_inside(self.bridge, self.q2),
            "answer_is_bridge": normalised(self.answer) == normalised(self.bridge),
            "answer_in_first_article": is_inside(self.answer, self.first.body),
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def why_no_question(self) -> str | None:
        """What is wrong with the question that joins the two, or None."""
        checks = {
            "blank_question": is_blank(self.question),
            "refusal": refuses(self.question),
            "bridge_in_question": is_inside(self.bridge, self.question),
            "answer_in_question": is_inside(self.answer, self.question),
            "one_hop": normalised(self.question) in (normalised(self.q1), normalised(self.q2)),
            "other_language": in_another_language([self.question], self.first.body)[0],
        }
        return next((reason for reason, fails in checks.items() if fails), None)


def agrees(answer: str, said: str) -> bool:
    """Soft exact match: numbers by value, else the answer stands in what was said with at most five words around it."""
    if same_answer(answer, said):
        return True
    if number_of(answer) is not None:
        return same_answer(answer, last_number(said) or "")
    return len(said.split()) <= len(answer.split()) + MORE_WORDS and is_inside(answer, said)


def shown(article: Document) -> str:
    return tagged("passage", article.body, title=article.title)


class LinkedArticles:
    """Which articles have a name: those that have all of its words, then those that have it as it is written."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.places: Mapping[str, set[int]] = defaultdict(set)
        for place, document in enumerate(documents):
            for word in words(document.body):
                self.places[word].add(place)

    def hops(self, first: Document, names: Sequence[str], most: int, draws: Random) -> list[Hops]:
        """Those from an article to others: each name once in random order, then each again to another article."""
        ways = [self._linked(name, first, draws) for name in draws.sample(names, len(names))]
        hops = [hop for hop in chain.from_iterable(zip_longest(*ways)) if hop]
        return [Hops(first, second, name) for second, name in hops[:most]]

    def _linked(self, name: str, first: Document, draws: Random) -> list[tuple[Document, str]]:
        """The other articles that have the name, in random order. A copy of the first is none of them."""
        sets = [self.places.get(word, set()) for word in words(name)]
        places = sorted(set.intersection(*sets)) if sets else []
        others = [self.documents[place] for place in draws.sample(places, len(places))]
        return [(one, name) for one in others if one.body != first.body and find_verbatim(name, one.body)]


def numbered(hops: Iterable[Hops]) -> list[Hops]:
    """What is asked of one article about one name for several hops is asked anew for each."""
    asked: Counter[tuple[bool, bytes, str]] = Counter()
    found: list[Hops] = []
    for item in hops:
        ends = ((True, item.first.record_id, item.bridge), (False, item.second.record_id, item.bridge))
        found.append(replace(item, samples=(asked[ends[0]], asked[ends[1]])))
        asked.update(ends)
    return found


def without_repeats(items: Sequence[Hops]) -> list[Hops]:
    """A question that was asked before is eliminated before the curator is paid for it."""
    asked: set[str] = set()
    found: list[Hops] = []
    for item in items:
        again = item.reason is None and normalised(item.question) in asked
        found.append(replace(item, reason="repeated_question") if again else item)
        asked |= {normalised(item.question)} if item.reason is None else set()
    return found
