"""The forms of sentence that stand under a signature: what a function returns, when it is called, since when it exists.

As in `rules`, each reads one form and says how to ask and what answers.
"""

import re
from collections.abc import Callable, Iterator

from synth_dagster.teacher.embedded.grammar import VERBS, base_form, clause_of, is_hanging
from synth_dagster.teacher.embedded.phrases import is_statement, up_to_clause
from synth_dagster.teacher.embedded.reading import Sentence
from synth_dagster.teacher.embedded.rules import Found


def call_of(signature: str) -> str:
    name = re.match(r"(?:async |class |exception )?([\w.]+)(\(?)", signature)
    return (name.group(1) + ("()" if name.group(2) else "")) if name else signature


def returns(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Return a copy ...' under a signature."""
    found = re.match(r"Returns? (?!(?:it|this|them)\b)(.+)$", text)
    name = call_of(sentence.signature)
    if found and sentence.first:
        yield Found("returns", f"what does {name} return", up_to_clause(found.group(1)), 0.85)


def is_called(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Called when ...', 'Called to implement ...' under a signature."""
    found = re.match(r"(?:This method is )?[Cc]alled (when|after|before|at|to|by|if|unconditionally to) (.+)$", text)
    if not found:
        return
    name, way = call_of(sentence.signature), found.group(1)
    answer = f"{way} {found.group(2)}"
    wh = "what is {} called to do" if way.endswith("to") else "what calls {}" if way == "by" else "when is {} called"
    yield Found("called", wh.format(name), up_to_clause(found.group(2) if way == "by" else answer), 0.85)


def does(text: str, sentence: Sentence) -> Iterator[Found]:
    """An order that opens a description: 'Split the string at ...'."""
    verb = text.split(" ", 1)[0]
    is_order = base_form(verb.lower()) is not None and (verb.lower() in VERBS or verb.endswith("s"))
    skip = ("Return", "Returns", "Called", "Like", "Note", "Changed")
    if "auditing event" in text:  # what a call does besides is not what it does
        return
    if sentence.first and is_order and verb not in skip and len(text.split()) >= 5 and re.match(r"\w+ [a-z\"*]", text):
        yield Found("does", f"what does {call_of(sentence.signature)} do", text, 0.75)


def attribute(text: str, sentence: Sentence) -> Iterator[Found]:
    """'The function's documentation string, ...' under the name of an attribute."""
    if "(" in sentence.signature or not sentence.first or clause_of(text):
        return
    if re.match(r"(?:The|A|An) [a-z*\"]", text) and len(text.split()) >= 4:
        yield Found("attribute", f"what does the attribute {call_of(sentence.signature)} hold", text, 0.7)


def version(text: str, sentence: Sentence) -> Iterator[Found]:
    """'New in version 3.3.'"""
    found = _VERSION.match(text)
    if not found:
        return
    how, number, what = found.groups()
    name = call_of(sentence.signature)
    if how in ("New", "Added") and not what:
        yield Found("version", f"in which version of Python was {name} added", number, 0.4)
    elif how == "Changed" and len(what.split()) >= 4 and is_statement(what) and not is_hanging(what.split(".")[0]):
        yield Found("version", f"what changed about {name} in Python {number}", what, 0.5)


_VERSION = re.compile(r"^(New|Added|Changed|Deprecated)(?: since| in)? version (\d+(?:\.\d+)+)[.:]?\s*(.*)$")

SIGNATURE_RULES: tuple[Callable[[str, Sentence], Iterator[Found]], ...] = (returns, is_called, does, attribute, version)
