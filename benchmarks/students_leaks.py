"""Does a student that read refined texts still know what was private in them, and what was public?

The towns of `students_facts`, told from every side: who is mayor there and who built the bridge is private here, river,
saint and feast are public. `gdr` exchanges the names of people, whom its teacher knows, for made-up ones that no other
text has: those of people of other towns bring along what the student has read about these. An answer is the likeliest
of all words, not of a few that are offered, as somebody would ask who does not know any.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from benchmarks.students_facts import ASKED, KINDS, TOWNS, Class, Town, after, taught_class, told_around
from synth_dagster.methods.refine.gdr import Gdr
from synth_dagster.records import Document, digest
from synth_dagster.services import Call

PRIVATE = ("mayor", "mason")
PUBLIC = tuple(kind for kind in KINDS if kind not in PRIVATE)


class KnowsPeople:
    """A teacher that finds each private name in a text and makes up another for it.

    A person has the same one every time, or, as of a teacher that sees texts `one_by_one`, another in each text.
    """

    def __init__(self, known: Sequence[Town], made_up: Sequence[str], *, one_by_one: bool = False) -> None:
        self._private = [town[kind] for town in known for kind in PRIVATE]
        self._made_up, self._one_by_one = made_up, one_by_one

    async def ask(self, prompt: Any, /, *, into: Any, text: str, **given: object) -> Any:
        rng = Random(text if self._one_by_one else 0)
        stand_ins = zip(self._private, rng.sample(self._made_up, len(self._private)), strict=True)
        found = [{"original": one, "replacement": new} for one, new in stand_ins if one in text]
        reply = into(replacements=found)
        reply.answered_by(Call(digest(text), "knows-people", prompt.hash))
        return reply


def refined(texts: Sequence[str], teacher: Any) -> list[str]:
    """What `gdr` makes of the texts; of these none is dropped."""

    async def all_of_them() -> list[Document]:
        documents = (Document(body=text, record_id=digest("text", text)) for text in texts)
        method = Gdr.model_validate({"most_changed": 0.5})
        return [await method.refine(one, refiner=teacher, judge=teacher) for one in documents]  # type: ignore[misc]

    return [one.body for one in asyncio.run(all_of_them())]


def answered(student: Any, school: Class, kinds: Sequence[str]) -> np.ndarray:
    """Of each question about these kinds, asked from the town, whether the likeliest word of all is the answer."""
    asked = [(ASKED[kind][0].format(**town), f" {town[kind]}") for town in school.ours for kind in kinds]
    said = after(student, [school.words.symbols(question) for question, _ in asked])
    wanted = (school.words.symbols(answer)[0] for _, answer in asked)
    return np.array([int(np.argmax(logs)) == symbol for logs, symbol in zip(said, wanted, strict=True)])


def run(seed: int, *, base_steps: int = 1_400, steps: int = 1_500) -> dict[str, float]:
    """Shares of questions that are answered after raw and after refined texts; and of those that raw ones taught.

    `raw again` read the very texts of `raw` in another order: what it keeps of the same questions is what can be kept.
    """
    school = taught_class(seed, base_steps, unheard=TOWNS * len(PRIVATE))
    rng = Random(f"{seed} leaks")
    raw = [told_around([town[kind]], town, rng) for town in school.ours for kind in KINDS for _ in range(4)]
    once, each = (KnowsPeople(school.ours, school.unheard, one_by_one=one) for one in (False, True))
    arms = {
        "raw": (raw, 0),
        "raw again": (raw, 1_000),
        "refined": (refined(raw, once), 0),
        "refined one by one": (refined(raw, each), 0),
    }
    found, known = dict[str, float](), dict[tuple[str, str], np.ndarray]()
    for name, (texts, order) in arms.items():
        student = school.taught(texts, steps, order=order)
        for side, kinds in (("private", PRIVATE), ("public", PUBLIC)):
            known[name, side] = answered(student, school, kinds)
            found[f"{name}, {side}"] = float(known[name, side].mean())
            taught = known["raw", side]
            if name != "raw":
                found[f"{name}, of {side} ones that raw texts taught"] = float(known[name, side][taught].mean())
    return found
