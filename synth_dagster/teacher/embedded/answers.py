"""From a request to an answer: the task is recognised, done by the text at hand, and put into the wanted shape."""

import json
import re
from collections.abc import Mapping
from typing import Any

from synth_dagster.teacher.embedded import arithmetic, cleaning, exchanging, judging, rewriting, writing
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.evolving import evolve
from synth_dagster.teacher.embedded.prompts import Request, read
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.reading import best_sentences, sentences
from synth_dagster.teacher.embedded.schema import Shaper

_MOST_QUESTIONS = 100


def answer(messages: list[dict[str, str]], *, model: str, chance: Chance, schema: Mapping[str, Any] | None) -> str:
    """The text of one answer: prose without a schema, else JSON that is valid under it."""
    request = read(messages, schema)
    if schema is None:
        return _prose(request, model, chance)
    given = STRUCTURED[request.task](request, chance) if request.task in STRUCTURED else None
    return json.dumps(Shaper(schema, _material(request)).shape(given), ensure_ascii=False)


def _prose(request: Request, model: str, chance: Chance) -> str:
    if request.task == "completion":
        return writing.completion(request, model, chance)
    if request.task == "solve":
        return arithmetic.solved(request, chance)
    if request.task in _BY_RULE:
        return _BY_RULE[request.task](request)
    return writing.most_relevant(request.user)


_BY_RULE = {
    "rewrite": rewriting.rewritten,
    "edit": cleaning.program,
    "clean": cleaning.page,
    "keep": cleaning.verdict,
}


def _questions(request: Request, chance: Chance) -> dict[str, Any]:
    """Up to `count` questions: the best ones for the first sample, other ones further down for later samples."""
    passage = request.given["passage"][0]
    wanted = re.search(r"\d+", request.text("count"))
    count = min(int(wanted.group()[:6]) if wanted else 1, _MOST_QUESTIONS)
    chosen = _varied(questions(passage.text, passage.title), count)
    return {"items": [{"question": one.question, "answer": one.answer, "evidence": one.evidence} for one in chosen]}


def _varied(ranked: Any, count: int) -> list[Any]:
    """The best question of each kind before the second best of any."""
    seen: dict[str, int] = {}
    order = []
    for place, question in enumerate(ranked):
        seen[question.kind] = seen.get(question.kind, 0) + 1
        order.append((seen[question.kind], place, question))
    return [question for _, _, question in sorted(order, key=lambda entry: entry[:2])[:count]]


def _material(request: Request) -> list[str]:
    """Sentences to fill an unknown shape with: the best for the prompt's last question first."""
    text = request.source or request.user
    ranked = [one.text for _, one in best_sentences(request.text("instruction") or request.user, text, 8)]
    return ranked or [one.text for one in sentences(text)][:8] or [writing.most_relevant(request.user)]


STRUCTURED = {
    "questions": _questions,
    "evolve": lambda request, chance: {"instruction": evolve(request, chance)},
    "answer": lambda request, chance: writing.answer(request),
    "equal": lambda request, chance: judging.equal(request),
    "rate": lambda request, chance: judging.rate(request),
    "critique": lambda request, chance: judging.critique(request),
    "exchange": lambda request, chance: exchanging.exchanges(request),
    "hurtful": lambda request, chance: {"score": exchanging.hurtful(request.text("text"))},
    "rephrase": arithmetic.reworded,
    "declare": lambda request, chance: arithmetic.declared(request),
}
