"""FANNO's look at documents before any of them is paid for: what is padding or an advertisement goes.

Paper: arXiv:2408.01323. Two questions for each document, the second only if the first lets it pass, as in the released
code; the prompts are ours. The code reads the verdict off the logits of two digits, which endpoints do not give: here a
form is filled in. What says the same as another document goes in `fanno`, which compares them all.
"""

from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.parts.text.tokens import place_after
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Drop, Reply, Sampling, Teacher

SAMPLING = Sampling(temperature=0.0, max_tokens=64)


class Padding(Reply):
    is_padded: bool = Field(description="Whether the text wastes its reader's time.")


class Advertisement(Reply):
    is_advertisement: bool = Field(description="Whether the text wants to sell something.")


PADDING = prompt(
    system="You judge texts for a collection that people learn from. You are strict and say nothing but your verdict.",
    user="""
{text}Does this text waste its reader's time? It does if it says the same again and again without adding anything, or
if it is full of dates, places, names or links that have nothing to do with what it is about.""",
    variables="text",
)
ADVERTISEMENT = prompt(
    system="You judge texts for a collection that people learn from. You are strict and say nothing but your verdict.",
    user="""
{text}Does this text want to sell something? Signs are praise of a product or a service, a call to buy or to subscribe,
prices and offers, and contacts for customers.""",
    variables="text",
)


class FannoScreen(Refiner[Document]):
    """A document stays as it is, or goes with its reason."""

    paper: ClassVar[str] = "arXiv:2408.01323"
    family: ClassVar[Family] = "labelling"
    topics: ClassVar[tuple[str, ...]] = ("document quality", "advertisements", "screening")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted padding and advertisements all go with their reason, of others none; the second question is only "
        "put about what passed the first.",
    )

    shown_tokens: int = Field(2_000, ge=50, description="Beginning of a document that is shown; a longer one is cut.")

    async def refine(self, document: Document, /, *, judge: Teacher) -> Document | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        text = tagged("text", document.body[: place_after(document.body, self.shown_tokens)], title=document.title)
        padded = await judge.ask(PADDING, into=Padding, sampling=SAMPLING, text=text)
        if padded.is_padded:
            return Drop("padded", call=padded.call)
        selling = await judge.ask(ADVERTISEMENT, into=Advertisement, sampling=SAMPLING, text=text)
        return Drop("advertisement", call=selling.call) if selling.is_advertisement else document
