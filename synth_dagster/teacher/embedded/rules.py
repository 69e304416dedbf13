"""The forms of sentence that can be asked about: each rule reads one form and says how to ask and what answers.

A rule that is not certain keeps silent. What it proposes is checked in `questions`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from synth_dagster.teacher.embedded.grammar import (
    AUXILIARIES,
    VERBS,
    Clause,
    ask,
    base_form,
    clause_of,
    hidden,
    is_hanging,
    lower_first,
    upper_first,
)
from synth_dagster.teacher.embedded.reading import Sentence


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule makes of a sentence: how to ask, what answers it, and how good such questions are (0 to 1)."""

    kind: str
    asks: str
    answer: str
    worth: float
    placed: bool = True  # whether the topic is put in front of the question


def call_of(signature: str) -> str:
    name = re.match(r"(?:async |class |exception )?([\w.]+)(\(?)", signature)
    return (name.group(1) + ("()" if name.group(2) else "")) if name else signature


# ------------------------------------------------------------------------------------------ rules for documented names

_VERSION = re.compile(r"^(New|Added|Changed|Deprecated)(?: since| in)? version (\d+(?:\.\d+)+)[.:]?\s*(.*)$")


def returns(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Return a copy ...' under a signature."""
    found = re.match(r"Returns? (?!(?:it|this|them)\b)(.+)$", text)
    name = call_of(sentence.signature)
    if found and sentence.first:
        yield Found("returns", f"what does {name} return", _up_to_clause(found.group(1)), 0.85)


def is_called(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Called when ...', 'Called to implement ...' under a signature."""
    found = re.match(r"(?:This method is )?[Cc]alled (when|after|before|at|to|by|if|unconditionally to) (.+)$", text)
    if not found:
        return
    name, way = call_of(sentence.signature), found.group(1)
    answer = f"{way} {found.group(2)}"
    wh = "what is {} called to do" if way.endswith("to") else "what calls {}" if way == "by" else "when is {} called"
    yield Found("called", wh.format(name), _up_to_clause(found.group(2) if way == "by" else answer), 0.85)


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
    elif how == "Changed" and len(what.split()) >= 4 and not is_hanging(what.split(".")[0]):
        yield Found("version", f"what changed about {name} in Python {number}", what, 0.5)


# ----------------------------------------------------------------------------------------------- rules for any sentence


def condition(text: str) -> Iterator[Found]:
    """'If X, Y' and 'When X, Y'."""
    found = re.match(r"(If|When|Whenever) (.+)$", text)
    split = split_condition(found.group(2)) if found else None
    if not found or not split:
        return
    given, effect = split
    word = "if" if found.group(1) == "If" else "when"
    error = re.fullmatch(
        r"(?:then )?(?:an?|the) (\"?\w+(?:Error|Exception|Iteration|Warning)\"?)(?: exception)? (?:is|"
        r"will be) raised\.?",
        effect,
    )
    if error:
        yield Found("which", f"which exception is raised {word} {given}", error.group(1), 0.95)
    elif _is_statement(effect):
        yield Found("condition", f"what happens {word} {given}", effect.removeprefix("then "), 0.8)


def reverse_condition(text: str) -> Iterator[Found]:
    """'Y if X', 'Y when X', 'Y because X', 'Y unless X': ask for the X."""
    found = re.search(
        r",? (if|when|because|only if|only when|unless|until|before|after) (?!possible|needed|necessary|any\b|"
        r"applicable)",
        hidden(text),
    )
    if not found or found.start() < 12:
        return
    clause = clause_of(text[: found.start()])
    if not clause or "," in hidden(clause.rest) or _has_conjunction(clause.rest) or _is_perfect(clause):
        return
    answer = text[found.start() :].lstrip(", ")
    told = re.search(r"\b(?:is|are|was|were|has|have|can|does|do)\b", hidden(answer)) or found.group(1) in (
        "if",
        "when",
    )
    if not told or not _is_statement(answer.split(" ", 1)[1]) or is_generic(clause.subject):
        return
    if len(answer.split()) < 4 or "," in hidden(answer) or " and " in f" {hidden(answer)} ":
        return
    kinds = {"because": "why", "unless": "unless what condition", "until": "until when"}
    word = kinds.get(found.group(1), "when")
    if word == "unless what condition":
        return
    yield Found("why" if word == "why" else "when", ask(word, clause), answer, 0.85 if word == "why" else 0.75)


def _is_perfect(clause: Clause) -> bool:
    """'The ferry has crossed the river': no 'when does it have' asks for that."""
    return clause.verb in ("has", "have") and bool(re.match(r"(?:been|\w+(?:ed|en|wn))\b", clause.rest))


def definition(text: str) -> Iterator[Found]:
    """'A block is a piece of ...', 'A special attribute of every module is "__dict__"'."""
    clause = clause_of(text)
    if not clause or clause.verb not in ("is", "are"):
        return
    asks = ask("what", Clause(clause.subject, clause.verb, ""))
    if _defines(clause):
        yield Found("definition", asks, _up_to_clause(clause.rest), 0.8)
    elif re.fullmatch(r"\"[^\"]+\"\.?", clause.rest) and len(clause.subject.split()) >= 4:
        yield Found("definition", asks, clause.rest, 0.8)


def listing(text: str) -> Iterator[Found]:
    """'There are three types of X: a, b and c.'"""
    found = re.match(
        r"There are (two|three|four|five|several) ((?:\w+ ){0,2}(?:of )[^:,]{4,60}): (.+, .+|.+ and .+)$", text
    )
    if found and not found.group(3).endswith(":"):
        yield Found("listing", f"what are the {found.group(1)} {found.group(2)}", found.group(3), 0.9)


def naming(text: str) -> Iterator[Found]:
    """'X is called a generator function'."""
    found = re.match(
        r"([^,;:]+?) (is|are) (?:then |also |sometimes |usually |often )?(?:called|known as|referred to as|termed) "
        r"((?:an? |the )?(?:\*[^*]+\*|“[^”]+”)|an? [\w\s-]{3,30})[.,;(]",
        text,
    )
    if found and len(found.group(1).split()) >= 3 and not re.search(r"\b(?:is|are|can)\b", hidden(found.group(1))):
        yield Found("naming", f"what {found.group(2)} {lower_first(found.group(1))} called", found.group(3), 0.9)


def purpose(text: str) -> Iterator[Found]:
    """'X is used to Y', 'X can be used for Y'."""
    clause = clause_of(text)
    found = clause and re.match(
        r"((?:be )?(?:mainly |usually |only |typically |not )?used(?: by [^,]{3,40}?)?) (to|for|as) (?!by\b)(.+)$",
        clause.rest,
    )
    if clause and found and clause.auxiliary:
        used, link, answer = found.groups()
        asks = ask("what", clause, f"{used} {'as' if link == 'as' else 'for'}")
        yield Found("purpose", asks, _up_to_clause(f"to {answer}" if link == "to" else answer), 0.85)


def action(text: str) -> Iterator[Found]:
    """'The assert statement VERBs ...' for a verb that we know, and 'X do not VERB ...'."""
    clause = clause_of(text)
    if not clause or is_generic(clause.subject):
        return
    if clause.verb in ("do", "does") and clause.rest.startswith("not "):
        verb, _, rest = clause.rest.removeprefix("not ").partition(" ")
        asks, known = f"what {clause.verb} {lower_first(clause.subject)} not {verb}", verb in VERBS
    else:
        asks, known, rest = ask("what", clause, ""), not clause.auxiliary, clause.rest
    split = _object_of(rest)
    if base_form(clause.verb) in _WITHOUT_OBJECT and split and not split[0]:
        return
    if known and split and (clause.verb not in ("has", "have") or re.match(r"(?:an?|no|two|optional|several)\b", rest)):
        yield Found("action", f"{asks} {split[0]}", _up_to_clause(split[1]), 0.7)


_WITHOUT_OBJECT = frozenset({"occur", "exist", "behave", "live"})


def _one_action(answer: str) -> str:
    """The answer up to a second verb of the same subject: '... and returns the rest' is another fact."""
    for found in re.finditer(r",? (?:and|or) (?:then )?([a-z]+)(?= )", hidden(answer)):
        verb = found.group(1)
        if verb in AUXILIARIES or (base_form(verb) and verb not in VERBS):
            return answer[: found.start()]
    return answer


def passive(text: str) -> Iterator[Found]:
    """'X is defined as Y', 'X is evaluated in Y', 'X is equivalent to Y'."""
    clause = clause_of(text)
    found = (
        clause
        and clause.auxiliary
        and re.match(
            r"((?:be )?(?:\w+ly )?(?:\w+ed|written|known|built|made|bound|equivalent|equal|similar|"
            r"identical|limited|"
            r"related|subject)) (as|by|from|to|with|in|within|inside|at|into|using|through|on) (?!it\b|in\b|"
            r"of\b|at\b|to\b|follows\b|order\b|turn\b|which\b)(.+)$",
            clause.rest,
        )
    )
    if not clause or not found or is_generic(clause.subject) or found.group(1).endswith(("used", "called", "allowed")):
        return
    done, link, answer = found.groups()
    if link in ("using", "through") or re.match(r"\w+ing\b", answer):
        if link in ("using", "through", "by"):
            yield Found("how", ask("how", clause, done), f"{link} {_up_to_clause(answer)}", 0.75)
    elif link in ("in", "within", "inside", "at", "on"):
        if re.match(r"(?:the|an?|both)\b", answer) and not re.match(
            r"(?:the|an?) (?:same|order|way|manner|case|sense|form|future|past|meantime)\b", answer
        ):
            yield Found("where", ask("where", clause, done), f"{link} {_up_to_clause(answer)}", 0.65)
    elif link != "to" or _THING.match(answer):
        yield Found("relation", ask("what", clause, f"{done} {link}"), _up_to_clause(answer), 0.7)


_THING = re.compile(r"(?:an?|the|its|their|all|each|one|two|both)\b|[\d\"“*_]|[a-z]+s\b")


def _object_of(rest: str) -> tuple[str, str] | None:
    """The preposition and the object after a verb: 'to a list' gives ('to', 'a list')."""
    linked = re.match(r"(to|from|for|on|with|of|into|over|through|back to)\b (.+)$", rest)
    before, answer = linked.groups() if linked else ("", rest)
    if before == "to" and not _THING.match(answer):
        return None
    adverb = (
        r"(?:that|how|whether|if|when|like|equal|unequal|now|never|always|lower|higher|less|more|within|inside|in|by|at|as|during|"
        r"after|before|only|not|also|once|until|because|since|where|unless|there|either|both|and|or|be|have)\b"
    )
    bad = len(answer.split()) < 2 or re.match(adverb, answer) or re.match(r"\w+ly\b|\w+ed\b|\W*$", answer)
    return None if bad else (before, answer)


def place(text: str) -> Iterator[Found]:
    """'X may only occur inside Y', 'X must appear before Y'."""
    clause = clause_of(text)
    found = (
        clause
        and clause.auxiliary
        and re.match(
            r"((?:not )?)((?:only |be |syntactically )*)(occur|appear|used|placed|come|stored|found|"
            r"located)( only| syntactically| nested)* "
            r"((?:inside|within|in|at|on|before|after|outside|between|as part of) .+)$",
            clause.rest,
        )
    )
    if clause and found and not re.match(r"in the (?:future|past|meantime)\b", found.group(5)):
        be = "be " if "be " in found.group(2) else ""
        asks = ask("where", clause, f"{found.group(1)}{be}{found.group(3)}")
        yield Found("where", asks, _up_to_clause(found.group(5)), 0.85)


def obligation(text: str) -> Iterator[Found]:
    """'X must be Y', 'X should Y', 'X may not Y'."""
    clause = clause_of(text)
    if not clause or clause.verb not in ("must", "should", "cannot", "may", "can"):
        return
    negative = " not" if clause.verb == "cannot" or clause.rest.startswith("not ") else ""
    verb, _, answer = clause.rest.removeprefix("not ").partition(" ")
    asks = f"what {clause.verb.removesuffix('not')} {lower_first(clause.subject)}{negative} {verb}"
    if is_generic(clause.subject) or _has_conjunction(clause.rest) or verb in _WITHOUT_OBJECT:
        return
    if verb == "be" and re.match(r"(?:an?|the|one|of|at|no|all|some|positive|negative|\")\b", answer):
        yield Found("rule", asks, _up_to_clause(answer), 0.65)
    elif verb in VERBS and (split := _object_of(answer)):
        yield Found("rule", f"{asks} {split[0]}", _up_to_clause(split[1]), 0.65)


def which_one(text: str) -> Iterator[Found]:
    """'The X statement does Y': ask which statement does Y."""
    found = re.match(
        r"(?:The |A |An )?(\"[^\"\s]+\") (statement|operator|keyword|method|function|clause|attribute|module|"
        r"expression|exception|object|class|type)s? (.+)$",
        text,
    )
    if not found:
        return
    name, kind, rest = found.groups()
    verb = rest.split(" ", 1)[0]
    bare = name.strip('"()')
    simple = verb in ("is", "can", "may", "will", "must") or (base_form(verb) and verb.endswith("s"))
    vague = re.search(
        r"^can be accessed|^is (?!used|the|an?\b|only)|\b(?:its|their|a|an) (?:argument|operand|name|value)s?\b|"
        r"\bnot\b",
        rest,
    )
    if (
        simple
        and len(rest.split()) >= 6
        and bare not in rest
        and not vague
        and not _has_conjunction(rest, ("but", "which"))
    ):
        yield Found("which", f"which {kind} {rest}", name, 0.9, placed=False)


def contrast(text: str) -> Iterator[Found]:
    """'Unlike X, Y does Z', 'In contrast to X, Y ...'."""
    found = re.match(r"(?:Unlike|In contrast to|As opposed to|Contrary to) ([^,]+), (.+)$", text)
    clause = clause_of(upper_first(found.group(2))) if found else None
    if found and clause:
        differ = "do" if clause.verb in ("are", "were") or clause.verb in VERBS else "does"
        yield Found(
            "comparison",
            f"how {differ} {lower_first(clause.subject)} differ from {found.group(1)}",
            found.group(2),
            0.95,
        )


def example_of(text: str) -> Iterator[Found]:
    """'Examples of X are Y', 'Examples of X include Y'."""
    found = re.match(r"(?:Some )?[Ee]xamples of (.+?) (?:are|include) (.+)$", text)
    if found:
        yield Found("examples", f"what are examples of {found.group(1)}", found.group(2), 0.7)


def error_raised(text: str) -> Iterator[Found]:
    """'Doing X raises a TypeError'."""
    found = re.match(
        r"((?:An?|The|Any|Attempting|Trying|Using) .+?) (raises|causes|results in) (?:an? )?(\"?\w+(?:Error|"
        r"Iteration)\"?)(?: exception)?(?: to be raised)?(?: (if|when) (.+?))?\.?$",
        text,
    )
    if found and not re.search(r"[,;]", hidden(found.group(1))):
        when = f" {found.group(4)} {found.group(5)}" if found.group(4) else ""
        subject = lower_first(found.group(1))
        asks = f"which exception does {subject} raise{when}"
        yield Found("which", asks, found.group(3), 0.95)


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


def _up_to_clause(answer: str) -> str:
    """The answer without a trailing thought of its own: '; ...', ', so ...', ' (see ...)'."""
    plain = hidden(answer)
    cut = re.search(
        r"; | — this\b|,(?: and)? _+ (?:is|are|can|may|must)\b|, and (?:most|all|some|each|any|other)\b|, while\b|"
        r", (?:but|so|and (?:it|they|the|is|are|this|then)|which means|thus|otherwise|therefore|though|although)\b|"
        r"\s\(see\b| -- |(?<!e\.g)(?<!i\.e)\. ",
        plain,
    )
    return _one_action(answer[: cut.start()] if cut else answer)


def split_condition(text: str) -> tuple[str, str] | None:
    """The condition and what follows from it: at the first comma after which a new statement begins."""
    for comma in re.finditer(r", ", hidden(text)):
        given, effect = text[: comma.start()], text[comma.end() :]
        goes_on = re.match(r"(?:or|and|which|such|that|etc|e\.g|i\.e)\b", effect)
        if not goes_on:
            begins = _EFFECT.match(effect) and _is_statement(effect.removeprefix("then "))
            return (given, effect) if begins and _is_statement(given) else None
    return None


_EFFECT = re.compile(
    r"(?:then |(?:an?|the|it|they|no|all|any|each|every|its|their|only|both)\b|(?!\S+ (?:or|and) )[A-Z\"*]\S*|"
    r"\w+ing\b|\w+s (?:are|is|must|can)\b)"
)


def _is_statement(text: str) -> bool:
    """Whether a piece of text has a subject and a verb."""
    plain = hidden(text)
    if len(text.split()) < 3 or re.match(r"(?:or|and|which|that|such as|but|not)\b", text):
        return False
    tokens = re.findall(r"[a-z']+", plain)
    return any(token in AUX_LIKE or base_form(token) for token in tokens[1:])


AUX_LIKE = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "can",
        "could",
        "may",
        "might",
        "must",
        "shall",
        "should",
        "will",
        "would",
        "cannot",
        "does",
        "do",
        "did",
    ]
)


def _defines(clause: Clause) -> bool:
    """Whether 'X is ...' says what X is: its class, for a subject that is a kind and not one thing at hand."""
    general = (
        re.match(r"(?:An? |\"|\*|“)", clause.subject)
        or re.match(r"The \"[^\"]+\" \w+$", clause.subject)
        or (clause.verb == "are" and not re.match(r"(?:The|All|Some|Both|No|Most|Many|Two|Three)\b", clause.subject))
    )
    own = re.match(r"(?:an?|one of|the (?!same|following|case|only)\w+) ", clause.rest)
    bare = clause.verb == "are" and re.match(r"[a-z*-]+s\b(?: (?:that|which|of|used|for)\b)", clause.rest)
    return bool(general and (own or bare) and len(clause.rest.split()) >= 4)


def _has_conjunction(text: str, kinds: tuple[str, ...] = ("but", "which", "so that")) -> bool:
    return any(f" {kind} " in f" {hidden(text)} " for kind in kinds)


SIGNATURE_RULES: tuple[Callable[[str, Sentence], Iterator[Found]], ...] = (returns, is_called, does, attribute, version)
RULES: tuple[Callable[[str], Iterator[Found]], ...] = (
    condition,
    reverse_condition,
    definition,
    naming,
    purpose,
    action,
    place,
    obligation,
    which_one,
    contrast,
    example_of,
    error_raised,
    passive,
)
