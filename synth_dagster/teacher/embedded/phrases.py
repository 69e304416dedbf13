"""Pieces of a sentence: where a condition or an answer ends, and what a piece is or names."""

import re

from synth_dagster.teacher.embedded.grammar import AUXILIARIES, VERBS, Clause, base_form, hidden


def split_condition(text: str) -> tuple[str, str] | None:
    """The condition and what follows from it: at the first comma after which a new statement begins."""
    for comma in re.finditer(r", ", hidden(text)):
        given, effect = text[: comma.start()], text[comma.end() :]
        goes_on = re.match(r"(?:or|and|which|such|that|etc|e\.g|i\.e)\b", effect)
        if not goes_on:
            begins = _EFFECT.match(effect) and is_statement(effect.removeprefix("then "))
            return (given, effect) if begins and is_statement(given) else None
    return None


_EFFECT = re.compile(
    r"(?:then |(?:an?|the|it|they|no|all|any|each|every|its|their|only|both)\b|(?!\S+ (?:or|and) )[A-Z\"*]\S*|"
    r"\w+ing\b|\w+s (?:are|is|must|can)\b)"
)


def up_to_clause(answer: str) -> str:
    """The answer without a trailing thought of its own: '; ...', ', so ...', ' (see ...)'."""
    plain = hidden(answer)
    cut = re.search(
        r"; | — this\b|,(?: and)? _+ (?:is|are|can|may|must)\b|, and (?:most|all|some|each|any|other)\b|, while\b|"
        r", (?:but|so|and (?:it|they|the|is|are|this|then)|which means|thus|otherwise|therefore|though|although)\b|"
        r"\s\(see\b| -- |(?<!e\.g)(?<!i\.e)\. ",
        plain,
    )
    return _one_action(answer[: cut.start()] if cut else answer)


def _one_action(answer: str) -> str:
    """The answer up to a second verb of the same subject: '... and returns the rest' is another fact."""
    for found in re.finditer(r",? (?:and|or) (?:then )?([a-z]+)(?= )", hidden(answer)):
        verb = found.group(1)
        if verb in AUXILIARIES or (base_form(verb) and verb not in VERBS):
            return answer[: found.start()]
    return answer


def object_of(rest: str) -> tuple[str, str] | None:
    """The preposition and the object after a verb: 'to a list' gives ('to', 'a list')."""
    linked = re.match(r"(to|from|for|on|with|of|into|over|through|back to)\b (.+)$", rest)
    before, answer = linked.groups() if linked else ("", rest)
    if before == "to" and not names_a_thing(answer):
        return None
    adverb = (
        r"(?:that|how|whether|if|when|like|equal|unequal|now|never|always|lower|higher|less|more|within|inside|in|by|at|as|during|"
        r"after|before|only|not|also|once|until|because|since|where|unless|there|either|both|and|or|be|have)\b"
    )
    bad = len(answer.split()) < 2 or re.match(adverb, answer) or re.match(r"\w+ly\b|\w+ed\b|\W*$", answer)
    return None if bad else (before, answer)


def names_a_thing(text: str) -> bool:
    """Whether a piece of text begins as the name of a thing does: with a determiner, a mark or a plural."""
    return bool(_THING.match(text))


_THING = re.compile(r"(?:an?|the|its|their|all|each|one|two|both)\b|[\d\"“*_]|[a-z]+s\b")


def is_statement(text: str) -> bool:
    """Whether a piece of text has a subject and a verb."""
    plain = hidden(text)
    if len(text.split()) < 3 or re.match(r"(?:or|and|which|that|such as|but|not)\b", text):
        return False
    tokens = re.findall(r"[a-z']+", plain)
    return any(token in _VERBLIKE or base_form(token) for token in tokens[1:])


_VERBLIKE = AUXILIARIES | {"has", "have", "had"}


def is_generic(subject: str) -> bool:
    """'The value', 'the object': words for something at hand, which a reader of the question alone cannot know."""
    return (
        bool(
            re.fullmatch(
                r"(?:[Tt]he|[Aa]ll|[Bb]oth|[Aa]n?) (?:\w+ )?(?:constructor|iterator|name|implementation|method|"
                r"instance|exception|target|handler|suite|"
                r"object|result|value|arguments?|function|class|operator|"
                r"character|string|return|methods|objects|values|names|rules?|effect|syntax|form|type|types|"
                r"case|default|functions|"
                r"list|section|difference|feature|attribute|attributes|text|number|order|statement|expression|"
                r"item|items|keys?|"
                r"process|behavior|code|program|command|option|parameter|parameters|latter|first|second|last|"
                r"rest|same|only)",
                subject,
            )
        )
        and bool(re.match(r"[Tt]he|[Bb]oth|[Aa]ll", subject))
        and (len(subject.split()) <= 2 or bool(_ONLY_SAID.match(subject)))
    )


# what only a sentence before says which one it is: "the returned value"
_ONLY_SAID = re.compile(
    r"(?:[Tt]he|[Bb]oth|[Aa]ll) (?:returned|resulting|assigned|given|raised|new|created|passed|same) "
)


def defines(clause: Clause) -> bool:
    """Whether 'X is ...' says what X is: its class, for a subject that is a kind and not one thing at hand."""
    general = (
        re.match(r"(?:An? |\"|\*|“)", clause.subject)
        or re.match(r"The \"[^\"]+\" \w+$", clause.subject)
        or (clause.verb == "are" and not re.match(r"(?:The|All|Some|Both|No|Most|Many|Two|Three)\b", clause.subject))
    )
    own = re.match(r"(?:an?|one of|the (?!same|following|case|only)\w+) ", clause.rest)
    bare = clause.verb == "are" and re.match(r"[a-z*-]+s\b(?: (?:that|which|of|used|for)\b)", clause.rest)
    return bool(general and (own or bare) and len(clause.rest.split()) >= 4)


def has_conjunction(text: str, kinds: tuple[str, ...] = ("but", "which", "so that")) -> bool:
    return any(f" {kind} " in f" {hidden(text)} " for kind in kinds)
