"""Facts in the words of the language of word problems: problems, and a question turned into a statement."""

from fractions import Fraction

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.facts import (
    BEFORE_A_QUESTION,
    WORDINGS,
    Fact,
    Pick,
    Problem,
    in_digits,
)
from synth_dagster.parts.mathematics.word_problems.reading import fact_of

_SHE = ("Mia", "Lena", "Ruth", "Aisha", "Grace", "Noor", "Elif", "Petra")
_HE = ("Tom", "Ben", "Omar", "Felix", "Hugo", "Ivan", "Jonas", "Milo")
NAMES = (*_SHE, *_HE)
THINGS = ("marbles", "stickers", "pencils", "shells", "postcards", "stamps", "beads", "buttons", "candles", "apples")
_SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def say(problem: Problem, pick: Pick) -> str:
    """The problem in words; another choice of wordings says the same problem."""
    sentences = [_said(fact, problem, pick, place) for place, fact in enumerate(problem.facts)]
    asks = Fact(f"asked {problem.asked}", (), problem.who, problem.things)
    question = _said(asks, problem, pick, len(sentences))
    if problem.facts[-1].kind in BEFORE_A_QUESTION and pick("condition", (True, False)):
        condition = sentences.pop().removesuffix(".")
        condition = condition if condition.startswith(problem.who) else condition[:1].lower() + condition[1:]
        question = f"If {condition}, {question[:1].lower()}{question[1:]}"
    return " ".join([*sentences, question])


def _said(fact: Fact, problem: Problem, pick: Pick, place: int) -> str:
    wordings = [one for one in WORDINGS[fact.kind] if ("{other}" in one) == bool(fact.other)]
    wording = pick(f"wording {place}", wordings)
    numbers = {name: _in_words(n, pick, place, name) for name, n in zip("nm", fact.numbers, strict=False)}
    if "${n}" in wording or "{n}%" in wording:
        numbers["n"] = in_digits(fact.numbers[0]) if fact.numbers[0] is not None else "x"
    who = _called(fact.who or problem.who, pick, place)
    who = who[:1].upper() + who[1:] if wording.startswith("{who}") else who
    return wording.format(who=who, things=fact.things or problem.things, other=fact.other, **numbers)


def _called(name: str, pick: Pick, place: int) -> str:
    """The name in the first sentence, later the name or the pronoun."""
    pronoun = "she" if name in _SHE else "he" if name in _HE else name
    return name if place == 0 else pick(f"name {place}", (name, pronoun))


def _in_words(number: Fraction | None, pick: Pick, place: int, slot: str) -> str:
    if number is None:
        return "x"
    small = number.denominator == 1 and 1 <= number <= len(_SMALL)
    return pick(f"number {place}{slot}", (in_digits(number), _SMALL[int(number) - 1])) if small else in_digits(number)


def state(question: str, answer: str) -> str | None:
    """The question with its answer as a statement, or None for a question of another language."""
    text = question[:1].upper() + question[1:]
    found, number = fact_of(text.strip()), number_of(answer)
    if found is None or number is None:
        return None
    fact, place = found
    if not fact.kind.startswith("asked ") or fact.kind == "asked x":
        return None
    kind = fact.kind.replace("asked", "told")
    statement = WORDINGS[kind][place].format(who=fact.who, things=fact.things, n=in_digits(number))
    begins = statement[:1].upper() if question[:1].isupper() else statement[:1]
    return begins + statement[1:]
