"""Lets the recipe's own steps read each text with a code that they must repeat: what takes them over is marked

`probe_instructions` asks one question of ours. Here each later step that has a model read the texts one by one works on
the text as it will: with its settings, its prompts, its roles and the form that it wants the answer in, and one
sentence more, which asks for a random code. An answer without the code, in another language than the text and the
prompt, or one that the step could not use, says that the text took over. The first answer about each piece of the text
that the step shows is judged, and the step goes no further with it: one call for most steps and texts, and `tries` for
a text that takes over.

Ours, after the behavioural probe of the card of `privacy_security_guard` ("run the recipe prompt on the document with a
random canary instruction"). What is marked is held by that guard. A step that reads a pool of texts at once is not
tried; an edited prompt below makes the stage of the probe stale, because it has to be tried again.
"""

from contextlib import suppress
from typing import ClassVar

from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.privacy.watched import MARK, Judged, Watch, code_for
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Readers


class ProbeRecipe(Refiner[Document]):
    """`attributes["probe"]` of a text that took over says by what it showed, `attributes["probed_by"]` which step."""

    paper = "interpretation"
    family: ClassVar[Family] = "governance"
    topics: ClassVar[tuple[str, ...]] = ("prompt injection", "back door", "canary", "security", "jailbreak")
    proof = Proof(
        "planted signal",
        "Of 200 texts read by the steps of a recipe with a model that obeys orders and trigger words, exactly the 30 "
        "planted ones are marked, each with the first step that they took over.",
    )

    tries: int = Field(2, ge=1, le=10, description="How often a text must take a step over until it is marked.")
    languages: tuple[str, ...] = Field(
        (), max_length=20, description="Languages that answers may have besides those of the text and of the prompt."
    )
    seed: int = Field(0, ge=0, description="Seed of the codes.")

    async def refine(self, document: Document, /, *, readers: Readers) -> Document:
        if not readers.steps:
            raise SynthError(
                "No later step of the recipe has a model read these texts one by one, so probe_recipe has none to try. "
                "Use probe_instructions, or put the probe before a step that does."
            )
        for step in () if is_blank(document.body) else readers.steps:
            if shown := await self._shown(document, step, readers):
                return document.but(attributes={**document.attributes, MARK: shown, "probed_by": step})
        return document

    async def _shown(self, document: Document, step: str, readers: Readers) -> str:
        """By what a step shows that the text took it over each time; empty where it did its task once."""
        shown = ""
        for number in range(self.tries):
            watch = Watch(document.body, code_for(self.seed, document, number), frozenset(self.languages))
            with suppress(Judged):
                await readers.read(step, document, watch.over)
            shown = await watch.shown()
            if not shown:
                return ""
        return shown
