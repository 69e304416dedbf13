"""Texts in other words by rule: what their prose says, in simpler, plainer or rarer words, or as questions and answers.

Code, tables and grammar are left out, and so is a sentence that only introduces them. What stands in quotes is never
touched. A text with too little prose is refused.
"""

import re
from collections.abc import Iterator, Mapping

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.grammar import hidden, lower_first, upper_first
from synth_dagster.teacher.embedded.phrases import split_condition
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.reading import sentences

TOO_LITTLE = "I cannot write this anew: there is too little prose in it."
_MOST_QUESTIONS = 6
_LEAST_WORDS = 12

_EASY = """
    evaluated=worked out; evaluates=works out; evaluate=work out; executed=run; executes=runs; execute=run;
    terminates=ends; terminate=end; terminated=ended; an additional=one more; additional=more;
    equivalent to=the same as; identical to=the same as;
    occurs=happens; occur=happen; occurred=happened; invoked=called; invokes=calls;
    invoke=call; contains=has; contain=have; containing=with; specified=given; specifies=says; specify=say;
    determines=decides; determine=decide; determined=decided; permitted=allowed; permits=lets; created=made;
    creates=makes; create=make; creating=making; initially=at first; subsequently=later; subsequent=later;
    typically=often; in order to=to; with respect to=about; prior to=before; as well as=and; corresponding=matching;
    immediately=at once; provides=gives; provide=give; modified=changed; modifies=changes; modify=change;
    indicates=shows; indicate=show; indicated=shown; denotes=means; denote=mean; associated with=tied to;
    multiple=many; require=need; requires=needs; required=needed; attempts to=tries to; attempt to=try to;
    retrieves=gets; retrieve=get; respectively=in this order; consists of=is made of; consist of=are made of;
    performed=done; performs=does; perform=do; alternatively=or else;
    regardless of=no matter; sufficient=enough; therefore=so; thus=so; hence=so; however=but; whether=if
    """
_MEDIUM = """
    is used to=serves to; are used to=serve to; can be used to=may be used to; happens=takes place;
    occurs=takes place; occur=take place; in order to=so as to; such as=like; as if=as though;
    instead of=rather than; rather than=instead of; begins=starts; starts=begins; usually=as a rule; often=frequently;
    different=distinct; various=several; kept=retained; shown=illustrated; the same as=identical to;
    is called when=is invoked when; a number of=several; currently=at present; for example=for instance;
    also=in addition; allows=permits; allowed=permitted; needed=required; needs=requires; whole=entire;
    specified=stated; simply=just; unless=except if; immediately=at once; makes use of=uses; contains=holds;
    when=whenever; is not available=is unavailable; some=certain; because=since; made=produced;
    information=details; determined=established; additional=further; describes=explains; represents=stands for;
    represent=stand for; provides=offers; provide=offer; produces=yields; produce=yield;
    supported=available; equivalent to=the same as; except when=unless; is finished=has ended; refers to=denotes;
    refer to=denote; consists of=is made up of; consist of=are made up of; similar to=much like; indicates=signals;
    indicate=signal; appears=occurs; appear=occur; evaluated=computed; evaluates=computes; executed=carried out;
    executes=carries out; execute=carry out; obtained=gained; created=built; creates=builds; create=build;
    used=employed; defined=set out; defines=sets out; define=set out; therefore=hence; thus=hence;
    if and only if=exactly if; returned=handed back; found=located; modified=altered; modify=alter;
    changed=altered; multiple=several
    """
_HARD = """
    used=employed; start=commence; starts=commences; begins=commences; ends=terminates;
    gets=obtains; need=necessitate; needs=necessitates; needed=requisite; many=manifold; several=sundry;
    about=concerning; before=prior to; after=subsequent to; because=inasmuch as; also=likewise; same=selfsame;
    allowed=permissible; only=solely; find=ascertain; finds=ascertains; found=ascertained; happens=transpires;
    part=constituent; parts=constituents; usually=customarily; often=ofttimes; however=nevertheless;
    way=modality; ways=modalities; empty=vacuous; wrong=erroneous; show=evince; shows=evinces; given=stipulated;
    changed=altered; changes=alterations; kept=retained; such as=exempli gratia; like=akin to;
    normal=customary; extra=supplementary; whole=entire; possible=conceivable; meaning=signification
    """


def _pairs(table: str) -> Mapping[str, str]:
    entries = (entry.split("=") for entry in one_line(table).split("; "))
    return {old.strip(): new.strip() for old, new in entries}


WORDS = {style: _pairs(table) for style, table in (("easy", _EASY), ("medium", _MEDIUM), ("hard", _HARD))}
_PATTERNS = {
    style: re.compile(
        r"(?<![\w-])(?:" + "|".join(sorted(map(re.escape, pairs), key=len, reverse=True)) + r")(?![\w-])", re.IGNORECASE
    )
    for style, pairs in WORDS.items()
}
_QUOTED = re.compile(r"(\"[^\"]*\"|\u201c[^\u201d]*\u201d|\w+_\w*|\w+\(\))")
_ASIDE = re.compile(r"\s*(?:\[\d+\]|\((?:see|cf\.|e\.g\.|i\.e\.)[^()]*\))")
_EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(\w[\w\s.-]*?)\*{1,2}(?![\w*])")
_LABEL = re.compile(r"^(?:Note that|Note:|\*\*[^*]+:\*\*|CPython implementation detail:|Changed in version [^:]*:)\s+")
_POINTS = re.compile(r"\b(?:see|following|below|above|as follows|section)\b", re.IGNORECASE)


def rewritten(request: Request) -> str:
    """The text in the style that is asked for."""
    passage, style = request.text("passage"), request.text("style").strip().lower()
    title = request.given["passage"][0].title
    if style == "qa":
        return _conversation(passage, title)
    said = list(_prose(passage))
    if sum(len(sentence.split()) for sentence in said) < _LEAST_WORDS:
        return TOO_LITTLE
    return {"easy": _easily, "hard": _abstrusely}.get(style, _plainly)(said)


def _conversation(passage: str, title: str) -> str:
    asked = [one for one in questions(passage, title) if not one.evidence.endswith(":")][:_MOST_QUESTIONS]
    lines = [
        f"Question: {_without_subject(one.question, passage + title)}\nAnswer: {_answer(one.evidence)}" for one in asked
    ]
    return "\n\n".join(lines) or TOO_LITTLE


def _answer(evidence: str) -> str:
    return upper_first(_LABEL.sub("", _clean(evidence)))


def _without_subject(question: str, source: str) -> str:
    """The question without the "in Python" that the source does not say itself."""
    if "Python" in source:
        return question
    bare = re.sub(r"^In Python, |^With Python's ([^,]+), ", "", question)
    return upper_first(re.sub(r" in Python\b(?=[,? ])", "", bare))


def _prose(passage: str) -> Iterator[str]:
    """The sentences that stand for themselves: not what leads to code or to another place."""
    for sentence in sentences(passage):
        text = _LABEL.sub("", _clean(sentence.text))
        if (
            text
            and not text.endswith(":")
            and not _POINTS.search(hidden(text))
            and not text.startswith("(See ")
            and not sentence.signature
        ):
            yield upper_first(text)


def _clean(text: str) -> str:
    plain = _EMPHASIS.sub(r"\1", _ASIDE.sub("", one_line(text)))
    return re.sub(r"\be\.g\.,?", "for example", re.sub(r"\bi\.e\.,?", "that is,", plain))


def _reworded(text: str, style: str) -> str:
    """The text with other words outside its quotations."""

    def other(found: re.Match[str]) -> str:
        new = WORDS[style][found.group().lower()]
        return upper_first(new) if found.group()[:1].isupper() else new

    pieces = _QUOTED.split(text)
    return "".join(piece if place % 2 else _PATTERNS[style].sub(other, piece) for place, piece in enumerate(pieces))


def _turned(text: str) -> str:
    """A condition moved behind what follows from it, where nothing points back to it."""
    found = re.match(r"(If|When) (.+)\.$", text)
    split = split_condition(found.group(2)) if found else None
    if not found or not split or re.search(r"\b(?:it|its|they|their|this|these|that|otherwise)\b|;", hidden(split[1])):
        return text
    given, effect = split
    return f"{upper_first(effect.removeprefix('then '))} {found.group(1).lower()} {given}."


def _plainly(said: list[str]) -> str:
    return " ".join(_reworded(_turned(text), "medium") for text in said)


def _easily(said: list[str]) -> str:
    return " ".join(_reworded(short, "easy") for text in said for short in _shortened(text))


_JOINS = re.compile(
    r"; (?:however, |otherwise, |thus |therefore )?|, (?:and|but|so) (?=(?:it|they|the|an?|this|these|no|all) )"
)


# a bracket, or a sentence whose main clause comes last
_HANGS_TOGETHER = re.compile(
    r"\(|(?:If|When|Whenever|While|Because|Since|As|Although|Unless|Once|For|In|After|Before)\b"
)


def _shortened(text: str) -> list[str]:
    """A sentence as short ones: without brackets, and cut where a new statement begins."""
    plain = re.sub(r"(?<=\w) \([^()]*\)", "", text)
    if _HANGS_TOGETHER.match(plain):
        return [plain]
    parts, start = [], 0
    for found in _JOINS.finditer(hidden(plain)):
        parts.append(plain[start : found.start()])
        start = found.end()
    parts.append(plain[start:])
    if any(len(part.split()) < 4 for part in parts):
        parts = [plain]
    return [upper_first(part.rstrip(".")) + "." for part in parts]


def _abstrusely(said: list[str]) -> str:
    """Rare words, and two sentences in one."""
    rare = [_reworded(text, "hard") for text in said]
    joined = []
    for first, second in zip(rare[::2], [*rare[1::2], ""][: len(rare[::2])], strict=True):
        joined.append(f"{first.rstrip('.')}; {lower_first(second)}" if second else first)
    return " ".join(joined)
