"""Persona Hub's texts: an article that a persona would write, a character for a game, a tool that it would need.

Paper: arXiv:2406.20094; the tasks are those of the released prompts, the wording is ours. A record is a persona, as
`persona_hub` makes them. An article and a figure begin with the opening of their task; a tool is an interface in the
form of OpenAI's functions, of which nothing is there but the interface, so it says `verified: false`.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.asking.tool_interfaces import Function, unfit_interface, written_interface
from synth_dagster.parts.cards.personas import ForPersonas, without_opening
from synth_dagster.parts.text.rewriting import refuses, speaks_of_task
from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Call, Drop, References, Reply, Teacher, Unusable

TextName: TypeAlias = Literal["knowledge", "npc", "tool"]
LONGEST_ANSWER = 2_048  # tokens

OPENINGS: Mapping[TextName, str] = {"knowledge": "Title:", "npc": "Name:"}
KNOWLEDGE = prompt(
    system="You write articles as a certain person would write them, out of what that person knows.",
    user="""
{examples}{persona}Write the article that this person would publish for readers who want to learn: informative, exact,
with what only somebody of this trade knows. Begin with "Title:" and the title, then write the article and nothing
else.""",
    variables="examples persona",
)
NPC = prompt(
    system="You invent figures for games, out of people and the world that they are put into.",
    user="""
{examples}{world}{persona}Make this person a figure that lives in the world of the game: keep what the person is, and
change what the world does not know. Begin with "Name:" and a name, then say who the figure is, and nothing else.""",
    variables="examples world persona",
)
TOOL = prompt(
    system="You design interfaces of functions that an assistant can call for somebody.",
    user="""
{examples}{persona}Which function would help this person most, that an assistant cannot do without a tool? Define its
interface.""",
    variables="examples persona",
)


class Tool(Function, Reply):
    """The function that a persona would need."""


class PersonaTexts(ForPersonas, Synthesizer[Document, Document]):
    paper: ClassVar[str] = "arXiv:2406.20094"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("personas", "knowledge", "game characters", "tools", "diversity")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Every kept text began with its opening, every tool is a valid interface; of planted faults all go.",
    )

    task: TextName = Field("knowledge", description="What is written for the persona.")
    world: str = Field("", description="With npc: the world of the game, in some sentences.")

    @model_validator(mode="after")
    def _figures_have_a_world(self) -> Self:
        if (self.task == "npc") != bool(self.world.strip()):
            raise ValueError("'world' describes the game of 'task: npc'; give both or neither")
        return self

    async def synthesize(
        self, persona: Document, /, *, writer: Teacher, references: References
    ) -> Sequence[Document] | Drop:
        if is_blank(persona.body):
            return Drop("blank_persona")
        examples = self.examples_for(persona, references)
        shown = tagged("persona", persona.body)
        told = await together(
            *(attempted(self._told(shown, examples, sample, writer)) for sample in range(self.per_persona))
        )
        problems = [one for one in told if isinstance(one, Unusable)]
        if len(problems) == len(told):
            raise problems[0]
        seen: set[str] = set()
        return [self._record(persona, one, seen) for one in told]

    async def _told(self, persona: str, examples: str, sample: int, writer: Teacher) -> Answer | Tool:
        sampling = self.sampling(LONGEST_ANSWER)
        if self.task == "tool":
            return await writer.ask(
                TOOL, into=Tool, sampling=sampling, sample=sample, persona=persona, examples=examples
            )
        if self.task == "npc":
            world = tagged("world", self.world)
            return await writer.tell(
                NPC, sampling=sampling, sample=sample, persona=persona, world=world, examples=examples
            )
        return await writer.tell(KNOWLEDGE, sampling=sampling, sample=sample, persona=persona, examples=examples)

    def _record(self, persona: Document, told: Answer | Tool | Unusable, seen: set[str]) -> Document:
        if isinstance(told, Unusable):
            return self._made(persona, told.raw, None, told.reason, told.call)
        if isinstance(told, Tool):
            body, title, reason = written_interface(told), one_line(told.name), unfit_interface(told)
        else:
            text = without_opening(told.text.strip(), OPENINGS[self.task])
            title, _, rest = (text or "").partition("\n")
            body, title = (told.text, "") if text is None else (rest.strip(), one_line(title).strip("*# "))
            reason = _unfit(persona, told, text, body)
        reason = reason or ("repeated" if normalised(body) in seen else None)
        seen.add(normalised(body))
        return self._made(persona, body, title or None, reason, told.call)

    def _made(self, persona: Document, body: str, title: str | None, reason: str | None, call: Call | None) -> Document:
        facts: dict[str, Json] = {"task": self.task, **({"verified": False} if self.task == "tool" else {})}
        return Document(
            body=body,
            title=title,
            parents=(persona,),
            attributes=facts,
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(call),
        )


def _unfit(persona: Document, told: Answer, text: str | None, body: str) -> str | None:
    """The first reason why this is no text for the persona, or None."""
    checks = {
        "cut": told.finish_reason == "length",
        "refusal": refuses(told.text),
        "no_opening": text is None,
        "blank": is_blank(body),
        "other_language": in_another_language([body], persona.body)[0],
        "meta_phrase": speaks_of_task(body),
        "copy": normalised(body) == normalised(persona.body),
    }
    return next((reason for reason, fails in checks.items() if fails), None)
