"""Does a student that read refined texts still know what was private in them, and what was public?

The towns of `students_facts`, told from every side: who is mayor there and who built the bridge is private here, river,
saint and feast are public. `gdr` exchanges the names of people, whom its teacher knows, for those of others. An answer
is the likeliest of all words, not of a few that are offered, as somebody would ask who does not know any.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from benchmarks.students_facts import ASKED, KINDS, Class, Town, after, taught_class, told_around
from synth_dagster.methods.refine.gdr import Gdr
from synth_dagster.records import Document, digest
from synth_dagster.services import Call

PRIVATE = ("mayor", "mason")
PUBLIC = tuple(kind for kind in KINDS if kind not in PRIVATE)


class KnowsPeople:
    """A teacher that finds each private name in a text and has the same stand-in for it every time."""

    def __init__(self, known: Sequence[Town], others: Sequence[Town]) -> None:
        made_up = [town[kind] for town in others for kind in PRIVATE]
        private = [town[kind] for town in known for kind in PRIVATE]
        self._stand_ins = dict(zip(private, Random(0).sample(made_up, len(private)), strict=True))

    async def ask(self, prompt: Any, /, *, into: Any, text: str, **given: object) -> Any:
        found = [{"original": one, "replacement": new} for one, new in self._stand_ins.items() if one in text]
        reply = into(replacements=found)
        reply.answered_by(Call(digest(text), "knows-people", prompt.hash))
        return reply


def refined(texts: Sequence[str], teacher: Any) -> list[str]:
    """What `gdr` makes of the texts; of these none is dropped."""

    async def all_of_them() -> list[Document]:
        documents = (Document(body=text, record_id=digest("text", text)) for text in texts)
        method = Gdr(most_changed=0.5)
        return [await method.refine(one, refiner=teacher, judge=teacher) for one in documents]  # type: ignore[misc]

    return [one.body for one in asyncio.run(all_of_them())]


def answered(student: Any, school: Class, kinds: Sequence[str]) -> np.ndarray:
    """Of each question about these kinds, asked from the town, whether the likeliest word of all is the answer."""
    asked = [(ASKED[kind][0].format(**town), f" {town[kind]}") for town in school.ours for kind in kinds]
    said = after(student, [school.words.symbols(question) for question, _ in asked])
    wanted = (school.words.symbols(answer)[0] for _, answer in asked)
    return np.array([int(np.argmax(logs)) == symbol for logs, symbol in zip(said, wanted, strict=True)])


def run(seed: int, *, base_steps: int = 1_400, steps: int = 500) -> dict[str, float]:
    """Shares of questions that are answered after raw and after refined texts; and of those that raw ones taught."""
    school = taught_class(seed, base_steps, steps)
    rng = Random(f"{seed} leaks")
    raw = [told_around([town[kind]], town, rng) for town in school.ours for kind in KINDS for _ in range(4)]
    arms = {"raw": raw, "refined": refined(raw, KnowsPeople(school.ours, school.others))}
    found, known = dict[str, float](), dict[tuple[str, str], np.ndarray]()
    for name, texts in arms.items():
        student = school.taught(texts)
        for side, kinds in (("private", PRIVATE), ("public", PUBLIC)):
            known[name, side] = answered(student, school, kinds)
            found[f"{name}, {side}"] = float(known[name, side].mean())
    for side in ("private", "public"):
        taught = known["raw", side]
        found[f"of {side} ones that raw texts taught"] = float(known["refined", side][taught].mean())
    return found
