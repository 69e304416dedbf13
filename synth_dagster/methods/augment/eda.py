"""EDA: variants of a short text by four edits of its words, without a model; the answer stays as it is.

Paper: arXiv:1901.11196. Words are replaced by synonyms, synonyms are inserted, words are swapped, words are deleted.
Edits and draws are those of the released code, which has the form `released`: small letters without marks and numbers,
for classifiers. For instructions the form `kept` is the default, and ours: case, marks, code, numbers, quotations,
names, negations and label words stay, and only the last user turn changes. WordNet is not part of this project: a small
table of our own stands in its place, or yours. The released code gives the same variant twice; here repeats go.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Annotated, ClassVar, Literal, TypeAlias
from weakref import WeakKeyDictionary

from pydantic import Field

from synth_dagster.method import Augmenter, LabelsPath, Proof
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.synonyms import Synonyms, english
from synth_dagster.parts.text.word_edits import (
    STOP_WORDS,
    Word,
    cleaned,
    deleted,
    inserted,
    pieces,
    replaced,
    swapped,
    table_from,
    text_of_cleaned,
    text_of_pieces,
    words_of_cleaned,
)
from synth_dagster.parts.text.words import is_blank, words
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Drop, References

Edit: TypeAlias = Literal["sr", "ri", "rs", "rd"]
Share = Annotated[float, Field(ge=0, le=1)]

LABEL_WORDS = 3  # an answer of at most so many words is a label, and its words stay in the question


class Eda(Augmenter[Instruction, Instruction]):
    """Every variant stays: one that says what the text or an earlier variant says is eliminated."""

    paper: ClassVar[str] = "arXiv:1901.11196"
    topics: ClassVar[tuple[str, ...]] = ("classification", "synonyms", "few examples", "without a model")
    proof: ClassVar[Proof] = Proof(
        "official parity",
        "With one table of synonyms and one seed each edit gives what the released function gives, 72 stored results",
    )

    alpha_sr: Share = Field(0.1, description="Share of the words that are replaced by synonyms, at least one word.")
    alpha_ri: Share = Field(0.1, description="Share of the words as which so many synonyms are inserted, at least one.")
    alpha_rs: Share = Field(0.1, description="Share of the words as which so many swaps are made, at least one.")
    p_rd: Share = Field(0.1, description="How likely each word is deleted.")
    num_aug: float = Field(
        9, gt=0, le=100, description="Variants of a record; below 1 how many are wanted on the average."
    )
    form: Literal["kept", "released"] = Field(
        "kept", description="Whether texts keep their form, or become small letters and blanks as in the released code."
    )
    synonyms: LabelsPath = Field(
        "", description='JSON lines of {"word": ..., "synonyms": [...]}; without a path a small table of English.'
    )
    keep_task: bool = Field(
        True, description="In the form `kept`: whether a first paragraph stays, as the task of what follows it."
    )
    protect: tuple[str, ...] = Field((), description="More words that no edit may touch, such as labels of a task.")
    max_words: int = Field(300, ge=1, description="Longer texts are dropped: the edits are for sentences.")
    seed: int = Field(0, ge=0, description="Seed of all draws.")

    async def augment(self, record: Instruction, /, *, references: References) -> Sequence[Instruction] | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        table = table_at(references, self.synonyms) if self.synonyms else english()
        task, text = self._task_and_text(record.instruction.strip())
        sentence = self._words(text, record, table)
        if all(word.fixed for word in sentence):
            return Drop("no_words", "Nothing in the text may be changed, or nothing is left of it.")
        if len(sentence) > self.max_words:
            return Drop("too_long", f"The text has {len(sentence):,} words; 'max_words' says how many it may have.")
        return list(self._variants(record, task, text, sentence, table))

    def _task_and_text(self, asked: str) -> tuple[str, str]:
        """What stays in front, and what is edited."""
        task, between, text = asked.partition("\n\n")
        keeps = self.form == "kept" and self.keep_task and not is_blank(text)
        return (task + between, text) if keeps else ("", asked)

    def _words(self, text: str, record: Instruction, table: Synonyms) -> list[Word]:
        if self.form == "released":
            return words_of_cleaned(cleaned(text))
        keep = label_words(record) | {word.lower() for word in self.protect}
        return pieces(text, keep=keep, known=lambda word: word in STOP_WORDS or word in table)

    def _variants(
        self, record: Instruction, task: str, text: str, sentence: list[Word], table: Synonyms
    ) -> Iterator[Instruction]:
        seen = {cleaned(text)} if self.form == "released" else {text}
        for edit, said in self.edited(sentence, table, stream(self.seed, record.record_id, "eda")):
            variant = text_of_cleaned(said) if self.form == "released" else text_of_pieces(said, as_in=text)
            again = variant.strip() in seen
            seen.add(variant.strip())
            yield Instruction(
                messages=with_question(record.messages, task + variant.strip()),
                evidence=record.evidence,
                parents=(record,),
                attributes={**record.attributes, "edit": edit},
                status="eliminated" if again else "current",
                reason="repeated" if again else None,
            )

    def edited(self, sentence: list[Word], table: Synonyms, rng: Random) -> list[tuple[Edit, list[Word]]]:
        """As many of each edit, shuffled, and cut to the number that is wanted."""
        each = int(self.num_aug / 4) + 1
        free = sum(not word.fixed for word in sentence)
        made: list[tuple[Edit, list[Word]]] = [
            *(("sr", replaced(sentence, max(1, int(self.alpha_sr * free)), table, rng)) for _ in range(each)),
            *(("ri", inserted(sentence, max(1, int(self.alpha_ri * free)), table, rng)) for _ in range(each)),
            *(("rs", swapped(sentence, max(1, int(self.alpha_rs * free)), rng)) for _ in range(each)),
            *(("rd", deleted(sentence, self.p_rd, rng)) for _ in range(each)),
        ]
        rng.shuffle(made)
        if self.num_aug >= 1:
            return made[: int(self.num_aug)]
        return [one for one in made if rng.uniform(0, 1) < self.num_aug / len(made)]


_TABLES: WeakKeyDictionary[References, dict[str, Synonyms]] = WeakKeyDictionary()  # for as long as a step runs


def table_at(references: References, path: str) -> Synonyms:
    """The table of synonyms at a path of the project, read once for all records of a step."""
    known = _TABLES.setdefault(references, {})
    if path not in known:
        known[path] = table_from(references.rows(path))
    return known[path]


def label_words(record: Instruction) -> frozenset[str]:
    """The words of a label: those of the attribute of that name, and of an answer of a few words."""
    label = record.attributes.get("label")
    answer = words(record.response)
    return frozenset(
        [*(words(label) if isinstance(label, str) else []), *(answer if len(answer) <= LABEL_WORDS else [])]
    )


def with_question(messages: Sequence[Message], question: str) -> tuple[Message, ...]:
    """The conversation with its last user turn in other words."""
    last = max(place for place, turn in enumerate(messages) if turn.role == "user")
    turn = messages[last]
    return (*messages[:last], Message(turn.role, question, turn.name, turn.tool_calls), *messages[last + 1 :])
