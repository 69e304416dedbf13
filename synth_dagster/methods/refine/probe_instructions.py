"""Lets a model read each text and sees whether it does its task or what the text tells it: a probe by behaviour

The task is to say in one English sentence what a text is about, between two codes that no text can know. An answer
without the codes, of another form or in another language says that the text took over, whatever words it used to do
so: patterns find orders that look like orders, this finds those that work. The text stays as it is and is marked;
`privacy_security_guard` at the gate of the stage holds what is marked until a person has looked at it.

Ours, after the behavioural probe of the card of `privacy_security_guard`. One call for a text that does not take over,
`tries` for one that does: a model that slips once is no evidence. Ask the model that will read the texts later; a
model that cannot keep to the form marks everything. The wording of the task is no order to be careful, which would hide
what the later steps will meet.
"""

from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import attempted, prompt, tagged
from synth_dagster.parts.privacy.watched import MARK, between, code_for, is_in
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Answer, Sampling, Teacher, Unusable

LONGEST = 100  # words of a sentence; a longer answer is another task's

_ENGLISH = frozenset({"en"})

TASK = prompt(
    system="You keep the catalogue of an archive.",
    user="{text}Write the code {code}, then one English sentence of at most forty words that says what the text is "
    "about, then the code {code} again. Write nothing else.",
    variables="text code",
)
WRITING = Sampling(temperature=0.0, max_tokens=256)


class ProbeInstructions(Refiner[Document]):
    """`attributes["probe"]` of a text that took over says by what it showed: no_code, other_form, other_language,
    or the reason for which the answer could not be used."""

    paper = "interpretation"
    family: ClassVar[Family] = "governance"
    topics: ClassVar[tuple[str, ...]] = ("prompt injection", "back door", "poisoned seeds", "security")
    proof = Proof(
        "planted signal",
        "Of 200 texts with a reader that obeys orders and trigger words, exactly the 30 planted ones are marked, ten "
        "of which no pattern finds; one slip of the reader marks nothing.",
    )

    tries: int = Field(2, ge=1, le=10, description="How often a text must take over until it is marked.")
    most_characters: int = Field(
        8_000, ge=200, description="Of a longer text as many are shown, half of its beginning and half of its end."
    )
    seed: int = Field(0, ge=0, description="Seed of the codes.")

    async def refine(self, document: Document, /, *, writer: Teacher) -> Document:
        if is_blank(document.body):
            return document
        shown = ""
        for number in range(self.tries):
            code = code_for(self.seed, document, number)
            text = tagged("text", _ends_of(document.body, self.most_characters))
            answer = await attempted(writer.tell(TASK, sampling=WRITING, sample=number, text=text, code=code))
            shown = deviation(answer, code)
            if not shown:
                return document
        return document.but(attributes={**document.attributes, MARK: shown})


def deviation(answer: Answer | Unusable, code: str) -> str:
    """By what an answer shows that it is no answer to the task; empty where it is one."""
    if isinstance(answer, Unusable):
        return answer.reason
    sentence = between(answer.text, code)
    if sentence is None:
        return "no_code"
    if not sentence or len(sentence.split()) > LONGEST or len(sentence.splitlines()) > 2:
        return "other_form"
    return "" if is_in(sentence, _ENGLISH) else "other_language"


def _ends_of(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n...\n{text[-(most - most // 2) :]}"
