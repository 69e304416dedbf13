"""Alpaca: one request writes up to seventeen whole tasks, instruction, input and output, after three examples.

Code: tatsu-lab/stanford_alpaca (2023), which has no paper. Steps, numbers and filters are those of the released code,
the prompt is ours. Only seeds are shown, never what a model wrote. Numbered blocks are read strictly: one that is not
numbered as it should be is eliminated as malformed, so that the yield of a teacher is seen. Ours: 34 is not taken for
4, the fields have their order, a task without an output is eliminated, and writing stops behind the twentieth task: the
released code stops at any "20.", which cuts an answer at 1920 and never lets the twentieth task come. It also forbids a
token of one model that ends a text, which a chat endpoint does not need.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, naming, prompt, recorded, together, written_by
from synth_dagster.parts.asking.tasks import Task, listed, task_of, unfit
from synth_dagster.parts.similarity.short_texts import RougeKeeper
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json, Message
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable

WRITING = Sampling(temperature=1.0, top_p=1.0, max_tokens=3_072, stop=("\n21.", "\n21 ."))
NO_INPUT = "<noinput>"
FIELDS = ("Instruction", "Input", "Output")

WRITE = prompt(
    system="You write tasks for an assistant that reads and writes text, each with its input and its output.",
    user="""Write a list of 20 different tasks. What they must be like:
1. No verb begins two of them.
2. Some are questions and some are orders.
3. They are of many kinds: open questions, classification, editing, counting, explaining, inventing and others.
4. An assistant that only reads and writes text can do them.
5. They are in English, each one or two sentences long.
6. The input is a real example of at most 100 words, no placeholder. Of a task that needs none it is <noinput>.
7. The output is the right answer, in fewer than 100 words.

The tasks:

{examples}
###
{next}. Instruction:""",
    variables="examples next",
)


class Alpaca(PoolSynthesizer[Instruction, Instruction]):
    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("instruction tuning", "seed tasks", "Stanford Alpaca")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of 25 % mangled blocks all and only those are malformed; of stored completions the tasks that stay are the "
        "released code's; one call makes 17 records",
    )

    instructions: int = Field(52_000, ge=1, description="New tasks after which a batch ends; the released data's.")
    shown: int = Field(3, ge=1, le=10, description="Seed tasks that a request begins with.")
    requests_a_round: int = Field(5, ge=1, le=100, description="Requests that are sent beside each other.")
    most_similar: float = Field(0.7, ge=0, le=1, description="ROUGE-L above which a task is no new one.")
    patience: int = Field(3, ge=1, le=100, description="Rounds without a new task after which a batch ends; ours.")
    seed: int = Field(0, ge=0, description="Seed of the draws of examples.")

    async def round(
        self, pool: Sequence[Instruction], number: int, /, *, writer: Teacher
    ) -> Sequence[Sequence[Instruction] | Drop]:
        seeds = [one for one in pool if one.method != self.slug and not is_blank(one.instruction)]
        made = [one for one in pool if one.method == self.slug and one.status == "current"]
        if not seeds:
            return [Drop("no_seed_task", "There is no task to begin with.")] if pool and number == 0 else []
        rounds = [request_of(one) // self.requests_a_round for one in made]
        if len(made) >= self.instructions or number - 1 - max(rounds, default=-1) >= self.patience:
            return []
        keeper = self._known(seeds, made)
        numbers = [number * self.requests_a_round + place for place in range(self.requests_a_round)]
        shown = [self._drawn(seeds, request) for request in numbers]
        said = await together(*(recorded(attempted(_written(writer, tasks))) for tasks in shown))
        return [
            naming(self._judged(keeper, number, tasks, answer), calls)
            for number, tasks, (answer, calls) in zip(numbers, shown, said, strict=True)
        ]

    def _known(self, seeds: Sequence[Instruction], made: Sequence[Instruction]) -> RougeKeeper[str]:
        """All tasks that a new one is compared with: a seed by its record id, one of the model's by its number."""
        keeper: RougeKeeper[str] = RougeKeeper(self.most_similar)
        for one in seeds:
            keeper.add(one.record_id.hex(), task_of(one).instruction)
        for one in made:
            keeper.add(str(one.attributes["task"]), task_of(one).instruction)
        return keeper

    def _drawn(self, seeds: Sequence[Instruction], request: int) -> list[Instruction]:
        draws = stream(self.seed, seeds[0].record_id, "examples", request)
        return draws.sample(seeds, min(self.shown, len(seeds)))

    def _judged(
        self, keeper: RougeKeeper[str], request: int, shown: list[Instruction], said: Answer | Unusable
    ) -> Sequence[Instruction] | Drop:
        """The tasks of one request, in order: what is new joins the known ones at once."""
        if isinstance(said, Unusable):
            return Drop(said.reason, raw=said.raw, call=said.call)
        found = blocks(said.text, len(shown) + 1, cut=said.finish_reason == "length")
        if not found:
            return Drop("cut", raw=said.text, call=said.call)
        numbered = enumerate(found, len(shown) + 1)
        return [self._one(keeper, request, place, shown, block, said) for place, block in numbered]

    def _one(
        self,
        keeper: RougeKeeper[str],
        request: int,
        place: int,
        shown: list[Instruction],
        block: Task | str,
        said: Answer,
    ) -> Instruction:
        """A block as a record. A task that can be used and is new joins the known ones."""
        facts: dict[str, Json] = {"request": request, "task": f"{request}.{place}"}
        if isinstance(block, str):
            return _record([block], shown, facts, said, "malformed")
        facts |= {"instruction": block.instruction, "input": block.input}
        reason = refused(block)
        if reason is None:
            scores = keeper.scored(block.instruction)
            facts["most_similar"] = [[near.key, round(near.score, 6)] for near in scores[:10]]
            facts["avg_similarity"] = round(sum(near.score for near in scores) / max(1, len(keeper)), 6)
            reason = "near_copy" if keeper.offer(str(facts["task"]), block.instruction) else None
        return _record([asked(block), block.output], shown, facts, said, reason)


def _record(
    turns: list[str], shown: list[Instruction], facts: Mapping[str, Json], said: Answer, reason: str | None
) -> Instruction:
    return Instruction(
        messages=tuple(map(Message, ("user", "assistant"), turns)),
        parents=tuple(shown),
        attributes=facts,
        status="eliminated" if reason else "current",
        reason=reason,
        **written_by(said.call),
    )


async def _written(writer: Teacher, shown: Sequence[Instruction]) -> Answer:
    examples = "\n".join(f"###\n{example(place, task_of(one))}" for place, one in enumerate(shown, 1))
    return await writer.tell(WRITE, sampling=WRITING, examples=examples, next=len(shown) + 1)


def example(place: int, task: Task) -> str:
    """A task as a numbered block."""
    given = task.input or NO_INPUT
    return (
        f"{place}. Instruction: {listed(task.instruction)}\n{place}. Input:\n{given}\n{place}. Output:\n{task.output}"
    )


def blocks(text: str, first: int, *, cut: bool = False) -> list[Task | str]:
    """The tasks of a completion that goes on behind an open block; one that is not numbered as it should be as text.

    A completion that was cut loses its last block. A chat model may say a line first and repeat the open header.
    """
    said = re.sub(rf"\A(?:[^\n]*\n)?\W*{first}\.\s*Instruction:", "", text)
    pieces = f"{first}. Instruction:{said}".split("###")
    whole = pieces[:-1] if cut else pieces
    return [_block(piece.strip(), number) for number, piece in enumerate(whole, first) if piece.strip()]


def _block(text: str, number: int) -> Task | str:
    parts = re.split(rf"(?<!\d){number}\.\s+({'|'.join(FIELDS)}):", text)
    if tuple(parts[1::2]) != FIELDS:
        return text
    instruction, given, output = (part.strip() for part in parts[2::2])
    return Task(instruction, "" if given.lower() == NO_INPUT else given, output)


def refused(task: Task) -> str | None:
    """Why a task cannot be used, or None."""
    return unfit(task.instruction, media=True) or (None if task.output else "empty_output")


def asked(task: Task) -> str:
    """How a task is put to an assistant: the instruction, and what it is about below it."""
    return f"{task.instruction}\n\n{task.input}" if task.input else task.instruction


def request_of(record: Instruction) -> int:
    """The number of the request that a task came from."""
    request = record.attributes["request"]
    return request if isinstance(request, int) else -1
