"""Questions that a passage answers by itself: what the rules find in its sentences, checked and put into words.

The answer is a piece of that sentence, word for word and on one line. A question must make sense to
someone who never saw the passage, so it names its topic. Few good questions are worth more than many bad ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.grammar import hidden, is_hanging, upper_first
from synth_dagster.teacher.embedded.reading import Sentence, is_about_python, sentences, terms, verbatim
from synth_dagster.teacher.embedded.rules import RULES, Found, definition, listing
from synth_dagster.teacher.embedded.signature_rules import SIGNATURE_RULES, call_of
from synth_dagster.teacher.embedded.statements import joined


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer, word for word, and the verbatim sentence that holds it."""

    kind: str
    question: str
    answer: str
    evidence: str
    worth: float


_LABEL = re.compile(
    r"^(?:Note that|Note:|Note|However,|In addition,|Additionally,|In general,|In particular,|Generally,|"
    r"Usually,|CPython"
    r" implementation detail:|Warning:|Important:|In fact,|Indeed,|Also,|\*\*[^*]+:\*\*)\s+"
)
_ASIDE = re.compile(
    r"\s+\((?:see|e\.g\.|i\.e\.|for example|such as|or|and|which|that|in|also|a|the|as|but|not|like|under|"
    r"optional)\b[^()]*\)"
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
    if sentence.signature:
        for rule in SIGNATURE_RULES:
            yield from rule(text, sentence)
    text = upper_first(text)
    if _UNFIT.match(text) or "?" in text:
        return
    if ":" in hidden(text):
        yield from (*listing(text), *definition(text.rstrip(":")))
        return
    for rule in RULES:
        yield from rule(text)


def _finish(found: Found, sentence: Sentence, place: str, *, python: bool) -> Question | None:
    """The question as it is asked, or None when it would not stand alone."""
    answer = _trim(found.answer)
    asks = _plain(found.asks)
    if found.kind == "condition" and not sentence.signature and _SPEAKS_OF_SOMETHING_AT_HAND.search(asks):
        return None
    held = verbatim(sentence.raw, answer)
    if held is None or not _answer_is_fit(answer) or not _is_fit(asks):
        return None
    text = _placed(asks, place if found.placed else "", python=python)
    if _names_a_letter(asks, answer, sentence.signature):
        return None
    if not 5 <= len(text.split()) <= 40 or text.count('"') % 2 or text.count("(") != text.count(")"):
        return None
    if _gives_away(asks, answer):
        return None
    bonus = 0.05 * (6 <= len(answer.split()) <= 30) - 0.1 * (len(text.split()) > 28)
    return Question(found.kind, text, one_line(held), sentence.raw, found.worth + bonus)


def _names_a_letter(asks: str, answer: str, signature: str) -> bool:
    """Whether a question speaks of some 'x' that only the passage explains."""
    letters = re.findall(r"(?<![\w\"'.-])[b-zB-HJ-Z](?![\w\"'.-])", re.sub(r"\"[^\"]*\"", "", asks))
    return any(not re.search(rf"\b{letter}\b", f"{signature} {answer}") for letter in letters)


_SPEAKS_OF_SOMETHING_AT_HAND = re.compile(
    r"(?:if|when) (?:(?:no|an?|the|any|all) (?:(?:second|first|optional|return|new|old|given) )?(?:arguments?|"
    r"options?|parameters?|"
    r"values?|objects?|results?|characters?|strings?|methods?|conditions?|commands?|counts?) (?:is|are|was|were|"
    r"has|does)\b)"
)


def _is_fit(asks: str) -> bool:
    return not is_hanging(asks) and not re.search(r"::=|[;|{}]|\s-\s|[A-Za-z]\.\s|^\W", asks) and "\n" not in asks


def _answer_is_fit(answer: str) -> bool:
    size = len(answer.split())
    if not answer or size > 45 or answer.count("(") != answer.count(")") or answer.count('"') % 2:
        return False
    if re.search(
        r"\b(?:these|those|such|this (?!is|can)\w+|section|as follows|the following|this section|see below|"
        r"above|below)\b|:$|\[\d+\]|::",
        answer,
    ):
        return False
    return not re.match(r"(?:this|that|these|those|it|they|such|so|the same|here|there|also)\b", answer) or size > 6


def _gives_away(asks: str, answer: str) -> bool:
    """Whether nothing is left to find out: the answer's words all stand in the question."""
    return bool(terms(answer)) and terms(answer) <= terms(asks)


def _trim(answer: str) -> str:
    answer = answer.strip().rstrip(".,;: ")
    answer = re.sub(r"(?:\s*\((?:see|described|discussed)\b[^()]*\)|,? see section .*|\s*\[\d+\])$", "", answer)
    if re.sub(r"\"[^\"]*\"", "", answer).count("*") % 2:
        # the emphasis began before what is quoted here
        answer = re.sub(r"[.,;: ]*\*$", "", answer)
    unwrapped = re.fullmatch(r"\*([^*]+)\*", answer)
    return unwrapped.group(1) if unwrapped else answer.strip()


def _plain(asks: str) -> str:
    """A question without asides and marks of emphasis."""
    return _EMPHASIS.sub(r"\1", joined(one_line(_ASIDE.sub("", asks)))).rstrip(" ,.;")


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
    """A heading as it is named within a sentence; nothing for one that names no topic."""
    if _is_signature(heading):
        return call_of(heading)
    text = _plain(re.sub(r" [—–-] (.+)$", r" (\1)", heading.split(" (", maxsplit=1)[0].strip()))
    if not text or len(text.split()) > 9 or text[0].isdigit() or _NO_TOPIC.fullmatch(text):
        return ""
    if re.fullmatch(r"\"[^\"]+\" (?:clause|statement|expression|operator|keyword|function)", text):
        return f"the {text}"
    if _is_code(text):
        return text
    # in "How the orchards came to Marsh Point" only the first capital is that of a beginning
    only_first = 1 if _SMALL.search(text) else 0
    return _CAPITALISED.sub(lambda found: found.group().lower(), text, count=only_first)


_SMALL = re.compile(r" (?!(?:with|from|into|over|than|that|when|without|between|using)\b)[a-z]{4,}(?![\w(.])")
_NO_TOPIC = re.compile(
    r"(?i)overview|notes?|examples?|introduction|usage|footnotes|summary|see also|contents|description|general"
)
_CAPITALISED = re.compile(
    r"(?<![\"\w.])(?!Python|Boolean|Unicode|English|American)[A-Z][a-z]*(?:-[A-Z][a-z]+)*(?![\w\"(])"
)


def _is_code(text: str) -> bool:
    return " " not in text and ("." in text or "(" in text or "_" in text)


def _is_signature(heading: str) -> bool:
    return bool(re.match(r"(?:(?:async|class|exception) )?[A-Za-z_][\w.]*(?:\(|\.\w)", heading))


def _distinct(ranked: list[Question]) -> Iterator[Question]:
    asked: list[frozenset[str]] = []
    answered: set[str] = set()
    sentences_used: dict[str, int] = {}
    for question in ranked:
        about = terms(question.question)
        alike = any(len(about & other) >= 0.75 * len(about | other) for other in asked)
        if alike or question.answer in answered or sentences_used.get(question.evidence, 0) >= 2:
            continue
        asked.append(about)
        answered.add(question.answer)
        sentences_used[question.evidence] = sentences_used.get(question.evidence, 0) + 1
        yield question
