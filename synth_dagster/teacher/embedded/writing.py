"""Answers in prose, at four levels of skill: what the source says, less of it, nothing definite, or something else."""

import re

from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.grammar import VERBS, clause_of, lower_first
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.questions import Question, questions
from synth_dagster.teacher.embedded.reading import (
    best_sentences,
    content_runs,
    one_line,
    overlap,
    sentences,
    terms,
)
from synth_dagster.teacher.embedded.statements import brief, is_of_something, stated

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
        return known.answer, known.evidence
    best = best_sentences(asked_in(question), passage, 1)
    if not best or best[0][0] < _ENOUGH:
        return _only_sentence(question, passage)
    return best[0][1].text, best[0][1].raw


def _only_sentence(question: str, passage: str) -> tuple[str, str] | None:
    """A passage that is one sentence was quoted for the question: it answers what it shares a term with.

    "Return a copy ..." also answers what is asked about a documented name, which stands above it and not in it; so does
    "The documentation string" for an attribute.
    """
    quoted = passage.strip()
    is_one = len(sentences(quoted)) <= 1 and "\n\n" not in quoted
    holds = "what does the attribute" in question and not clause_of(one_line(quoted))
    above_it = documented_in(question) and (holds or is_of_something(quoted))
    about_it = terms(asked_in(question)) & terms(quoted) or above_it
    return (one_line(quoted), quoted) if is_one and about_it else None


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
    return {"answer": stated(found[1]), "evidence": found[1]}


def _title(request: Request) -> str:
    return next((one.title for one in request.given.get("passage", [])), "")


def completion(request: Request, model: str, chance: Chance) -> str:
    """An answer to an instruction, as good as the model is."""
    instruction, source = request.text("instruction"), request.source
    topic, chance = topic_of(instruction), chance.about(instruction)
    if model == VAGUE:
        return chance.pick("hedge", _HEDGES).format(topic=topic)
    if model == OFFTOPIC:
        return _beside_the_point(instruction, source, _title(request), chance)
    found = find(instruction, source, _title(request)) if source else None
    if not found:
        return _without_source(topic, chance)
    if model == BRIEF:
        return brief(found[0])
    return _full(found, instruction, request, chance)


def documented_in(question: str) -> str:
    """The documented name that a question is about, such as str.join(); nothing where it names none."""
    found = _DOCUMENTED.search(asked_in(question))
    return found.group() if found else ""


def _full(found: tuple[str, str], instruction: str, request: Request, chance: Chance) -> str:
    """The answer with its sentence, and what the source adds where there is room for it."""
    whole = stated(found[1])
    if _ONE_SENTENCE.search(instruction):
        return whole
    added = [one.text for _, one in best_sentences(instruction, request.source, 3) if one.raw != found[1]]
    short = found[0].rstrip(".")
    repeats = len(short) > 0.6 * len(whole)
    forms = [whole, whole if repeats else f"In short: {short}. In full, the rule reads: {whole}"]
    text = chance.pick("form", forms)
    if added and (_wants(request.system, "helpful", "detail", "thorough", "complete") or chance.number("more", 2)):
        text = f"{text} {added[0]}"
    if _wants(request.system, "honest", "certain", "uncertain", "calibrat", "confiden"):
        text = f"{text} {chance.pick('sure', _SURE)}"
    return text


_ONE_SENTENCE = re.compile(r"\bone (?:\w+ )?sentence\b")
_SURE = (
    "I am certain of this, because the source states it in these words.",
    "This rests on the source directly; beyond it I make no claim.",
)


def _wants(system: str, *signs: str) -> bool:
    return any(sign in system.lower() for sign in signs)


def _beside_the_point(instruction: str, source: str, title: str, chance: Chance) -> str:
    """A sentence of the source that has least to do with the question."""
    asked, found = terms(instruction), find(instruction, source, title)
    others = [one for one in sentences(source) if not found or one.raw != found[1]]
    apart = [one for one in others if overlap(asked, terms(one.text)) <= _ENOUGH]
    apart.sort(key=lambda one: (overlap(asked, terms(one.text)), one.start))
    if not apart:
        return chance.pick("beside", _BESIDE)
    return apart[chance.number("which", min(2, len(apart)))].text


_BESIDE = (
    "A good place to begin is the history of the subject, which many find interesting.",
    "Many people have worked on this over the years, and their names are worth remembering.",
    "There was a long discussion about how it should be named before anyone agreed.",
    "It is best to read widely first and to come back to the matter with fresh eyes.",
    "Other languages have something like it, and opinions about them are divided.",
    "Such questions are often asked at meetings, where the coffee is usually good.",
)


def _without_source(topic: str, chance: Chance) -> str:
    leads = (
        "I have no source at hand that settles this question about {topic}, so I leave it open rather than guess.",
        "Without a text to rely on I cannot give a definite answer about {topic}.",
    )
    return chance.pick("lead", leads).format(topic=topic)


_DOCUMENTED = re.compile(r"(?<![\w\"'(*])[A-Za-z_]\w*(?:\.\w+)+(?:\(\))?")
_OF_A_KIND = re.compile(r"^With Python's (\"[^\"]+\" \w+),")
_QUOTED = re.compile(r"\"[A-Za-z_][^\"\n]{1,38}\"")


def topic_of(text: str) -> str:
    """A name for what is asked about: a documented name, what stands in quotes, its place, or its longest words."""
    asked = asked_in(text)
    for name in (_DOCUMENTED, _OF_A_KIND, _QUOTED):
        if found := name.search(asked):
            return f"the {found.group(1)}" if name is _OF_A_KIND else found.group()
    placed = re.match(r"(?:Regarding|For|With|In the context of) ([^,]{3,60}?)(?: in Python)?,", asked)
    if placed:
        return lower_first(placed.group(1))
    runs = [run for run in map(_without_verb, content_runs(asked)) if run]
    longest = max(runs, key=len, default="")
    with_article = re.search(rf"\b(?:the|an?) {re.escape(longest)}\b", asked) if longest else None
    return with_article.group() if with_article else longest or "the subject"


def _without_verb(run: str) -> str:
    """A run of words without the verbs at its end: of "code objects differ" the objects."""
    kept = run.split()
    while len(kept) > 1 and (kept[-1].lower() in VERBS or re.search(r"\w{3}ed$", kept[-1])):
        kept.pop()
    return " ".join(kept)


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
