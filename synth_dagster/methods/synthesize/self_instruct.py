"""Self-Instruct: a model goes on with a list of tasks, answers what is new in it, and its own tasks join the list.

Paper: arXiv:2212.10560. Steps, numbers and filters are those of the released code, the prompts are ours. Its slip that
lower-cases an instruction behind its first letter is a setting that is off, and writing stops before the line of the
sixteenth task: the released code stops at any "16.", which cuts a task at 2016. Each task names as its parents the
examples that it was written after, and the nearest tasks: a seed by its record id, one of the model's by its number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, together, with_its_calls, written_by
from synth_dagster.parts.asking.tasks import Task, capitalised, listed, task_of, unfit
from synth_dagster.parts.similarity.short_texts import RougeKeeper
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Instruction, Json, Message
from synth_dagster.services import Answer, Call, Drop, Sampling, Teacher, Unusable

LISTING = Sampling(temperature=0.7, top_p=0.5, max_tokens=1_024, presence_penalty=2.0, stop=("\n\n", "\n16"))
TELLING = Sampling(temperature=0.0, max_tokens=3)
SOLVING = Sampling(temperature=0.0, presence_penalty=1.5, max_tokens=350, stop=("Example 6", "Task:"))
LABELLING = replace(SOLVING, max_tokens=300)  # a request of the released code with a classification among its tasks

CONTINUE = prompt(
    system="You invent tasks for an assistant that reads and writes text. You go on with the list, one task a line.",
    user="Here is the beginning of a long list of different tasks. Go on with it up to number 16.\n\n{tasks}\n{next}.",
    variables="tasks next",
)
CONTINUE_LABELLED = prompt(
    system="You invent classification tasks for an assistant that reads and writes text. You go on with the list, one "
    "task a line.",
    user="Here is the beginning of a long list of different classification tasks; where a task has a fixed set of "
    "labels, it names them. Go on with it up to number 16.\n\n{tasks}\n{next}.",
    variables="tasks next",
)
IS_CLASSIFICATION = prompt(
    system="You say whether a task is a classification: whether its answer is one of a few labels. You say Yes or No.",
    user="""Task: Decide whether the review is friendly or hostile.
Is it classification? Yes

Task: Give a synonym of the word.
Is it classification? No

Task: Name the largest city of the region.
Is it classification? No

Task: Say which of the four seasons the poem is about.
Is it classification? Yes

Task: {instruction}
Is it classification?""",
    variables="instruction",
)
INPUT_FIRST = prompt(
    system="You write examples for tasks: an input where the task needs one, then the right output.",
    user="""Write up to five different examples for a task. A task that needs no input has one example, without Input.

Task: Sort the numbers from small to large.
Example 1
Input: 9, 2, 5
Output: 2, 5, 9
Example 2
Input: 14, 3
Output: 3, 14

Task: Name two uses of a brick.
Example 1
Output: It makes walls, and it holds doors open.

Task: {instruction}
""",
    variables="instruction",
)
OUTPUT_FIRST = prompt(
    system="You write examples for classification tasks: a label, then an input that has it.",
    user="""Write an example for each label of a task, at most five.

Task: Decide whether the sentence is a question or a statement.
Class label: question
Input: When does the ferry leave?
Class label: statement
Input: The ferry leaves at noon.

Task: {instruction}
""",
    variables="instruction",
)

# How a task is put to an assistant; one is drawn for each record, so that a model does not learn one form.
WITH_INPUT = (
    "{instruction}\n\n{input}",
    "{instruction}\n{input}",
    "{instruction}\n\nInput: {input}",
    "{instruction}\n\nInput:\n{input}",
    "{instruction}\n\n{input}\n\nOutput:",
    "{instruction}\nInput: {input}\nOutput:",
    "Task: {instruction}\n\n{input}",
)
WITHOUT_INPUT = (
    "{instruction}",
    "{instruction}\n",
    "{instruction}\n\nOutput:",
    "{instruction}\nOutput:",
    "Task: {instruction}",
    "Task: {instruction}\n\nOutput:",
)
_EXAMPLE = re.compile(r"(?m)^\s*Example\s+\d+\s*\.?\s*$")
_INPUT, _OUTPUT = re.compile(r"(?m)^\s*Input\s*\d*\s*:"), re.compile(r"Output\s*\d*\s*:")
_LABEL, _LABEL_IN_FRONT = re.compile(r"(\w+):"), re.compile(r"\A\w+:\s*")


class SelfInstruct(PoolSynthesizer[Instruction, Instruction]):
    version: ClassVar[str] = "2"
    paper: ClassVar[str] = "arXiv:2212.10560"
    family: ClassVar[Family] = "self-improvement"
    topics: ClassVar[tuple[str, ...]] = ("bootstrapping", "seed tasks", "instruction tuning")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of 30 % planted near-copies all are refused and no accepted pair exceeds 0.7; on stored completions the same "
        "tasks are new and the same examples stay as in the released code",
    )

    instructions: int = Field(50_000, ge=1, description="New tasks after which a batch ends; the released script's.")
    shown: int = Field(8, ge=1, le=50, description="Tasks that a request begins with.")
    machine_shown: int = Field(2, ge=0, le=50, description="How many of them the model wrote, once there are any.")
    requests_a_round: int = Field(5, ge=1, le=100, description="Requests that are sent beside each other.")
    most_similar: float = Field(0.7, ge=0, le=1, description="ROUGE-L above which a task is no new one.")
    most_examples: int = Field(5, ge=1, le=20, description="Examples of a task that are kept, at random.")
    patience: int = Field(3, ge=1, le=100, description="Rounds without a new task after which a batch ends; ours.")
    lower_rest: bool = Field(False, description="Lower-case a task behind its first letter, as the released code does.")
    classification_only: bool = Field(
        False,
        description="Ask for classification tasks and their labels, after those that say `is_classification`; the "
        "released code's other header.",
    )
    seed: int = Field(0, ge=0, description="Seed of all draws.")

    async def round(
        self, pool: Sequence[Instruction], number: int, /, *, writer: Teacher
    ) -> Sequence[Sequence[Instruction] | Drop]:
        known = _Known.of(self, pool)
        if not known.seeds:
            return [Drop("no_seed_task", self._why_no_seed())] if pool and number == 0 else []
        if len(known.machine) >= self.instructions or number - 1 - known.last_round >= self.patience:
            return []
        numbers = [number * self.requests_a_round + place for place in range(self.requests_a_round)]
        shown = [known.drawn(self, request) for request in numbers]
        said = await together(*(recorded(attempted(self._go_on(writer, tasks))) for tasks in shown))
        found = [_items(self, known, *one) for one in zip(numbers, shown, said, strict=True)]
        solved = await together(*(with_its_calls(item.finished(writer)) for _, items in found for item in items))
        drops = [drop for drop, _ in found if drop]
        return [*drops, *solved]

    async def _go_on(self, writer: Teacher, shown: Sequence[Instruction]) -> Answer:
        tasks = "\n".join(f"{place}. {listed(task_of(one).instruction)}" for place, one in enumerate(shown, 1))
        asked = CONTINUE_LABELLED if self.classification_only else CONTINUE
        return await writer.tell(asked, sampling=LISTING, tasks=tasks, next=len(shown) + 1)

    def is_shown(self, task: Instruction) -> bool:
        """Whether a task may be an example of a request."""
        return not self.classification_only or task.attributes.get("is_classification") is True

    def _why_no_seed(self) -> str:
        if self.classification_only:
            return 'No task says "is_classification": true, as classification_only needs; add it to those that are one.'
        return "There is no task to begin with."


class _Known:
    """The pool as the rounds see it: the seeds, what a model wrote and was new, and how near a text is to all of it."""

    def __init__(self, method: SelfInstruct) -> None:
        self.keeper: RougeKeeper[str] = RougeKeeper(method.most_similar)
        self.seeds: list[Instruction] = []
        self.machine: list[Instruction] = []
        self.last_round = -1

    @classmethod
    def of(cls, method: SelfInstruct, pool: Sequence[Instruction]) -> "_Known":
        known, tasks = cls(method), set[Json]()
        for record in pool:
            request, number = record.attributes.get("request"), record.attributes.get("task")
            if is_blank(record.instruction) or record.attributes.get("is_new") is False or number in tasks:
                continue  # several examples of a task are one task
            if record.method == method.slug and isinstance(request, int):
                tasks.add(number)
                known.machine.append(record)
                known.last_round = max(known.last_round, request // method.requests_a_round)
            elif method.is_shown(record):
                known.seeds.append(record)
            known.keeper.add(str(number or record.record_id.hex()), task_of(record).instruction)
        return known

    def drawn(self, method: SelfInstruct, request: int) -> list[Instruction]:
        """The examples of a request: mostly seeds, some of the model's, in random order."""
        draws = stream(method.seed, self.seeds[0].record_id, "examples", request)
        theirs = [one for one in self.machine if method.is_shown(one)]
        machine = draws.sample(theirs, min(method.machine_shown, method.shown, len(theirs)))
        seeds = draws.sample(self.seeds, min(method.shown - len(machine), len(self.seeds)))
        shown = [*machine, *seeds]
        draws.shuffle(shown)
        return shown


def listed_instructions(text: str, *, lower_rest: bool = False) -> list[str]:
    """The instructions of a completion that goes on with a numbered list."""
    pieces = re.split(r"\n\s*\d+\s?\.\s*", text)
    pieces[0] = re.sub(r"\A\s*\d+\s?\.\s*", "", pieces[0])  # a chat model repeats the number that it was given
    return [made for piece in pieces if (made := capitalised(piece, lower_rest=lower_rest))]


def _items(
    method: SelfInstruct,
    known: _Known,
    request: int,
    shown: list[Instruction],
    answered: tuple[Answer | Unusable, Sequence[bytes]],
) -> tuple[Drop | None, list["_Item"]]:
    """The tasks of one request, each with its verdict. What is new joins the known ones at once: order matters."""
    said, calls = answered
    if isinstance(said, Unusable):
        return Drop(said.reason, raw=said.raw, call=said.call, calls=calls), []
    if said.finish_reason == "length":
        return Drop("cut", raw=said.text, call=said.call, calls=calls), []
    texts = listed_instructions(said.text, lower_rest=method.lower_rest)
    if not texts:
        return Drop("no_task", raw=said.text, call=said.call, calls=calls), []
    judged = [_judged(method, known, request, place, shown, text, said) for place, text in enumerate(texts)]
    return None, [replace(item, calls=calls) for item in judged]


def _judged(
    method: SelfInstruct,
    known: _Known,
    request: int,
    place: int,
    shown: list[Instruction],
    text: str,
    said: Answer,
) -> "_Item":
    facts: dict[str, Json] = {"request": request, "task": f"{request}.{place}", "instruction": text, "input": ""}
    reason = unfit(text)
    if reason is None and (near := known.keeper.nearest(text, above=method.most_similar)):
        reason = "near_copy"
        facts["most_similar"] = [[near.key, round(near.score, 6)]]
    if reason is None:
        scores = known.keeper.scored(text)
        facts["most_similar"] = [[near.key, round(near.score, 6)] for near in scores[:10]]
        facts["avg_similarity"] = round(sum(near.score for near in scores) / max(1, len(known.keeper)), 6)
        known.keeper.add(str(facts["task"]), text)
    return _Item(method, text, tuple(shown), facts, said.call, reason)


@dataclass(frozen=True)
class _Item:
    """One task of a completion: refused, or to be answered."""

    method: SelfInstruct
    text: str
    shown: tuple[Instruction, ...]
    facts: dict[str, Json]
    call: Call
    reason: str | None
    calls: Sequence[bytes] = ()

    async def finished(self, writer: Teacher) -> Sequence[Instruction]:
        """The records of the task: its examples, or one eliminated record that says why there is none."""
        if self.reason:
            return [self._eliminated(self.reason, is_new=False)]
        label = await attempted(writer.tell(IS_CLASSIFICATION, sampling=TELLING, instruction=self.text))
        if isinstance(label, Unusable):
            return [self._eliminated("classification_unknown", call=label.call)]
        is_label = label.text.strip().rstrip(".") in ("Yes", "yes", "YES")
        asked, sampling = (OUTPUT_FIRST, LABELLING) if is_label else (INPUT_FIRST, SOLVING)
        said = await attempted(writer.tell(asked, sampling=sampling, instruction=self.text))
        if isinstance(said, Unusable):
            return [self._eliminated(said.reason, call=said.call)]
        examples = by_label(said.text) if is_label else by_input(said.text)
        kept, reason = sound(examples, cut=said.finish_reason == "length")
        if reason:
            return [self._eliminated(reason, call=said.call, is_classification=is_label)]
        draws = stream(self.method.seed, said.call.call_id, "examples")
        chosen = sorted(draws.sample(range(len(kept)), min(len(kept), self.method.most_examples)))
        return [self._record(kept[place], said.call, place, is_label) for place in chosen]

    def _record(self, example: Task, call: Call, place: int, is_label: bool) -> Instruction:
        given = example.input
        draws = stream(self.method.seed, call.call_id, "form", place)
        if given and draws.random() < 0.5:
            given = without_its_label(given).replace("\n\n", "\n")
        form = draws.choice(WITH_INPUT if given else WITHOUT_INPUT)
        asked = form.replace("{instruction}", self.text).replace("{input}", given)
        facts = self.facts | {"input": given, "is_classification": is_label}
        return Instruction.single(
            asked, example.output, parents=self.shown, attributes=facts, calls=self.calls, **written_by(call)
        )

    def _eliminated(self, reason: str, *, call: Call | None = None, is_new: bool = True, **more: Json) -> Instruction:
        facts: dict[str, Any] = self.facts | {"is_new": is_new} | more
        return Instruction(
            messages=(Message("user", self.text),),
            parents=self.shown,
            attributes=facts,
            status="eliminated",
            reason=reason,
            calls=self.calls,
            **written_by(call or self.call),
        )


# ---------------------------------------------------------------------------------------------------------- examples


def by_input(text: str) -> list[Task]:
    """The examples of an input-first answer: an input where there is one, then the output, and no second pair."""
    found = []
    for place, part in enumerate(_EXAMPLE.split(text)):
        given, *outputs = _OUTPUT.split(part)
        if outputs:
            found.append(Task("", _INPUT.split(given, maxsplit=1)[-1].strip(), _INPUT.split(outputs[0])[0].strip()))
        elif place:  # behind a heading what has no label is an output
            found.append(Task("", "", _INPUT.split(part)[0].strip()))
    return found


def by_label(text: str) -> list[Task]:
    """The examples of an output-first answer: a label, then an input that has it."""
    found = []
    for part in text.split("Class label:")[1:]:
        label, _, given = part.strip().partition("\n")
        found.append(Task("", re.sub(r"\A\s*Input:\s*", "", given).strip(), label.strip()))
    return found


def without_its_label(given: str) -> str:
    """An input of one field without the name of that field; one of several fields as it is."""
    return _LABEL_IN_FRONT.sub("", given) if len(set(_LABEL.findall(given))) == 1 else given


def sound(examples: Sequence[Task], *, cut: bool = False) -> tuple[list[Task], str | None]:
    """The examples that can be used, each once, or the reason why the task has none."""
    if not examples:
        return [], "no_example"
    whole = list(examples[:-1]) if cut else list(examples)
    kept = [one for one in whole if _is_sound(one)]
    if not kept:
        return [], "cut" if cut and not whole else "unsound_examples"
    answers: dict[str, str] = {}
    for one in kept:
        if one.input and normalised(answers.setdefault(one.input, one.output)) != normalised(one.output):
            return [], "contradicting_examples"
    return list(dict.fromkeys(kept)), None


def _is_sound(one: Task) -> bool:
    ends_open = one.input.endswith(":") or one.output.endswith(":")
    return bool(one.output) and one.input != one.output and not ends_open
