"""A little English grammar: where the subject of a clause ends, and how a statement becomes a question."""

import re
from dataclasses import dataclass

from synth_dagster.teacher.embedded.reading import STOP_WORDS

AUXILIARIES = frozenset(
    """
    is are was were can could may might must shall should will would cannot does do did
    """.split()  # noqa: SIM905  a text of words is read more easily than a list
)

# Verbs that reference texts state their facts with. Anything else is not understood, and gives no question.
VERBS = frozenset(
    """
    accept access add allow append apply assign attach attempt become begin behave belong bind bring build call
    cause change check compare compute consist construct contain control convert copy correspond cover create
    declare decode default define delegate delete denote depend describe determine differ disable discard divide enable
    encapsulate encode end ensure evaluate examine execute expand expect export express extend fail follow
    format generate give grow guarantee handle have help hide hold ignore implement imply import include
    increase indicate inherit insert introduce invoke iterate join keep lack lead let limit list live load
    locate look lose make manage map mark match mean modify multiply need obey occur offer operate override
    parse pass perform permit point possess preserve prevent print produce propagate protect provide raise reach
    receive recognize reduce refer reject remove replace represent request require reserve resolve restore
    restrict resume return reverse rewrite scan search select separate serve share show signal skip specify
    split start stop store substitute suffer supply support suppress suspend terminate track transfer transform
    translate treat try unpack use sort wait want win work wrap write yield
    """.split()  # noqa: SIM905  a text of words is read more easily than a list
)

_DETERMINER = re.compile(
    r"^(?:a|an|the|each|every|any|no|some|all|both|most|many|one|two|three|user-defined)\b", re.IGNORECASE
)
_SUBORDINATE = re.compile(
    r"(?:When|If|In|For|Within|With|On|By|At|During|After|Before|While|Since|Because|As|Although|Unlike|Like|To|"
    r"From|Under|Once|"
    r"Whenever|Where|Of|Only|Even|Besides|Apart|Given|Unless|Until|Not|Also|Both|Either|Neither|Most notably|"
    r"What|How|Why|Which)\b"
)
_CLAUSE_WORD = re.compile(
    r"\b(?:that|which|who|whose|where|if|when|because|since|while|although|unless|to|and then)\b|[;:]"
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|\([^()]*\)|\*[^*]+\*")
_HANGING = re.compile(
    r"\b(?:it|itself|this|these|those|they|them|themselves|he|she|him|such|former|latter|above|below|following|"
    r"aforementioned"
    r"|here|there|previous|preceding|respectively|another|others|as follows|same|section|chapter|step|table|figure"
    r"|note|example|examples|we|you|your|our|one's|again|so|thus|therefore|hence|likewise|otherwise|then|"
    r"instead|see|also"
    r"|mentioned|described|discussed|listed|shown|latter's|next|aforesaid|rule|either|neither|simply|however|too)\b"
    r"|\b(?:of|in|to|for|with|by|from|on|at|as|than|if|when|does|is|are|and) that\b|\bthat (?:is|was|can|case|"
    r"way|one)\b[,?]"
    r"|\[\d+\]|::|\.\.\.|\b(?:other|the two) (?:is|are|types|kinds)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """Subject, verb and the rest of a simple statement."""

    subject: str
    verb: str
    rest: str

    @property
    def auxiliary(self) -> bool:
        return self.verb in AUXILIARIES


def base_form(verb: str) -> str | None:
    """'raises' and 'raise' give 'raise'; None for what is not a known verb."""
    guesses = [verb, verb.removesuffix("s"), verb.removesuffix("es"), re.sub("ies$", "y", verb)]
    if verb in ("has", "have"):
        return "have"
    return next((guess for guess in guesses if guess in VERBS), None)


def is_hanging(text: str) -> bool:
    """Whether a text needs another one to be understood: a pronoun, 'the following', 'see section'."""
    return bool(_HANGING.search(_QUOTED_WORDS.sub('"x"', text)))


_QUOTED_WORDS = re.compile(r"\"[^\"]*\"")


def hidden(text: str) -> str:
    """The text with what stands in quotes or brackets blanked out, character for character."""
    return _QUOTED.sub(lambda found: "_" * len(found.group()), text)


_NOT_BEFORE_A_VERB = re.compile(
    r"\b(?:the|an?|of|to|its|their|this|each|every|any|no|for|in|with|by|or|and)\s$", re.IGNORECASE
)


# "the potential uses for metaclasses are boundless"
_OF_A_NOUN = re.compile(
    r" (?:for|of|in|with|on) (?:(?!(?:that|which|who|when|if|where|as|and|or)\b)[\w-]+ ){1,4}?"
    r"(?:is|are|was|were|can|must|may)\b"
)


def clause_of(text: str) -> Clause | None:
    """Finds subject and verb of a simple statement; None when that is not certain."""
    plain = hidden(text)
    for found in re.finditer(r"(?<![\w-])[a-z]+(?![\w'’-])", plain):
        word = found.group()
        after = re.match(r" ([a-z]+)", plain[found.end() :])
        noun = word not in AUXILIARIES and (
            (after and after.group(1) in AUXILIARIES) or (word.endswith("s") and _OF_A_NOUN.match(plain[found.end() :]))
        )
        if noun or _NOT_BEFORE_A_VERB.search(plain[: found.start()]):
            continue
        if word in AUXILIARIES or (found.start() and _agrees(plain[: found.start()], word)):
            subject, rest = text[: found.start()].strip(), text[found.end() :].strip()
            good = subject and rest and is_noun_phrase(subject)
            return Clause(subject, word, rest) if good else None
    return None


def is_noun_phrase(subject: str) -> bool:
    plain = hidden(subject)
    if (
        _SUBORDINATE.match(subject)
        or len(subject.split()) > 12
        or _CLAUSE_WORD.search(plain)
        or "," in plain
        or subject[-1] in ",.("
    ):
        return False
    return bool(
        _DETERMINER.match(subject)
        or subject[0] in '"*“'
        or _is_plural(plain)
        or "’s " in subject
        or subject[0].isupper()
    )


def _is_plural(plain: str) -> bool:
    head = re.split(r"\b(?:of|in|for|with|to|on|from|at|by|as)\b", plain)[0].split()
    return bool(head) and head[-1].endswith("s") and not head[-1].endswith("ss")


def _agrees(before: str, word: str) -> bool:
    """Whether a word can be the verb of what stands before it: singular noun and 'raises', plural noun and 'raise'."""
    if base_form(word) is None:
        return False
    determined = bool(_DETERMINER.match(before.strip())) or before.strip().startswith(("_", "Python"))
    singular_verb = word.endswith("s") and word not in VERBS
    return (determined and not _is_plural(before)) if singular_verb else _is_plural(before)


def ask(wh: str, clause: Clause, rest: str | None = None) -> str:
    """'When' + (the loop, ends, early) gives 'when does the loop end early'."""
    tail = clause.rest if rest is None else rest
    subject = lower_first(clause.subject)
    if clause.verb == "cannot":
        return _joined(wh, "can", subject, "not", tail)
    if clause.auxiliary:
        return _joined(wh, clause.verb, subject, tail)
    plural = clause.verb in VERBS
    return _joined(wh, "do" if plural else "does", subject, base_form(clause.verb) or clause.verb, tail)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def lower_first(text: str) -> str:
    """Lower case at the start, except for names, acronyms and code; a word before another capital begins a name.

    "An OR pattern" begins none.
    """
    first, _, rest = text.partition(" ")
    is_name = rest[:1].isupper() and first.lower() not in STOP_WORDS
    keep = (not first[1:].islower() and len(first) > 1) or is_name
    return (
        text
        if keep or first in ("I", "Python", "Python's", "Unicode", "Python’s", "Boolean")
        else text[:1].lower() + text[1:]
    )


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
