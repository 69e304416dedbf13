"""A world of articles whose entities are the names in them: two are joined where a sentence names both.

Texts about a pair or a triple say the article's own sentences again, in the wanted sections. `faults` are the shares of
texts that are spoiled, and how; what was spoiled is remembered by its entities.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

_NAME = re.compile(r"\b[A-Z][a-z]+(?: (?:of )?[A-Z][a-z]+)*")
_BEGINNINGS = {"The", "It", "In", "When", "Every", "After", "Since", "There", "Its", "Today", "On", "From", "As", "At"}
GERMAN = "Der Hafen liegt an der Mündung des Flusses, und die Leute, die dort wohnen, leben seit jeher vom Handel."


def names_in(text: str) -> list[str]:
    """The names of a text in its order, without what only begins a sentence."""
    found = (name.partition(" ")[2] if name.split()[0] in _BEGINNINGS else name for name in _NAME.findall(text))
    return [name for name in dict.fromkeys(found) if name]


def sentences(text: str) -> list[str]:
    return re.findall(r"[^.]+\.", " ".join(text.split()))


class EntityWorld:
    def __init__(self, faults: Mapping[str, float] | None = None, *, unnamed: tuple[str, ...] = ()) -> None:
        """`unnamed` are entities that the teacher lists though no article has them."""
        self.faults, self.unnamed = faults or {}, unnamed
        self.spoiled: dict[frozenset[str], str] = {}

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        text = request.tag("text")
        if request.task == "entities":
            named = [{"name": name} for name in (*names_in(text), *self.unnamed)]
            return {"summary": sentences(text)[0].strip(), "entities": named}
        if "sections, each under a heading" in request.user:
            title = re.search(r'<text title="([^"]*)">', request.user)
            return self._related(request, text, request.tags("entity"), title[1] if title else "the text")
        return None

    def _related(self, request: Request, text: str, entities: list[str], title: str) -> str:
        told = [f"## {entity} ({title})\n\n{about(text, [entity])}" for entity in entities]
        listed = " and ".join(entities)
        joint = f"## {listed} ({title})\n\n{about(text, entities)}"
        whole = "\n\n".join([*told, joint])
        fault = self._fault(request)
        if fault:
            self.spoiled[frozenset(entities)] = fault
            return SPOILT[fault](whole, text, entities)
        return whole

    def _fault(self, request: Request) -> str | None:
        draw = share(request.key, "relation")
        for fault, rate in self.faults.items():
            if draw < rate:
                return fault
            draw -= rate
        return None


def about(text: str, entities: list[str]) -> str:
    """The sentences that name all of these, or those of each and what joins them where none does."""
    said = [one.strip() for one in sentences(text)]
    joint = [one for one in said if all(entity in one for entity in entities)]
    if joint:
        return " ".join(joint)
    listed = " and ".join(entities)
    between = [name for name in names_in(text) if name not in entities and joins(name, entities, said)]
    if between:
        told = [next(one for one in said if between[0] in one and entity in one) for entity in entities]
        return f"What joins {listed} is {between[0]}. {' '.join(dict.fromkeys(told))}"
    told = [next(one for one in said if entity in one) for entity in entities]
    return f"Both sides of the story need {listed}. {' '.join(dict.fromkeys(told))}"


def joins(name: str, entities: list[str], said: list[str]) -> bool:
    """Whether a name stands in a sentence with each of the entities."""
    return all(any(name in one and entity in one for one in said) for entity in entities)


SPOILT: Mapping[str, Callable[[str, str, list[str]], str]] = {
    "invented_fact": lambda whole, text, entities: f"{whole} Later it was visited by the painter Quetzal in 1777.",
    "entity_missing": lambda whole, text, entities: whole.replace(entities[0], "it"),
    "wrong_form": lambda whole, text, entities: whole.replace("## ", ""),
    "copy": lambda whole, text, entities: text,
    "refusal": lambda whole, text, entities: "I am sorry, but I cannot help with that.",
    "other_language": lambda whole, text, entities: "\n\n".join(
        f"## {name}\n\n{GERMAN} {GERMAN}" for name in (*entities, " and ".join(entities))
    ),
    "meta_phrase": lambda whole, text, entities: f"{whole} I hope this helps.",
    "blank": lambda whole, text, entities: "---",
}
