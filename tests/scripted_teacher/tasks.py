"""A world of small tasks with known answers: a program goes on with a list, says what is a classification, and solves.

`copies` and `unfit` are the shares of items that are near-copies of a listed task, and that ask for more than text.
What was planted is remembered by its text.
"""

import re
from collections.abc import Mapping

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

# instruction | input | output; several examples of a task follow each other
TASKS = """
Give a word that means the opposite of the one below. | early | late
Put the words into alphabetical order. | plum, apple, fig | apple, fig, plum
Decide whether this number is even or odd. | 14 | even
Decide whether this number is even or odd. | 9 | odd
Name three things that a gardener needs in spring. | | A spade, seeds and a watering can.
Turn the sentence into a question. | The ferry leaves at noon. | Does the ferry leave at noon?
How many minutes are there in two and a half hours? | | 150
Correct the spelling of the following line. | The libary is closd. | The library is closed.
Write a polite refusal to an invitation for dinner. | | Thank you for asking me; I am afraid I cannot come.
Say which season the sentence speaks about. | Snow lay on the roofs. | winter
Say which season the sentence speaks about. | The apples were ripe. | autumn
Shorten this text to a single sentence. | The bridge is old. It was built of stone. | The bridge is old and of stone.
Explain to a child why the moon changes its shape. | | The sun lights one side, and we see more or less of it.
List the ingredients of a simple soup. | | Onions, carrots, potatoes, water and salt.
Convert the temperature from Celsius to Fahrenheit. | 20 | 68
Rewrite the message so that it sounds friendlier. | Send it now. | Could you send it now, please?
Find the city that does not belong to the others. | Oslo, Bergen, Lisbon | Lisbon
What should one check before a long bicycle tour? | | The brakes, the tyres and the lights.
Classify the animal as a bird or a fish. | heron | bird
Classify the animal as a bird or a fish. | trout | fish
Replace every number with the word for it. | I have 3 hens. | I have three hens.
Suggest a title for a story about a lost key. | | The Door That Waited
Compute the total price of the items. | bread 3, milk 2 | 5
Describe the taste of honey without using adjectives. | | It tastes of flowers and summer.
Translate the greeting into German. | Good morning | Guten Morgen
Compose a short rhyme for a birthday card. | | Another year, another cake, enjoy each slice that you may take.
"""
LABELS = ("even or odd", "which season", "bird or a fish")


def _read() -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in TASKS.strip().splitlines():
        instruction, given, output = (part.strip() for part in line.split("|"))
        found.setdefault(instruction, []).append((given, output))
    return found


BOOK = _read()


class TaskWorld:
    """Goes on with lists of tasks; each item is drawn by the request, so a repeated draw is a repeated task."""

    def __init__(self, *, copies: float = 0.0, unfit: float = 0.0, items: int = 8, novel: bool = False) -> None:
        """With `novel` tasks are made up without end instead of taken from the book."""
        self.copies, self.unfit, self.items, self.novel = copies, unfit, items, novel
        self.planted: dict[str, str] = {}  # instruction -> what is wrong with it

    def answer(self, request: Request) -> str | None:
        if "Go on with it up to number" in request.user:
            return self._list(request)
        asked = request.user.rsplit("Task: ", 1)[-1].partition("\n")[0].strip()
        if "Is it classification?" in request.user:
            return "Yes" if any(label in asked for label in LABELS) else "No"
        return self._by_label(asked) if "Class label:" in request.user else self._by_input(asked)

    def _list(self, request: Request) -> str:
        shown = re.findall(r"(?m)^\d+\. (.+)$", request.user)
        made = [self._item(request, place, shown) for place in range(self.items)]
        return "".join(f"\n{len(shown) + 1 + place}. {one}" for place, one in enumerate(made)).lstrip("\n")

    def _item(self, request: Request, place: int, shown: list[str]) -> str:
        draw = share(request.key, "kind", str(place))
        if draw < self.copies:
            return self._plant("near_copy", near_copy(shown[int(len(shown) * share(request.key, str(place)))]))
        if draw < self.copies + self.unfit:
            return self._plant("needs_more_than_text", f"Draw a picture of house {request.key.hex()[:4]}{place}.")
        if self.novel:
            return made_up(request.key.hex(), place)
        return list(BOOK)[int(len(BOOK) * share(request.key, "task", str(place)))]

    def _plant(self, fault: str, text: str) -> str:
        self.planted[text] = fault
        return text

    @staticmethod
    def _by_input(asked: str) -> str:
        examples = BOOK.get(asked, [("", "It is done as it was asked.")])
        return "\n".join(
            f"Example {number}\n" + (f"Input: {given}\n" if given else "") + f"Output: {output}"
            for number, (given, output) in enumerate(examples, 1)
        )

    @staticmethod
    def _by_label(asked: str) -> str:
        return "\n".join(f"Class label: {output}\nInput: {given}" for given, output in BOOK[asked])


def near_copy(text: str) -> str:
    """The text with one word more: at least nine in ten of its words stay, in order."""
    return f"{text.rstrip('.?')} again."


def made_up(key: str, place: int) -> str:
    """A task of ten words of which at most three are shared with any other: ROUGE-L stays far below 0.7."""
    words = [f"w{key[at : at + 6]}{place}" for at in range(0, 42, 6)] if len(key) >= 42 else []
    words = words or [f"w{key[(at * 5) % 26 : (at * 5) % 26 + 6]}{place}{at}" for at in range(7)]
    return f"Explain the {' '.join(words)} once."


class BlockWorld:
    """Writes whole tasks as numbered blocks from the place that a request leaves open, up to the twentieth.

    `mangled` is the share of blocks whose numbering is wrong, `copies` that of near-copies of an example.
    """

    def __init__(self, *, mangled: float = 0.0, copies: float = 0.0, novel: bool = True) -> None:
        self.mangled, self.copies, self.novel = mangled, copies, novel
        self.mangled_texts: list[str] = []
        self.copied: list[str] = []

    def answer(self, request: Request) -> str | None:
        if "Write a list of 20 different tasks" not in request.user:
            return None
        shown = re.findall(r"(?m)^\d+\. Instruction: (.+)$", request.user)
        first = len(shown) + 1
        written = [self._block(request, place, shown) for place in range(first, 21)]
        return "\n###\n".join(written).removeprefix(f"{first}. Instruction:")

    def _block(self, request: Request, place: int, shown: list[str]) -> str:
        instruction, (given, output) = self._task(request, place, shown)
        number = place
        if share(request.key, "mangled", str(place)) < self.mangled:
            self.mangled_texts.append(instruction)
            number = place + 30  # 34 ends like 4: a parser that looks at the last digit alone is found out
        return (
            f"{place}. Instruction: {instruction}\n{number}. Input:\n{given or '<noinput>'}\n{place}. Output:\n{output}"
        )

    def _task(self, request: Request, place: int, shown: list[str]) -> tuple[str, tuple[str, str]]:
        if share(request.key, "copy", str(place)) < self.copies:
            self.copied.append(near_copy(shown[place % len(shown)]))
            return self.copied[-1], ("", "It is done.")
        if self.novel:
            return made_up(request.key.hex(), place), ("", "It is done.")
        instruction, examples = list(BOOK.items())[int(len(BOOK) * share(request.key, "task", str(place)))]
        return instruction, examples[0]
