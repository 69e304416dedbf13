"""Students of pages: what rephrasing noisy pages does to the perplexity of clean ones, beside edits that mean nothing.

WRAP in small (arXiv:2401.16380): pages as the web has them, each in the form of its writer, with menus, slips and
broken sentences; a rephraser says each in four styles; the control edits words as `eda` does: synonyms, swaps,
deletions. Each arm is trained from nothing for the same number of steps, made texts one to one with the noisy pages,
and asked how well it foretells clean pages that nobody has seen, and questions and answers about them.

There are more pages than an arm reads, as on the web, so no arm learns pages by heart, of which edits would keep it;
and steps enough for who reads noisy pages alone to learn no more. Three of the rephraser's styles are forms of the web,
which stand clean there for once. On a web of one form that is none of its styles, noisy pages alone come out best.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np

from synth_dagster.methods.augment.eda import Eda
from synth_dagster.methods.augment.wrap import Wrap
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words
from synth_dagster.records import Document, Instruction, digest
from tests.scripted_teacher.reading import Request
from tests.scripted_teacher.rephrasing import PAGE, facts_of, said_as
from tests.scripted_teacher.teacher import ScriptedTeacher

HELD_OUT = 240
NUMBERS = 100_000  # of which a seed draws its pages
LENGTH, ROWS = 64, 16
SAID = {"easy": "plain", "medium": "conversational", "hard": "encyclopaedic", "qa": "qa"}  # by style of WRAP
WRITERS = (PAGE, "plain", "conversational", "encyclopaedic")  # the forms in which the web says the same
_MENUS = ("Home | About us | Contact", "Sign in to comment.", "Share this page", "You are here: start > places")


def noisy(text: str, rng: Random) -> str:
    """A page as it is found: menus around it, sentences broken off, slips of the keys in one word of ten.

    Each accident comes by itself. Were there one broken sentence in every page, who read many would be sure that the
    last one breaks where no other has, and no clean page keeps to that.
    """
    sentences = [broken(one) if rng.random() < 0.25 else one for one in text.split(". ")]
    words = [slip(word, rng) if rng.random() < 0.1 else word for word in ". ".join(sentences).split()]
    parts = [rng.choice(_MENUS), " ".join(words), rng.choice(_MENUS)]
    return "\n\n".join(part for part in parts if part not in _MENUS or rng.random() < 0.5)


def broken(sentence: str) -> str:
    """Its first half."""
    words = sentence.split()
    return " ".join(words[: max(len(words) // 2, 1)])


def slip(word: str, rng: Random) -> str:
    """Two letters beside each other change places."""
    if len(word) < 3 or not word.isalpha():
        return word
    at = rng.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


class NoisyRephraser:
    """A world whose teacher knows what a noisy page says, by its title, and says it again in a style."""

    def __init__(self, known: Mapping[str, Mapping[str, object]]) -> None:
        self.known = known

    def answer(self, request: Request) -> str:
        title = request.user.partition('title="')[2].partition('"')[0]
        return said_as(SAID[request.tag("style")], self.known[title])


def rephrased(pages: Sequence[Document], known: Mapping[str, Mapping[str, object]]) -> list[str]:
    """What the method keeps of its four styles of each page. Facts that a slip hid from the page are no invention."""

    async def all_of_them() -> list[Document]:
        teacher, method = ScriptedTeacher(NoisyRephraser(known)), Wrap.model_validate({"keep_facts": False})
        made = [await method.augment(page, writer=teacher) for page in pages]
        return [one for some in made for one in some]  # type: ignore[union-attr]

    return [one.body for one in asyncio.run(all_of_them()) if one.status == "current"]


def edited(pages: Sequence[Document], seed: int) -> list[str]:
    """Four variants of each page by EDA's edits of words."""
    method = Eda.model_validate({"num_aug": 4, "keep_task": False, "seed": seed})

    async def all_of_them() -> list[Instruction]:
        asked = [Instruction.single(page.body, "") for page in pages]
        made = [await method.augment(one, references=None) for one in asked]  # type: ignore[arg-type]  # the table is the built-in one
        return [one for some in made for one in some]  # type: ignore[union-attr]

    return [one.instruction for one in asyncio.run(all_of_them()) if one.status == "current"]


def perplexity(student: Student, words: Words, texts: Sequence[str]) -> float:
    """Of a word, over all texts."""
    logs = np.concatenate(student.log_probabilities([words.symbols(text) for text in texts]))
    return float(np.exp(-logs.mean()))


def one_to_one(first: np.ndarray, second: np.ndarray) -> Callable[[np.random.Generator], Batch]:
    """Half of each batch from either, each block of theirs once before any comes again."""
    draws = [packed_batches(blocks, ROWS // 2) for blocks in (first, second)]

    def both(rng: np.random.Generator) -> Batch:
        some = [draw(rng) for draw in draws]
        return Batch(np.concatenate([one.symbols for one in some]), np.concatenate([one.weights for one in some]))

    return both


def run(seed: int, *, steps: int = 1_000, pages: int = 9_600) -> dict[str, float]:
    """Perplexities of clean pages and of questions with answers, by arm."""
    rng = Random(seed)
    numbers = rng.sample(range(NUMBERS), pages + HELD_OUT)
    known = [{**facts_of(number), "year": rng.randint(1700, 1899)} for number in numbers]
    titles = {f"page {number}": facts for number, facts in enumerate(known[:pages])}
    real = [noisy(said_as(rng.choice(WRITERS), facts), rng) for facts in titles.values()]
    web = [
        Document(body=text, title=title, record_id=digest("page", seed, title))
        for title, text in zip(titles, real, strict=True)
    ]
    arms = {"noisy alone": real, "rephrased": rephrased(web, titles), "edited": edited(web, seed)}
    clean = [said_as(rng.choice(WRITERS), facts) for facts in known[pages:]]
    asked = [said_as("qa", facts) for facts in known[pages:]]
    words = Words.of([*clean, *asked, *(text for texts in arms.values() for text in texts)])
    found: dict[str, float] = {}
    for name, texts in arms.items():
        rng.shuffle(texts)
        blocks = [blocks_of([words.symbols(text) for text in some], LENGTH) for some in (real, texts)]
        student = Student.new(Shape(words.size, context=128, width=64, layers=2, heads=2), seed=seed)
        train(student, one_to_one(*blocks), Course(steps, rate=3e-3, seed=seed))
        found[f"{name}, clean"] = perplexity(student, words, clean)
        found[f"{name}, questions"] = perplexity(student, words, asked)
    return found
