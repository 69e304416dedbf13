"""The forms of sentence that can be asked about: each rule reads one form and says how to ask and what answers.

A rule that is not certain keeps silent. What it proposes is checked in `questions`. What stands under a signature has
forms of its own: `signature_rules`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from synth_dagster.teacher.embedded.grammar import (
    VERBS,
    Clause,
    ask,
    base_form,
    clause_of,
    hidden,
    lower_first,
    upper_first,
)
from synth_dagster.teacher.embedded.phrases import (
    defines,
    has_conjunction,
    is_generic,
    is_statement,
    names_a_thing,
    object_of,
    split_condition,
    up_to_clause,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule makes of a sentence: how to ask, what answers it, and how good such questions are (0 to 1)."""

    kind: str
    asks: str
    answer: str
    worth: float
    placed: bool = True  # whether the topic is put in front of the question


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
    elif is_statement(effect):
        yield Found("condition", f"what happens {word} {given}", effect.removeprefix("then "), 0.8)


def reverse_condition(text: str) -> Iterator[Found]:
    """'Y if X', 'Y when X', 'Y because X': ask for the X; no question asks well for what stands after 'unless'."""
    found = re.search(
        r",? (if|when|because|only if|only when|unless|until|before|after) (?!possible|needed|necessary|any\b|"
        r"applicable)",
        hidden(text),
    )
    if not found or found.start() < 12 or found.group(1) == "unless":
        return
    clause = clause_of(text[: found.start()])
    if not clause or "," in hidden(clause.rest) or has_conjunction(clause.rest) or _is_perfect(clause):
        return
    answer = text[found.start() :].lstrip(", ")
    told = re.search(r"\b(?:is|are|was|were|has|have|can|does|do)\b", hidden(answer)) or found.group(1) in (
        "if",
        "when",
    )
    if not told or not is_statement(answer.split(" ", 1)[1]) or is_generic(clause.subject):
        return
    if len(answer.split()) < 4 or "," in hidden(answer) or " and " in f" {hidden(answer)} ":
        return
    word = {"because": "why", "until": "until when"}.get(found.group(1), "when")
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
    if defines(clause):
        yield Found("definition", asks, up_to_clause(clause.rest), 0.8)
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
        yield Found("purpose", asks, up_to_clause(f"to {answer}" if link == "to" else answer), 0.85)


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
    split = object_of(rest)
    if base_form(clause.verb) in _WITHOUT_OBJECT and split and not split[0]:
        return
    if known and split and (clause.verb not in ("has", "have") or re.match(r"(?:an?|no|two|optional|several)\b", rest)):
        yield Found("action", f"{asks} {split[0]}", up_to_clause(split[1]), 0.7)


_WITHOUT_OBJECT = frozenset({"occur", "exist", "behave", "live"})


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
            r"of\b|at\b|to\b|for\b|well\b|follows\b|order\b|turn\b|which\b)(.+)$",
            clause.rest,
        )
    )
    if not clause or not found or is_generic(clause.subject) or found.group(1).endswith(("used", "called", "allowed")):
        return
    done, link, answer = found.groups()
    if link in ("using", "through") or re.match(r"\w+ing\b", answer):
        if link in ("using", "through", "by"):
            yield Found("how", ask("how", clause, done), f"{link} {up_to_clause(answer)}", 0.75)
    elif link in ("in", "within", "inside", "at", "on"):
        if re.match(r"(?:the|an?|both)\b", answer) and not re.match(
            r"(?:the|an?) (?:same|order|way|manner|case|sense|form|future|past|meantime)\b", answer
        ):
            yield Found("where", ask("where", clause, done), f"{link} {up_to_clause(answer)}", 0.65)
    elif link != "to" or names_a_thing(answer):
        yield Found("relation", ask("what", clause, f"{done} {link}"), up_to_clause(answer), 0.7)


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
        yield Found("where", asks, up_to_clause(found.group(5)), 0.85)


def obligation(text: str) -> Iterator[Found]:
    """'X must be Y', 'X should Y', 'X may not Y'."""
    clause = clause_of(text)
    if not clause or clause.verb not in ("must", "should", "cannot", "may", "can"):
        return
    negative = " not" if clause.verb == "cannot" or clause.rest.startswith("not ") else ""
    verb, _, answer = clause.rest.removeprefix("not ").partition(" ")
    asks = f"what {clause.verb.removesuffix('not')} {lower_first(clause.subject)}{negative} {verb}"
    if is_generic(clause.subject) or has_conjunction(clause.rest) or verb in _WITHOUT_OBJECT:
        return
    if verb == "be" and re.match(r"(?:an?|the|one|of|at|no|all|some|positive|negative|\")\b", answer):
        yield Found("rule", asks, up_to_clause(answer), 0.65)
    elif verb in VERBS and (split := object_of(answer)):
        yield Found("rule", f"{asks} {split[0]}", up_to_clause(split[1]), 0.65)


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
        and not has_conjunction(rest, ("but", "which"))
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
