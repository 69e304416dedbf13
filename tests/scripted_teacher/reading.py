"""How the scripted teacher reads a prompt: the tags of the user message and the fields of the wanted reply."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Task: TypeAlias = Literal[
    "questions",
    "evolve",
    "answer",
    "completion",
    "equal",
    "rate",
    "critique",
    "score",
    "rephrase",
    "declare",
    "pairs",
    "variants",
    "program",
    "subjects",
    "syllabus",
    "fact",
    "query",
    "same",
    "refine",
    "entities",
    "functions",
    "set",
    "suggest",
    "edit",
    "do",
    "call",
    "padded",
    "advertisement",
    "related",
    "tool",
    "topics",
    "quality",
    "choice",
    "recipe",
    "summary",
    "names",
    "seed_scores",
    "rubric",
    "turns",
    "reverse",
    "keywords",
    "reflect",
    "improve",
    "harden",
    "tags",
    "extend",
    "mend",
    "decompose",
    "question",
    "compose",
    "evaluate",
    "ask",
    "scenarios",
    "look_up",
    "cross",
    "documents",
    "find",
    "compare",
    "repair",
    "named",
    "asked",
    "found",
    "rebuilt",
    "code_problem",
    "test",
    "trial",
    "helpers",
]

# The fields that the reply asks for -> the task; a request without fields is a completion.
_TASKS: dict[frozenset[str], Task] = {
    frozenset({"items"}): "questions",
    frozenset({"instruction"}): "evolve",
    frozenset({"answer", "evidence"}): "answer",
    frozenset(): "completion",
    frozenset({"equal", "reason"}): "equal",
    frozenset({"ratings"}): "rate",
    frozenset({"critique", "overall_score"}): "critique",
    frozenset({"overall_score"}): "score",
    frozenset({"question"}): "rephrase",
    frozenset({"statement"}): "declare",
    frozenset({"pairs"}): "pairs",
    frozenset({"problems"}): "variants",
    frozenset({"program"}): "program",
    frozenset({"subjects"}): "subjects",
    frozenset({"sessions"}): "syllabus",
    frozenset({"fact"}): "fact",
    frozenset({"sql"}): "query",
    frozenset({"same"}): "same",
    frozenset({"problem", "solution"}): "refine",
    frozenset({"summary", "entities"}): "entities",
    frozenset({"functions"}): "functions",
    frozenset({"skip", "task"}): "set",
    frozenset({"suggestions"}): "suggest",
    frozenset({"text", "task"}): "edit",
    frozenset({"answer", "can_be_done"}): "do",
    frozenset({"answer", "calls"}): "call",
    frozenset({"is_padded"}): "padded",
    frozenset({"is_advertisement"}): "advertisement",
    frozenset({"relation", "persona"}): "related",
    frozenset({"name", "description", "parameters"}): "tool",
    frozenset({"topics"}): "topics",
    frozenset({"score"}): "quality",
    frozenset({"question", "options", "answer"}): "choice",
    frozenset({"instruction", "ingredients", "steps"}): "recipe",
    frozenset({"instruction", "summary", "text"}): "summary",
    frozenset({"names"}): "names",
    frozenset({"educational", "factual", "reasoning"}): "seed_scores",
    frozenset({"critique", "reasoning", "accuracy", "grounding"}): "rubric",
    frozenset({"turns"}): "turns",
    frozenset({"task", "calls"}): "reverse",
    frozenset({"keywords"}): "keywords",
    frozenset({"reflection", "is_good"}): "reflect",
    frozenset({"text", "label"}): "improve",
    frozenset({"way", "text"}): "harden",
    frozenset({"task", "difficulty"}): "tags",
    frozenset({"statement", "new_context", "question", "reasoning", "answer"}): "extend",
    frozenset({"context", "statement", "new_context", "question", "reasoning", "answer"}): "extend",
    frozenset({"contexts"}): "mend",
    frozenset({"basic_query", "constraints"}): "decompose",
    frozenset({"eval_question"}): "question",
    frozenset({"query", "eval_question"}): "compose",
    frozenset({"verdicts"}): "evaluate",
    frozenset({"questions"}): "ask",
    frozenset({"scenarios"}): "scenarios",
    frozenset({"question", "documents"}): "look_up",
    frozenset({"relevant"}): "cross",
    frozenset({"texts"}): "documents",
    frozenset({"points"}): "find",
    frozenset({"missing", "extra"}): "compare",
    frozenset({"text"}): "repair",
    frozenset({"entities"}): "named",
    frozenset({"question", "answer"}): "asked",
    frozenset({"answer"}): "found",
    frozenset({"first_question", "question"}): "rebuilt",
    frozenset({"statement", "name", "program"}): "code_problem",
    frozenset({"test"}): "test",
    frozenset({"trial"}): "trial",
    frozenset({"programs"}): "helpers",
}


@dataclass(frozen=True)
class Request:
    """One request as a world sees it."""

    system: str
    user: str
    fields: frozenset[str]
    model: str
    sample: int
    key: bytes  # the hash of everything above: what all draws of the scripted teacher depend on

    @property
    def task(self) -> Task:
        try:
            return _TASKS[self.fields]
        except KeyError:
            raise AssertionError(f"no task asks for the fields {sorted(self.fields)}") from None

    def tag(self, name: str) -> str:
        """What stands between the tags, or an empty string."""
        return next(iter(self.tags(name)), "")

    def tags(self, name: str) -> list[str]:
        found: Iterable[str] = re.findall(rf"<{name}(?:\s[^>]*)?>(.*?)</{name}>", self.user, re.DOTALL)
        return [inside.strip() for inside in found]
