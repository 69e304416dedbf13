"""Sentences of a source as answers: whole ones that stand by themselves, and what is left of them in a few words.

What stands in quotes, or between marks of emphasis as in "where substring *sub* is found", is part of its sentence.
"""

import re

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.grammar import AUXILIARIES, VERBS, base_form, clause_of, hidden, upper_first
from synth_dagster.teacher.embedded.phrases import split_condition
from synth_dagster.teacher.embedded.reading import STOP_WORDS


def stated(sentence: str) -> str:
    """A sentence of the source as one that answers: "Return a copy ..." says of something that it returns a copy.

    It is whole by itself: without a label before it, a pointer to another section, or the colon that leads to code.
    """
    text = _POINTER.sub("", _LABEL.sub("", joined(one_line(sentence))))
    text = ended(text.rstrip(" :"))
    for opening, says in _OF_SOMETHING:
        if opening.match(text):
            return _AND_RETURN.sub(r"\1s", opening.sub(says, text, count=1))
    if order := _order(text):
        return _AND_RETURN.sub(r"\1s", f"It {_third_person(order[1].lower())}{text[order.end(1) :]}")
    return upper_first(text)


def joined(line: str) -> str:
    """A line without what its wrapping left, "left- hand", and without quotes within quotes."""
    return re.sub(r"[“‘](\"[^\"]*\")[”’]", r"\1", re.sub(r"(?<=\w)- (?!and |or )(?=\w)", "-", line))


_LABEL = re.compile(
    r"^(?:Note that|Note:|In general,|In particular,|However,|CPython implementation detail:|\*\*[^*]+:\*\*) (?=\S)"
)
_POINTER = re.compile(r"\s\(see\b[^()]*\)|[;,] see [^.;]*(?=\.$)")
_OF_SOMETHING = (
    (re.compile(r"Returns? (?=[a-z\"*“])"), "It returns "),
    (re.compile(r"Called (?=when|after|before|at|to|by|if|unconditionally)"), "It is called "),
    (re.compile(r"(?:New|Added) in version (?=\d)"), "It is new in version "),
)
_ORDER = re.compile(r"([A-Z][a-z]+) (?!(?:to|of|from|for|in|on|by|as|and|or|is|are|can|may|must)\b)[a-z*\"]")
_AND_RETURN = re.compile(r"(, (?:and|otherwise) (?:return|raise))\b")


def ended(text: str) -> str:
    return text if re.search(r"[.!?][\"”')]*$", text) else f"{text}."


def is_of_something(sentence: str) -> bool:
    """Whether a sentence describes what is named above it: 'Return ...', 'Called to ...', 'Evaluate the expression'."""
    text = one_line(sentence)
    return _order(text) is not None or any(opening.match(text) for opening, _ in _OF_SOMETHING)


def _order(text: str) -> re.Match[str] | None:
    """The verb of a sentence that tells what something does as an order: 'Split the string at ...'."""
    order = _ORDER.match(text)
    return order if order and order[1].lower() in VERBS and not clause_of(text) else None


def _third_person(verb: str) -> str:
    if verb == "have":
        return "has"
    return re.sub(r"(?<![aeiou])y$", "ie", verb) + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", verb) else "s")


def brief(sentence: str) -> str:
    """The main statement without its brackets; of a condition, what follows from it.

    What is longer than twelve words is cut before a phrase that can be left out, and stays whole where none can.
    """
    text = stated(sentence)
    conditional = re.match(r"(?:If|When) (.+)$", text)
    split = split_condition(conditional.group(1)) if conditional else None
    text = _ASIDE.sub("", split[1].removeprefix("then ") if split else text)
    end = _CLAUSE_END.search(hidden(text), _LEAST)
    kept = (text[: end.start()] if end else text).rstrip(" .,")
    ends = [match.end() for match in re.finditer(r"\S+", hidden(kept))]
    if len(ends) > _BRIEFLY:
        joints = [match.start() for match in _JOINT.finditer(hidden(kept)) if _can_end(kept[: match.start()])]
        kept = kept[: max((at for at in joints if ends[3] <= at <= ends[_BRIEFLY - 1]), default=len(kept))]
    return ended(upper_first(kept))


_BRIEFLY = 12  # words; what stands in quotes or between marks of emphasis is one
_LEAST = 12  # characters before the first clause may end
_ASIDE = re.compile(
    r"\s\((?:\"[^\"]*\"|[^()\"])*\)|"
    r", (?:if (?:present|any|given)|in the typical case|for example|for instance),"
)
_LINKS = "which|that|but|so|where|and|or"
# the commas of a list end nothing: "set", "frozenset", and "dict"
_CLAUSE_END = re.compile(
    rf"[;:]|\s(?:—|--)\s|(?<!\d),(?! (?:(?!{_LINKS})\S+ ){{1,3}}?(?:and|or) )"
    rf"(?!(?: (?!{_LINKS})\S+){{1,3}},)(?! (?:and|or) \S+(?: \S+)?$)"
)
_RELATED = r"\b(?:that|which|whose|where|when|if|because|while|until)\b"
_JOINT = re.compile(rf" (?:{_RELATED}|(?:with|from|in|on|at|for|during|within)\b)")


def _can_end(text: str) -> bool:
    """Whether a statement may end here: behind a noun, within no pair, and within no clause that has no verb yet."""
    *before, last = text.split()
    asks = last.lower() in STOP_WORDS or base_form(last) or re.search(r"(?:ed|(?<!str)(?<!th)ing|ly|ble|al|ent)$", last)
    clause = re.split(_RELATED, text)[-1].split()
    told = len(clause) == len(before) + 1 or any(word in AUXILIARIES or base_form(word) for word in clause)
    return told and not asks and not {"between", "both"} & {*before}
