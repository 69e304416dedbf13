"""AgentInstruct: a text takes another form, a task of a drawn kind is set about it, and suggestions make that harder.

Paper: arXiv:2407.03502, which publishes no prompts and no list of kinds: flows and names are the paper's, the words are
ours. A seed gives some cells of a table of forms and kinds, of the paper's 17 skills and of what a project adds
(`parts.cards.agent_skills`). A suggester then says how an item could be harder, trickier or unanswerable, an editor
does so, and both the item and what came of it are answered. What should be unanswerable is kept only if it was not
answered, and the other way round; calls of functions are held to their interfaces, which nobody has verified. The
paper answers some skills with search and code at hand; here a model answers alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from pydantic import Field, model_validator

from synth_dagster.errors import MethodError
from synth_dagster.method import Family, LabelsPath, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.asking.tool_interfaces import unfit_call, written_calls
from synth_dagster.parts.cards.agent_items import (
    Answered,
    Called,
    Cell,
    Draft,
    Edited,
    Functions,
    Item,
    Material,
    Suggestion,
    Suggestions,
    functions_of,
    turns_of,
    unlike,
    without_repeats,
)
from synth_dagster.parts.cards.agent_prompts import (
    BUILT_IN,
    FORM,
    FORMS,
    FREE_TASK,
    FUNCTIONS,
    REQUEST,
    TASK,
    TASKS,
    form_prompt,
    task_prompt,
)
from synth_dagster.parts.cards.agent_skills import IDENTITY, TOOL_USE, Skill, chosen, no_such_name, skills_of
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.rewriting import pieces, refuses, speaks_of_task, without_lead_in
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Document, Instruction, Json, Message
from synth_dagster.services import Call, Drop, References, Sampling, Teacher, Unusable

# what its teachers are told is part of the method
__all__ = ["FORM", "FORMS", "FREE_TASK", "FUNCTIONS", "REQUEST", "TASK", "TASKS", "Agentinstruct"]

WRITING = Sampling(temperature=0.7, top_p=0.95, max_tokens=3_072)
ANSWERING = Sampling(temperature=0.0, max_tokens=2_048)


SUGGEST = prompt(
    system="You know how a task becomes harder without becoming unclear.",
    user="""
{text}{task}Suggest up to {count} changes, each of which alone makes this task harder (more steps), trickier (a
distractor or a closer reading), or unanswerable from what is there. They may change text, task or its options.""",
    variables="text task count",
)
EDIT = prompt(
    system="You change texts and tasks exactly as you are told, and nothing else in them.",
    user="{text}{task}{change}Make this change and give text and task as they are then.",
    variables="text task change",
)
ANSWER = prompt(
    system="You do tasks with what you are given. If something is missing that a task needs, you say so.",
    user="{text}{task}",
    variables="text task",
)
CALL = prompt(
    system="""
You are an assistant that calls functions. You call only those that there are, with all that they need, and you make
nothing up: where a function or an argument is missing, you say so and call none.""",
    user="{text}{task}",
    variables="text task",
)


class Agentinstruct(Synthesizer[Document, Instruction]):
    """For each cell an item and what its suggestions made of it, each a record that names the one it came from."""

    paper: ClassVar[str] = "arXiv:2407.03502"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = (
        *("instruction tuning", "reading comprehension", "text modification", "tool use", "function calling"),
        *("agentic flow", "taxonomy", "hallucination", "unanswerable"),
    )
    proof: ClassVar[Proof] = Proof(
        "interpretation",
        "Every cell is filled or says that it was skipped, kinds are drawn evenly (entropy above .95 of uniform); "
        "planted unanswerable items all end in abstention; each item leads back by edit, suggestion, kind and form",
    )

    skills: tuple[str, ...] = Field((), description="Skills that tasks are set for; none named are all.")
    forms: tuple[str, ...] = Field((), description="Forms that a seed may take; none named are all of a skill.")
    kinds: tuple[str, ...] = Field((), description="Kinds of task; none named are all of a skill.")
    taxonomy: LabelsPath = Field("", description="File with rows that add skills, forms and kinds to those built in.")
    cells: int = Field(4, ge=0, le=1_000, description="Form and kind pairs that a piece is used for; 0 is every one.")
    rounds: int = Field(1, ge=0, le=5, description="Rounds of suggesting and editing.")
    suggestions: int = Field(2, ge=1, le=10, description="Suggestions of an item that are carried out in a round.")
    seed_tokens: int = Field(2_000, ge=50, description="Longest piece of a seed; a longer seed gives several.")
    seed: int = Field(0, ge=0, description="Seed of the cells.")

    @model_validator(mode="after")
    def _names_are_there(self) -> Self:
        if not self.taxonomy and (told := no_such_name(BUILT_IN, self.skills, self.forms, self.kinds)):
            raise ValueError(told)
        return self

    async def synthesize(
        self, seed: Document, /, *, writer: Teacher, answerer: Teacher, references: References
    ) -> Sequence[Instruction] | Drop:
        texts = [text for text in pieces(seed.body, self.seed_tokens) if not is_blank(text)]
        if not texts:
            return Drop("blank_seed")
        skills = self._skills(references)
        flows = [_Flow(self, seed, place, text, writer, answerer) for place, text in enumerate(texts)]
        made = await together(*(flow.run(skills, self._drawn(skills, flow)) for flow in flows))
        return without_repeats([record for records in made for record in records])

    def _skills(self, references: References) -> dict[str, Skill]:
        """The skills that are asked for. Raises MethodError for a name that the project's file does not have either."""
        known = skills_of(references.rows(self.taxonomy) if self.taxonomy else ())
        if told := no_such_name(known, self.skills, self.forms, self.kinds):
            raise MethodError(told)
        return chosen(known, self.skills, self.forms, self.kinds)

    def _drawn(self, skills: Mapping[str, Skill], flow: "_Flow") -> list["Cell"]:
        """The cells of a piece: kinds evenly without repetition, each with a form of its skill at random; or all."""
        kinds = [(skill, kind) for skill, one in skills.items() for kind in one.kinds]
        if not self.cells:
            return [
                Cell(skill, form, kind, kind in skills[skill].free)
                for skill, kind in kinds
                for form in skills[skill].forms
            ]
        rng = stream(self.seed, flow.seed.record_id, "cells", flow.place)
        drawn = rng.sample(kinds, min(self.cells, len(kinds)))
        return [
            Cell(skill, rng.choice(list(skills[skill].forms)), kind, kind in skills[skill].free)
            for skill, kind in drawn
        ]


@dataclass(frozen=True)
class _Flow:
    """The three flows over one piece of a seed."""

    method: Agentinstruct
    seed: Document
    place: int
    text: str
    writer: Teacher
    answerer: Teacher

    async def run(self, skills: Mapping[str, Skill], cells: Sequence[Cell]) -> list[Instruction]:
        wanted = list(dict.fromkeys((cell.skill, cell.form) for cell in cells))
        formed = await together(*(self._formed(skills, skill, form) for skill, form in wanted))
        materials = dict(zip(wanted, formed, strict=True))
        made = await together(*(self._cell(skills, cell, materials[cell.skill, cell.form]) for cell in cells))
        return [record for records in made for record in records]

    # ---------------------------------------------------------------------------------------- content transformation

    async def _formed(self, skills: Mapping[str, Skill], skill: str, form: str) -> Material:
        if form == IDENTITY and not skills[skill].forms[form]:
            return Material(self.text)
        asked = form_prompt(skill, form, skills[skill].forms[form])
        shown = tagged("passage", self.text, title=self.seed.title)
        if skill == TOOL_USE:
            listed = await attempted(self.writer.ask(asked, into=Functions, sampling=WRITING, seed=shown))
            return functions_of(listed)
        told = await attempted(self.writer.tell(asked, sampling=WRITING, seed=shown))
        if isinstance(told, Unusable):
            return Material(told.raw, reason=told.reason, call=told.call)
        text = without_lead_in(told.text)
        cut = "cut" if told.finish_reason == "length" else None
        unchanged = "unchanged" if normalised(text) == normalised(self.text) else None
        return Material(text, reason=cut or self._unfit(text) or unchanged, call=told.call)

    def _unfit(self, text: str) -> str | None:
        checks = {
            "blank": is_blank(text),
            "refusal": refuses(text),
            "other_language": in_another_language([text], self.text)[0],
            "meta_phrase": speaks_of_task(text) and not speaks_of_task(self.text),
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    # ------------------------------------------------------------------------------------------------- tasks, refined

    async def _cell(self, skills: Mapping[str, Skill], cell: Cell, material: Material) -> list[Instruction]:
        if material.reason:
            draft = Draft(cell, material, material.text, material.call, reason=f"form_{material.reason}")
            return [self._record(draft)]
        item = await self._answered(await self._set(skills, cell, material))
        found = last = [item]
        for _ in range(self.method.rounds):
            harder = await together(*(self._refined(draft, one) for draft, one in last if draft.reason is None))
            last = [pair for pairs in harder for pair in pairs]
            found = [*found, *last]
        return [record for _, record in found]

    async def _set(self, skills: Mapping[str, Skill], cell: Cell, material: Material) -> Draft:
        asked = task_prompt(skills[cell.skill], cell.skill, cell.kind)
        item = await attempted(self.writer.ask(asked, into=Item, sampling=WRITING, text=material.shown))
        if isinstance(item, Unusable):
            return Draft(cell, material, item.raw, item.call, reason=f"task_{item.reason}")
        if item.skip:
            return Draft(cell, material, cell.kind, item.call, reason="skipped")
        reason = self._unfit(item.task)
        return Draft(cell, material, item.task.strip(), item.call, reason=reason and f"task_{reason}")

    async def _refined(self, draft: Draft, record: Instruction) -> list[tuple[Draft, Instruction]]:
        """What the suggestions for an item made of it, each answered."""
        task = tagged("task", draft.task)
        told = await attempted(
            self.writer.ask(
                SUGGEST,
                into=Suggestions,
                sampling=WRITING,
                text=draft.shown,
                task=task,
                count=self.method.suggestions,
            )
        )
        if isinstance(told, Unusable):
            failed = replace(draft, task=told.raw, call=told.call, reason=f"suggestion_{told.reason}", origin=record)
            return [(failed, self._record(failed))]
        chosen = [one for one in told.suggestions if not is_blank(one.change)][: self.method.suggestions]
        drafts = await together(*(self._edited(draft, record, one) for one in chosen))
        return list(await together(*(self._answered(one) for one in drafts)))

    async def _edited(self, draft: Draft, record: Instruction, suggestion: Suggestion) -> Draft:
        made = replace(draft, trace=(*draft.trace, suggestion), origin=record)
        change = tagged("change", suggestion.change, aim=suggestion.aim)
        task = tagged("task", draft.task)
        edited = await attempted(
            self.writer.ask(EDIT, into=Edited, sampling=WRITING, text=draft.shown, task=task, change=change)
        )
        if isinstance(edited, Unusable):
            return replace(made, task=edited.raw, call=edited.call, reason=f"edit_{edited.reason}")
        # interfaces stay: a suggestion changes what is asked of them; and so does a text that the task does without
        stays = draft.material.functions or draft.cell.is_free
        text = draft.material.text if stays else edited.text.strip() or draft.material.text
        same = normalised(edited.task) == normalised(draft.task) and normalised(text) == normalised(draft.material.text)
        reason = "unchanged" if same else self._unfit(edited.task)
        return replace(
            made,
            material=replace(draft.material, text=text),
            task=edited.task.strip(),
            call=edited.call,
            reason=reason and f"edit_{reason}",
        )

    # ------------------------------------------------------------------------------------------------------- answers

    async def _answered(self, draft: Draft) -> tuple[Draft, Instruction]:
        """The draft and its record. A draft without an answer of its own is still one to begin from."""
        if draft.reason:
            return draft, self._record(draft)
        text, task = draft.shown, tagged("task", draft.task)
        if draft.material.functions:
            called = await attempted(self.answerer.ask(CALL, into=Called, sampling=ANSWERING, text=text, task=task))
            return draft, self._of_calls(draft, called)
        said = await attempted(self.answerer.ask(ANSWER, into=Answered, sampling=ANSWERING, text=text, task=task))
        if isinstance(said, Unusable):
            return draft, self._record(draft, f"answer_{said.reason}", call=said.call)
        reason = unlike(draft, done=said.can_be_done) or ("answer_blank" if is_blank(said.answer) else None)
        return draft, self._record(draft, reason, Message("assistant", said.answer.strip()), call=said.call)

    def _of_calls(self, draft: Draft, said: Called | Unusable) -> Instruction:
        if isinstance(said, Unusable):
            return self._record(draft, f"answer_{said.reason}", call=said.call)
        faults = [fault for call in said.calls if (fault := unfit_call(call, draft.material.functions))]
        reason = unlike(draft, done=bool(said.calls)) or (f"call_{faults[0]}" if faults else None)
        if not said.calls and is_blank(said.answer):
            reason = reason or "answer_blank"
        calls = written_calls(said.calls) if said.calls and not faults else None
        return self._record(draft, reason, Message("assistant", said.answer.strip(), tool_calls=calls), call=said.call)

    def _record(
        self, draft: Draft, reason: str | None = None, answer: Message | None = None, *, call: Call | None = None
    ) -> Instruction:
        why = draft.reason or reason
        return Instruction(
            messages=(*turns_of(draft), *((answer,) if answer else ())),
            parents=(draft.origin or self.seed,),
            attributes=self._facts(draft),
            status="eliminated" if why else "current",
            reason=why,
            **written_by(call or draft.call),
        )

    def _facts(self, draft: Draft) -> dict[str, Json]:
        is_edited = bool(draft.trace) and not draft.cell.is_free
        facts: dict[str, Json] = {
            "skill": draft.cell.skill,
            "form": draft.cell.form,
            "kind": draft.cell.kind,
            "piece": self.place,
            "abstains": draft.abstains,
            "transformed_text": "" if draft.cell.form == IDENTITY and not is_edited else draft.material.text,
            "refinement": [one.model_dump() for one in draft.trace],
        }
        return facts | ({"verified": False} if draft.cell.skill == TOOL_USE else {})
