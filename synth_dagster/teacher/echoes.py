"""Whether an answer says its prompt again: long runs of the instructions, which no data should hold.

Small models, and rules in the place of one, answer an order with the order. What the prompt shows as material may come
again, for texts are there to be quoted; so may what it puts in quotes, such as the words for "there is none".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from string import Formatter
from typing import Any

from pydantic import BaseModel

from synth_dagster.prompt import Prompt
from synth_dagster.services import Reply, Unusable
from synth_dagster.teacher.structured import schema_of

REASON = "repeats_prompt"
LONGEST = 12.0  # words in a row that an answer may have in common with its instructions, and below that
PIECE = 5  # words by which runs are found
MOST = 0.8  # share of a text that may stand in such pieces

# signs of scripts without spaces are words of half the weight
_SIGN = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_WORD = re.compile(rf"{_SIGN}|(?:(?!{_SIGN})\w)+")
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|'(?<=[\s(]')[^'\n]*'(?!\w)|「[^」\n]*」")


def refuse_echo(
    texts: Iterable[str], prompt: Prompt, shown: Mapping[str, object], into: type[Reply] | None = None
) -> None:
    """Raises Unusable where one of the texts is, or holds at length, what the prompt says besides what it shows."""
    own = _pieces_of(prompt, into)
    for text in texts:
        words = _WORD.findall(text.casefold())
        found = [piece in own for piece in _pieces(words)]
        if any(found) and _is_echo(words, own - _material(shown)):
            raise Unusable(REASON, text)


def said_by(reply: BaseModel, into: type[Reply]) -> Iterator[str]:
    """The texts that a reply is free to choose: all but the labels that its schema lists."""
    labels = _labels(into)
    yield from (text for text in _texts(reply.model_dump()) if text not in labels)


def _is_echo(words: Sequence[str], own: frozenset[tuple[str, ...]]) -> bool:
    weights = [0.5 if re.fullmatch(_SIGN, word) else 1.0 for word in words]
    covered = [False] * len(words)
    run, longest, last = 0.0, 0.0, -1
    for place, piece in enumerate(_pieces(words)):
        if piece not in own:
            continue
        begins = last != place - 1
        run = sum(weights[place : place + PIECE]) if begins else run + weights[place + PIECE - 1]
        longest, last = max(longest, run), place
        covered[place : place + PIECE] = [True] * PIECE
    said = sum(weight for weight, is_own in zip(weights, covered, strict=True) if is_own)
    return longest >= LONGEST or (said >= PIECE and said >= MOST * sum(weights))


def _pieces(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(PIECE)), strict=False)


@lru_cache(maxsize=1024)
def _pieces_of(prompt: Prompt, into: type[Reply] | None) -> frozenset[tuple[str, ...]]:
    literals = [literal for text in (prompt.system, prompt.user) for literal, *_ in Formatter().parse(text)]
    described = _described(schema_of(into)) if into else ()
    runs = [run for text in (*literals, *described) for run in _QUOTED.split(text)]
    return frozenset(piece for run in runs for piece in _pieces(_WORD.findall(run.casefold())))


def _material(shown: Mapping[str, object]) -> frozenset[tuple[str, ...]]:
    return frozenset(piece for value in shown.values() for piece in _pieces(_WORD.findall(str(value).casefold())))


def _described(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        schema = [*schema.values()]
    if isinstance(schema, list):
        for inner in schema:
            yield from _described(inner)


@lru_cache(maxsize=256)
def _labels(into: type[Reply]) -> frozenset[str]:
    return frozenset(_listed(schema_of(into)))


def _listed(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from (one for one in [schema.get("const"), *schema.get("enum", [])] if isinstance(one, str))
        schema = [*schema.values()]
    if isinstance(schema, list):
        for inner in schema:
            yield from _listed(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
