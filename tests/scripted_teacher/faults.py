"""The error knobs of the scripted teacher: how an answer is spoiled, and which requests are struck."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from synth_dagster.records import digest
from tests.scripted_teacher.reading import Request

Rates: TypeAlias = Mapping[str, float]
Written: TypeAlias = dict[str, Any] | str
Spoiled: TypeAlias = tuple[Written, str]  # what is written instead, and the finish reason


def share(key: bytes, *purpose: str) -> float:
    """A number in [0, 1) that depends on the request and the purpose alone."""
    return int.from_bytes(digest(key, *purpose)[:7]) / 2**56


def drawn_fault(key: bytes, rates: Rates) -> str | None:
    """The fault that strikes a request, each at its own rate."""
    draw = share(key, "fault")
    for fault, rate in rates.items():
        if draw < rate:
            return fault
        draw -= rate
    return None


def _text(written: Written) -> str:
    return written if isinstance(written, str) else json.dumps(written)


def _with(request: Request, written: Written, **changes: Any) -> Spoiled:
    """Some fields replaced; in a list of questions, those of the first item."""
    if isinstance(written, str):
        return str(next(iter(changes.values()))), "stop"
    if request.task != "questions" or not written["items"]:
        return {**written, **changes}, "stop"
    first, *others = written["items"]
    return {"items": [{**first, **changes}, *others]}, "stop"


def _field(request: Request, written: Written, name: str) -> str:
    if isinstance(written, str):
        return written
    return written["items"][0][name] if request.task == "questions" and written["items"] else written[name]


def _changed(name: str, change: Callable[[str], str]) -> Callable[[Request, Written], Spoiled]:
    return lambda request, written: _with(request, written, **{name: change(_field(request, written, name))})


def _copy(request: Request, written: Written) -> Spoiled:
    """The instruction comes back as it was, or in other words that ask the same."""
    old = request.tag("instruction")
    copies = (old, old.upper(), f"Please do this: {old}")
    return _with(request, written, instruction=copies[int(3 * share(request.key, "copy"))])


def _repeated(request: Request, written: Written) -> Spoiled:
    assert isinstance(written, dict)
    return {"items": [*written["items"], *written["items"][:1]]}, "stop"


SPOILERS: Mapping[str, Callable[[Request, Written], Spoiled]] = {
    # of any answer
    "refusal": lambda request, written: ("I cannot help with that.", "content_filter"),
    "broken_json": lambda request, written: (_text(written)[:-1] + ",,", "stop"),
    "truncation": lambda request, written: (_text(written)[: len(_text(written)) // 2], "length"),
    # of an answer to an instruction or of a question's answer
    "wrong_answer": _changed("answer", lambda answer: "Quetzalcoatlus"),
    "sorry": _changed("answer", lambda answer: "I am sorry, that is beyond me."),
    "stop_words": _changed("answer", lambda answer: "It is, and so on... of the above!"),
    "made_up_evidence": _changed("evidence", lambda evidence: f"It is well known that {evidence}"),
    # of an evolved instruction
    "copy": _copy,
    "meta_words": _changed("instruction", lambda text: f"#Rewritten Prompt#: {text}"),
    # of a question
    "needs_passage": _changed("question", lambda question: f"According to the passage, {question}"),
    "blank": _changed("question", lambda question: " "),
    "repeated": _repeated,
}
