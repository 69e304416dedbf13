"""Answers in prose, at four levels of skill: what the source says, less of it, nothing definite, or something else."""

import re

from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.grammar import lower_first, upper_first
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.questions import Question, questions
from synth_dagster.teacher.embedded.reading import (
    STOP_WORDS,
    best_sentences,
    one_line,
    overlap,
    sentences,
    terms,
)

EXTRACTIVE, BRIEF, VAGUE, OFFTOPIC = "embedded-extractive", "embedded-brief", "embedded-vague", "embedded-offtopic"
MODELS = (EXTRACTIVE, BRIEF, VAGUE, OFFTOPIC)

NO_ANSWER = "The question cannot be answered from the given text."
_ENOUGH = 0.34  # share of the question's weight that a sentence must hold to count as its answer

_HEDGES = (
    "It generally depends on the circumstances, and there may be more than one way to look at {topic}.",
    "In many cases something along these lines may apply to {topic}, but it is hard to say more in general.",
    "There are probably several rules that could matter for {topic}, and it might vary from case to case.",
    "Usually things work as one would expect with {topic}, although there could perhaps be exceptions.",
)


def find(question: str, passage: str, title: str = "") -> tuple[str, str] | None:
    """The answer to a question and the verbatim sentence that it rests on, or None when the passage has none."""
    known = matching_question(question, passage, title)
    if known:
        return one_line(known.answer), known.evidence
    best = best_sentences(asked_in(question), passage, 1)
    if not best or best[0][0] < _ENOUGH:
        return _only_sentence(question, passage)
    return best[0][1].text, best[0][1].raw


def _only_sentence(question: str, passage: str) -> tuple[str, str] | None:
    """A passage that is one sentence was quoted for the question: it answers what it shares a term with."""
    quoted = passage.strip()
    is_one = len(sentences(quoted)) <= 1 and "\n\n" not in quoted
    return (one_line(quoted), quoted) if is_one and terms(asked_in(question)) & terms(quoted) else None


def asked_in(instruction: str) -> str:
    """The questions of an instruction without the demands on how they are answered; all of it where it asks none."""
    asked = re.findall(r"[^.?!]*(?:\.\S[^.?!]*)*\?", instruction)
    return " ".join(asked) or instruction


def matching_question(question: str, passage: str, title: str = "") -> Question | None:
    """The question of the passage that is asked, if it is one: nearly all of its terms are in what is asked."""
    asked = terms(question)
    scored = [(overlap(terms(one.question), asked), one) for one in questions(passage, title)]
    scored = [(share * overlap(asked, terms(one.question)) ** 0.2, one) for share, one in scored if share >= 0.8]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def answer(request: Request) -> dict[str, str]:
    """A full sentence from the passage; the evidence is that sentence as it stands there."""
    instruction = request.text("instruction")
    found = find(instruction, request.source, _title(request)) if request.source else None
    if not found:
        return {"answer": NO_ANSWER, "evidence": ""}
    return {"answer": one_line(found[1]), "evidence": found[1]}


def _title(request: Request) -> str:
    return next((one.title for one in request.given.get("passage", [])), "")


def completion(request: Request, model: str, chance: Chance) -> str:
    """An answer to an instruction, as good as the model is."""
    instruction, source = request.text("instruction"), request.source
    topic = topic_of(instruction)
    if model == VAGUE:
        return chance.pick("hedge", _HEDGES).format(topic=topic)
    if model == OFFTOPIC:
        return _beside_the_point(instruction, source, chance)
    found = find(instruction, source, _title(request)) if source else None
    if not found:
        return _without_source(topic, chance)
    if model == BRIEF:
        return _brief(found[0])
    return _full(found, instruction, request, chance)


def _full(found: tuple[str, str], instruction: str, request: Request, chance: Chance) -> str:
    """The answer with its sentence, and what the source adds where there is room for it."""
    stated = one_line(found[1])
    added = [one.text for _, one in best_sentences(instruction, request.source, 3) if one.text != stated]
    forms = [
        stated,
        f"In short: {found[0].rstrip('.')}. In full, the rule reads: {stated}" if found[0] != stated else stated,
    ]
    text = chance.pick("form", forms)
    if added and (_wants(request.system, "helpful", "detail", "thorough", "complete") or chance.number("more", 2)):
        text = f"{text} {added[0]}"
    if _wants(request.system, "honest", "certain", "uncertain", "calibrat", "confiden"):
        text = f"{text} {chance.pick('sure', _SURE)}"
    return text


_SURE = (
    "I am certain of this, because the source states it in these words.",
    "This rests on the source directly; beyond it I make no claim.",
)


def _wants(system: str, *signs: str) -> bool:
    return any(sign in system.lower() for sign in signs)


def _brief(found: str) -> str:
    """The first clause of the answer, at most twelve words."""
    clause = re.split(r"[,;:(]", found, maxsplit=1)[0]
    kept = clause.split()[:12]
    while len(kept) > 2 and kept[-1].lower() in STOP_WORDS:
        kept.pop()
    return upper_first(" ".join(kept).rstrip(".")) + "."


def _beside_the_point(instruction: str, source: str, chance: Chance) -> str:
    """A sentence of the source that has least to do with the question."""
    asked, found = terms(instruction), find(instruction, source)
    others = [one for one in sentences(source) if not found or one.raw != found[1]]
    apart = sorted(others, key=lambda one: (overlap(asked, terms(one.text)), one.start))
    if not apart or overlap(asked, terms(apart[0].text)) > _ENOUGH:
        topics = ("the history of the subject", "the people who work on it", "the names that were proposed for it")
        return f"A good place to begin is {chance.pick('topic', topics)}, which many find interesting."
    return apart[chance.number("which", min(2, len(apart)))].text


def _without_source(topic: str, chance: Chance) -> str:
    leads = (
        "I have no source at hand that settles this question about {topic}, so I leave it open rather than guess.",
        "Without a text to rely on I cannot give a definite answer about {topic}.",
    )
    return chance.pick("lead", leads).format(topic=topic)


def topic_of(text: str) -> str:
    """A name for what a question is about: what it quotes, else its longest run of content words."""
    quoted = re.findall(r"\"[^\"\n]{1,40}\"", text)
    if quoted:
        return quoted[0]
    placed = re.match(r"(?:Regarding|For|With|In the context of) ([^,]{3,60}?)(?: in Python)?,", text)
    if placed:
        return lower_first(placed.group(1))
    runs = _content_runs(text)
    return max(runs, key=len) if runs else "the subject"


def _content_runs(text: str) -> list[str]:
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[\w.'’-]+|[^\w\s]", text):
        if word.lower() in STOP_WORDS or not re.match(r"\w", word):
            runs.append([])
        else:
            runs[-1].append(word.rstrip("."))
    return [" ".join(run[:4]) for run in runs if run]


def most_relevant(text: str, limit: int = 2) -> str:
    """For a prompt without tags: the sentences that answer its last question best."""
    lines = [line.strip() for line in re.split(r"(?<=[.!?])\s+|\n+", text) if line.strip()]
    if not lines:
        return "There is nothing to answer."
    asked = next((line for line in reversed(lines) if line.endswith("?")), lines[-1])
    rest = [line for line in lines if line != asked]
    wanted = terms(asked)
    ranked = sorted(rest, key=lambda line: -overlap(wanted, terms(line)))[:limit]
    kept = [line for line in rest if line in ranked and terms(line) & wanted]
    return " ".join(kept) or f"The text does not say more about {topic_of(asked)}."
