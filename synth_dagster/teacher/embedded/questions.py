# ruff: noqa: RUF001  typographic quotes stand in the texts that are read, so they stand in the patterns
"""Questions that a passage answers by itself: each rule reads one form of sentence and turns it into a question.

The answer is a piece of that sentence, word for word. A question must make sense to someone who never saw the passage, so
it names its topic, and a rule that is not certain keeps silent: few good questions are worth more than many bad ones.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from synth_dagster.teacher.embedded.grammar import (
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
from synth_dagster.teacher.embedded.reading import Sentence, is_about_python, one_line, sentences, terms, verbatim


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule makes of a sentence: how to ask, what answers it, and how good such questions are (0 to 1)."""

    kind: str
    asks: str
    answer: str
    worth: float
    placed: bool = True  # whether the topic is put in front of the question


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its verbatim answer and the verbatim sentence that holds it."""

    kind: str
    question: str
    answer: str
    evidence: str
    worth: float


_LABEL = re.compile(
    r"^(?:Note that|Note:|Note|However,|In addition,|Additionally,|In general,|In particular,|Generally,|Usually,|CPython"
    r" implementation detail:|Warning:|Important:|In fact,|Indeed,|Also,|\*\*[^*]+:\*\*)\s+"
)
_ASIDE = re.compile(
    r"\s+\((?:see|e\.g\.|i\.e\.|for example|such as|or|and|which|that|in|also|a|the|as|but|not|like|under|optional)\b[^()]*\)"
)
_EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(\w[\w\s.-]*?)\*{1,2}(?![\w*])")
_UNFIT = re.compile(
    r"^(?:Otherwise|Therefore|Thus|Hence|So|For (?:example|instance)|That|In this|In that|In such|But|And|Or|Similarly|"
    r"Likewise|First|Second|Third|Finally|Then|Next|Again|Instead|Here|There|See|As (?:a|an|of|with|in)\b|Conversely)\b"
)


@lru_cache(maxsize=4096)
def questions(passage: str, title: str = "") -> tuple[Question, ...]:
    """All questions that the passage carries, best first, no two alike and at most two of a sentence's forms."""
    python = is_about_python(passage + title)
    made: list[Question] = []
    for sentence in sentences(passage):
        place = topic_of(sentence.signature) or topic_of(sentence.heading) or topic_of(title)
        if "." not in sentence.signature and not sentence.signature.startswith(("class ", "exception ")):
            place = topic_of(sentence.heading) or topic_of(title)
        for found in _found_in(sentence):
            question = _finish(found, sentence, place, python=python)
            if question:
                made.append(question)
    return tuple(_distinct(sorted(made, key=lambda question: -question.worth)))


def _found_in(sentence: Sentence) -> Iterator[Found]:
    text = _LABEL.sub("", sentence.text)
    for rule in SIGNATURE_RULES:
        if sentence.signature:
            yield from rule(text, sentence)
    text = upper_first(text)
    if _UNFIT.match(text) or ": " in hidden(text).rstrip(":") or "?" in text or text.endswith(":"):
        return
    for rule in RULES:
        yield from rule(text)


def _finish(found: Found, sentence: Sentence, place: str, *, python: bool) -> Question | None:
    """The question as it is asked, or None when it would not stand alone."""
    answer = _trim(found.answer)
    asks = _plain(found.asks)
    held = verbatim(sentence.raw, answer)
    if held is None or not _answer_is_fit(answer) or not _is_fit(asks):
        return None
    text = _placed(asks, place if found.placed else "", python=python)
    if _names_a_letter(asks, sentence.signature):
        return None
    if not 6 <= len(text.split()) <= 40 or text.count('"') % 2 or text.count("(") != text.count(")"):
        return None
    if _gives_away(asks, answer):
        return None
    bonus = 0.05 * (6 <= len(answer.split()) <= 30) - 0.1 * (len(text.split()) > 28)
    return Question(found.kind, text, held, sentence.raw, found.worth + bonus)


def _names_a_letter(asks: str, signature: str) -> bool:
    """Whether a question speaks of some 'x' that only the passage explains."""
    letters = re.findall(r"(?<![\w\"'.-])[b-zB-HJ-Z](?![\w\"'.-])", re.sub(r"\"[^\"]*\"", "", asks))
    return any(letter not in signature for letter in letters)


def _is_fit(asks: str) -> bool:
    return not is_hanging(asks) and not re.search(r"::=|[;|{}]|\s-\s|[A-Za-z]\.\s|^\W", asks) and "\n" not in asks


def _answer_is_fit(answer: str) -> bool:
    size = len(answer.split())
    if not answer or size > 45 or answer.count("(") != answer.count(")") or answer.count('"') % 2:
        return False
    if re.search(r"\b(?:as follows|the following|this section|see below|above|below)\b|:$|\[\d+\]|::", answer):
        return False
    return not re.match(r"(?:this|that|these|those|it|they|such|so|the same|here|there|also)\b", answer) or size > 6


def _gives_away(asks: str, answer: str) -> bool:
    """Whether nothing is left to find out: the answer's words all stand in the question."""
    return bool(terms(answer)) and terms(answer) <= terms(asks)


def _trim(answer: str) -> str:
    answer = answer.strip().rstrip(".,;: ")
    answer = re.sub(r"(?:\s*\((?:see|described|discussed)\b[^()]*\)|,? see section .*|\s*\[\d+\])$", "", answer)
    unwrapped = re.fullmatch(r"\*([^*]+)\*", answer)
    return unwrapped.group(1) if unwrapped else answer.strip()


def _plain(asks: str) -> str:
    """A question without asides and marks of emphasis."""
    joined = re.sub(r"(?<=\w)- (?!and |or )(?=\w)", "-", one_line(_ASIDE.sub("", asks)))
    return _EMPHASIS.sub(r"\1", joined).rstrip(" ,.;")


def _placed(asks: str, place: str, *, python: bool) -> str:
    """The topic in front, where the question does not name it anyway."""
    if place and not terms(place) <= terms(asks):
        lead = _lead(place, python=python and "Python" not in place)
    else:
        lead = "In Python, " if python and "Python" not in asks else ""
    return upper_first(f"{lead}{asks}?")


def _lead(place: str, *, python: bool) -> str:
    if _is_code(place):
        return f"For {place}, "
    if python and place.startswith('the "'):
        return f"With Python's {place.removeprefix('the ')}, "
    return f"Regarding {place} in Python, " if python else f"Regarding {place}, "


def topic_of(heading: str) -> str:
    """A heading as it is named within a sentence."""
    if _is_signature(heading):
        return _call_of(heading)
    text = re.sub(r" [—–-] (.+)$", r" (\1)", heading.split(" (", maxsplit=1)[0].strip())
    if not text or len(text.split()) > 9 or text[0].isdigit():
        return ""
    return " ".join(lower_first(word) for word in _plain(text).split())


def _is_code(text: str) -> bool:
    return " " not in text and ("." in text or "(" in text or "_" in text)


def _is_signature(heading: str) -> bool:
    return bool(re.match(r"(?:(?:async|class|exception) )?[A-Za-z_][\w.]*(?:\(|\.\w)", heading))


def _call_of(signature: str) -> str:
    name = re.match(r"(?:async |class |exception )?([\w.]+)(\(?)", signature)
    return (name.group(1) + ("()" if name.group(2) else "")) if name else signature


def _distinct(ranked: list[Question]) -> Iterator[Question]:
    asked: list[frozenset[str]] = []
    answered: set[str] = set()
    sentences_used: dict[str, int] = {}
    for question in ranked:
        about = terms(question.question)
        alike = any(len(about & other) >= 0.75 * len(about | other) for other in asked)
        if alike or one_line(question.answer) in answered or sentences_used.get(question.evidence, 0) >= 2:
            continue
        asked.append(about)
        answered.add(one_line(question.answer))
        sentences_used[question.evidence] = sentences_used.get(question.evidence, 0) + 1
        yield question


# ------------------------------------------------------------------------------------------ rules for documented names

_THIRD = r"([A-Z][a-z]+?s?)\b"
_VERSION = re.compile(r"^(New|Added|Changed|Deprecated)(?: since| in)? version (\d+(?:\.\d+)+)[.:]?\s*(.*)$")


def returns(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Return a copy ...' under a signature."""
    found = re.match(r"Returns? (?!(?:it|this|them)\b)(.+)$", text)
    name = _call_of(sentence.signature)
    if found and sentence.first:
        yield Found("returns", f"what does {name} return", _up_to_clause(found.group(1)), 0.85)


def is_called(text: str, sentence: Sentence) -> Iterator[Found]:
    """'Called when ...', 'Called to implement ...' under a signature."""
    found = re.match(r"(?:This method is )?[Cc]alled (when|after|before|at|to|by|if|unconditionally to) (.+)$", text)
    if not found:
        return
    name, way = _call_of(sentence.signature), found.group(1)
    answer = f"{way} {found.group(2)}"
    wh = "what is {} called to do" if way.endswith("to") else "what calls {}" if way == "by" else "when is {} called"
    yield Found("called", wh.format(name), found.group(2) if way == "by" else answer, 0.85)


def does(text: str, sentence: Sentence) -> Iterator[Found]:
    """An order that opens a description: 'Split the string at ...'."""
    verb = text.split(" ", 1)[0]
    is_order = base_form(verb.lower()) is not None and (verb.lower() in VERBS or verb.endswith("s"))
    skip = ("Return", "Returns", "Called", "Like", "Note", "Changed")
    if sentence.first and is_order and verb not in skip and len(text.split()) >= 5 and re.match(r"\w+ [a-z\"*]", text):
        yield Found("does", f"what does {_call_of(sentence.signature)} do", text, 0.75)


def attribute(text: str, sentence: Sentence) -> Iterator[Found]:
    """'The function's documentation string, ...' under the name of an attribute."""
    if "(" in sentence.signature or not sentence.first or clause_of(text):
        return
    if re.match(r"(?:The|A|An) [a-z*\"]", text) and len(text.split()) >= 4:
        yield Found("attribute", f"what does the attribute {_call_of(sentence.signature)} hold", text, 0.7)


def version(text: str, sentence: Sentence) -> Iterator[Found]:
    """'New in version 3.3.'"""
    found = _VERSION.match(text)
    if not found:
        return
    how, number, what = found.groups()
    name = _call_of(sentence.signature)
    if how in ("New", "Added") and not what:
        yield Found("version", f"in which version of Python was {name} added", number, 0.4)
    elif how == "Changed" and len(what.split()) >= 4 and not is_hanging(what.split(".")[0]):
        yield Found("version", f"what changed about {name} in Python {number}", what, 0.5)


# ----------------------------------------------------------------------------------------------- rules for any sentence


def condition(text: str) -> Iterator[Found]:
    """'If X, Y' and 'When X, Y'."""
    found = re.match(r"(If|When|Whenever) (.+)$", text)
    split = _split_condition(found.group(2)) if found else None
    if not found or not split:
        return
    given, effect = split
    word = "if" if found.group(1) == "If" else "when"
    error = re.fullmatch(
        r"(?:then )?(?:an?|the) (\"?\w+(?:Error|Exception|Iteration|Warning)\"?)(?: exception)? (?:is|will be) raised\.?",
        effect,
    )
    if error:
        yield Found("which", f"which exception is raised {word} {given}", error.group(1), 0.95)
    elif _is_statement(effect):
        yield Found("condition", f"what happens {word} {given}", effect.removeprefix("then "), 0.8)


def reverse_condition(text: str) -> Iterator[Found]:
    """'Y if X', 'Y when X', 'Y because X', 'Y unless X': ask for the X."""
    found = re.search(
        r",? (if|when|because|only if|only when|unless|until|before|after) (?!possible|needed|necessary|any\b|applicable)",
        hidden(text),
    )
    if not found or found.start() < 12:
        return
    clause = clause_of(text[: found.start()])
    if not clause or "," in hidden(clause.rest) or _has_conjunction(clause.rest):
        return
    answer = text[found.start() :].lstrip(", ")
    if not _is_statement(answer.split(" ", 1)[1]) or _is_generic(clause.subject):
        return
    if len(answer.split()) < 4 or "," in hidden(answer) or " and " in f" {hidden(answer)} ":
        return
    kinds = {"because": "why", "unless": "unless what condition", "until": "until when"}
    word = kinds.get(found.group(1), "when")
    if word == "unless what condition":
        return
    yield Found("why" if word == "why" else "when", ask(word, clause), answer, 0.85 if word == "why" else 0.75)


def definition(text: str) -> Iterator[Found]:
    """'A block is a piece of ...'."""
    clause = clause_of(text)
    if not clause or clause.verb not in ("is", "are") or not _defines(clause):
        return
    yield Found("definition", ask("what", Clause(clause.subject, clause.verb, "")), _up_to_clause(clause.rest), 0.8)


def naming(text: str) -> Iterator[Found]:
    """'X is called a generator function'."""
    found = re.match(
        r"(.+?) (?:is|are) (?:then |also |sometimes |usually |often )?(?:called|known as|referred to as|said to be|termed) ((?:an? |the )?(?:\*[^*]+\*|“[^”]+”|[\w\s-]{3,30}))[.,;(]",
        text,
    )
    if (
        not found
        or len(found.group(1).split()) < 3
        or re.search(r"[,;:]", hidden(found.group(1)))
        or " is " in found.group(1)
    ):
        return
    verb = "are" if re.search(rf"^{re.escape(found.group(1))} are", text) else "is"
    name = found.group(2)
    if re.match(r"(?:with|when|if|by|from|in|on|to|for|and|or|at|after|before|once|as)\b", name):
        return
    yield Found("naming", f"what {verb} {lower_first(found.group(1))} called", name, 0.9)


def purpose(text: str) -> Iterator[Found]:
    """'X is used to Y', 'X can be used for Y'."""
    clause = clause_of(text)
    if not clause:
        return
    found = re.match(
        r"((?:can |may )?(?:be )?(?:mainly |usually |only |typically )?used) (to|for|as|in|by) (.+)$", clause.rest
    )
    if found and clause.auxiliary and not _has_conjunction(found.group(1)):
        rest = f"{found.group(1)} {'for' if found.group(2) != 'as' else 'as'}"
        if found.group(2) in ("in", "by"):
            return
        answer = found.group(3) if found.group(2) in ("for", "as") else f"to {found.group(3)}"
        yield Found("purpose", ask("what", clause, rest), answer, 0.85)


def action(text: str) -> Iterator[Found]:
    """'The assert statement VERBs ...' for a verb that we know."""
    clause = clause_of(text)
    if not clause or clause.auxiliary or _is_generic(clause.subject) or clause.verb in ("has", "have", "does"):
        return
    split = _object_of(clause.rest)
    if split:
        yield Found("action", ask("what", clause, split[0]), _up_to_clause(split[1]), 0.7)


def _object_of(rest: str) -> tuple[str, str] | None:
    """The preposition and the object after a verb: 'to a list' gives ('to', 'a list')."""
    linked = re.match(r"(to|from|for|on|with|of|into|over|through|back to)\b (.+)$", rest)
    before, answer = linked.groups() if linked else ("", rest)
    adverb = r"(?:that|how|whether|if|when|like|within|inside|in|by|at|as|during|after|before|only|not|also|either|both|and|or|be|have)\b"
    bad = len(answer.split()) < 2 or re.match(adverb, answer) or re.match(r"\w+ly\b|\w+ed\b|\W*$", answer)
    return None if bad else (before, answer)


def place(text: str) -> Iterator[Found]:
    """'X may only occur inside Y', 'X must appear before Y'."""
    clause = clause_of(text)
    found = (
        clause
        and clause.auxiliary
        and re.match(
            r"((?:only |not )?(?:occur|appear|be used|be placed|come|used|stored|found|located|defined))( only)? ((?:inside|within|in|at|on|before|after|outside|as part of) .+)$",
            clause.rest,
        )
    )
    if clause and found:
        yield Found(
            "where", ask("where", clause, found.group(1).replace("only ", "")), _up_to_clause(found.group(3)), 0.85
        )


def obligation(text: str) -> Iterator[Found]:
    """'X must be Y', 'X should Y', 'X may not Y'."""
    clause = clause_of(text)
    if not clause or clause.verb not in ("must", "should", "cannot", "may", "can"):
        return
    negative = " not" if clause.verb == "cannot" or clause.rest.startswith("not ") else ""
    verb, _, answer = clause.rest.removeprefix("not ").partition(" ")
    asks = f"what {clause.verb.removesuffix('not')} {lower_first(clause.subject)}{negative} {verb}"
    if _is_generic(clause.subject) or _has_conjunction(clause.rest):
        return
    if verb == "be" and re.match(r"(?:an?|the|one|of|at|no|all|some|positive|negative|\")\b", answer):
        yield Found("rule", asks, _up_to_clause(answer), 0.65)
    elif verb in VERBS and (split := _object_of(answer)):
        yield Found("rule", f"{asks} {split[0]}", _up_to_clause(split[1]), 0.65)


def which_one(text: str) -> Iterator[Found]:
    """'The X statement does Y': ask which statement does Y."""
    found = re.match(
        r"(?:The |A |An )?(\"[^\"\s]+\") (statement|operator|keyword|method|function|clause|attribute|module|expression|exception|object|class|type)s? (.+)$",
        text,
    )
    if not found:
        return
    name, kind, rest = found.groups()
    verb = rest.split(" ", 1)[0]
    bare = name.strip('"()')
    simple = verb in ("is", "can", "may", "will", "must") or (base_form(verb) and verb.endswith("s"))
    vague = re.search(r"^can be accessed|\b(?:its|their|a|an) (?:argument|operand|name|value)s?\b|\bnot\b", rest)
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
        r"((?:An?|The|Any|Attempting|Trying|Using) .+?) (raises|causes|results in) (?:an? )?(\"?\w+(?:Error|Iteration)\"?)(?: exception)?(?: to be raised)?(?: (if|when) (.+?))?\.?$",
        text,
    )
    if found and not re.search(r"[,;]", hidden(found.group(1))):
        when = f" {found.group(4)} {found.group(5)}" if found.group(4) else ""
        subject = lower_first(found.group(1))
        asks = f"which exception does {subject} raise{when}"
        yield Found("which", asks, found.group(3), 0.95)


def _is_generic(subject: str) -> bool:
    """'The value', 'the object': words for something at hand, which a reader of the question alone cannot know."""
    return (
        bool(
            re.fullmatch(
                r"(?:[Tt]he|[Aa]ll|[Bb]oth|[Aa]n?) (?:\w+ )?(?:constructor|iterator|name|implementation|method|object|result|value|arguments?|function|class|operator|"
                r"character|string|return|methods|objects|values|names|rules?|effect|syntax|form|type|types|case|default|functions|"
                r"list|section|difference|feature|attribute|attributes|text|number|order|statement|expression|item|items|keys?|"
                r"process|behavior|code|program|command|option|parameter|parameters|latter|first|second|last|rest|same|only)",
                subject,
            )
        )
        and bool(re.match(r"[Tt]he|[Bb]oth|[Aa]ll", subject))
        and len(subject.split()) <= 2
    )


def _up_to_clause(answer: str) -> str:
    """The answer without a trailing thought of its own: '; ...', ', so ...', ' (see ...)'."""
    plain = hidden(answer)
    cut = re.search(
        r"; |, (?:but|so|and (?:it|they|the|is|are|this|then)|which means|thus|otherwise|therefore|though|although)\b|\s\(see\b| -- |\. ",
        plain,
    )
    return answer[: cut.start()] if cut else answer


def _split_condition(text: str) -> tuple[str, str] | None:
    """The condition and what follows from it: at the first comma after which a new statement begins."""
    for comma in re.finditer(r", ", hidden(text)):
        given, effect = text[: comma.start()], text[comma.end() :]
        begins = re.match(
            r"(?:then |a|an|the|it|they|no|all|any|each|every|its|their|only|both|such|[A-Z\"*]\S*|\w+ing\b)", effect
        )
        if _is_statement(given) and begins and _is_statement(effect.removeprefix("then ")):
            return given, effect
        if not re.match(r"(?:or|and|which|such|that|etc|e\.g|i\.e)\b", effect) and _is_statement(given):
            return None
    return None


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
    """Whether 'X is ...' says what X is: a class it belongs to, of a subject that is a kind and not one thing at hand."""
    general = (
        re.match(r"(?:An? |\"|\*|“)", clause.subject)
        or re.match(r"The \"[^\"]+\" \w+$", clause.subject)
        or (clause.verb == "are" and not re.match(r"(?:The|All|Some|Both|No|Most|Many|Two|Three)\b", clause.subject))
    )
    own = re.match(r"(?:an?|one of|the (?!same|following|case|only))\s*[\w*\"-]+", clause.rest)
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
)
