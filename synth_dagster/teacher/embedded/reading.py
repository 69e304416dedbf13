"""Reading English without a model: paragraphs, sentences, words and which of them matter.

Everything here is a pure function of the text. A sentence keeps its place, so that a quotation is always verbatim.
"""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from synth_dagster.parts.text.words import one_line

STOP_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being between both but by can cannot
    could did do does doing each either else every for from further had has have having he her here him his how
    however i if in into is it its itself just may me might more most must my no nor not of off on one only or
    other our out over own per rather same shall she should so some such than that the their them then there
    therefore these they this those through thus to too under until up upon us use used uses using very was we
    were what when where whether which while who whom whose why will with within without would yes yet you your
    in python explain state name answer describe give happens happen
    """.split()  # noqa: SIM905  a text of words is read more easily than a list
)

_WORD = re.compile(r"[^\W_][\w.]*\w|\w+", re.UNICODE)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_PARAGRAPH = re.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_UNDERLINE = re.compile(r"^\s*([*=\-~^\"#])\1{2,}\s*$")
_BULLET = re.compile(r"^(\s*)(?:[*•\-+]|\(?\d{1,2}[.)]|\[\d+\])\s+(?=\S)")
_CODE_LINE = re.compile(
    r"^\s*(?:>>>|\.\.\. |\$ |#|@\w|def |class \w+.*:|import |from \w+ import|return\b(?!ed).*$|try:|else:)"
)
_TABLE = re.compile(r"::=|\+[-=+]{3,}|\|.*\|.*\||^\s*\||-->|\.{4,}|={4,}|-{4,}", re.MULTILINE)
_SIGNATURE = re.compile(
    r"^(?:(?:async|await|class|exception) )?[A-Za-z_][\w.]*\([^\n]*\)(?: -> \S+)?$|^[A-Za-z_]\w*\.[\w.]+$"
)
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]*]*(?=\s+[\[\"“‘'(*`]*[A-Z0-9_\"“(\[*]|\s*$)")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|approx|resp|Mr|Mrs|Ms|Dr|St|No|Fig|Sec)|\b[A-Z])\.$")
_QUOTED_KEYWORD = re.compile(rf'"(?:{"|".join(keyword.kwlist)}|None|True|self|print|type|object)"')
_PYTHON = re.compile(
    r"\bPython\b|\b__\w+__\b|\b[A-Z]\w+(?:Error|Iteration|Warning)\b|::=|>>> |\b(?:New|Changed) in version \d|"
    r"\"\w[\w.]*\(\)\""
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as it stands, and the same on one line; with the heading and signature that it belongs to."""

    start: int
    raw: str
    text: str
    heading: str
    signature: str
    paragraph: int
    first: bool  # opens its paragraph


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or list item and where it begins."""

    start: int
    raw: str
    kind: str  # prose, item, heading, signature, other


def _abbreviates(line: str) -> bool:
    """Whether brackets stand inside a word, as in the debugger's 'w(here)'."""
    return bool(re.match(r"[a-z]{1,4}\([a-z]{2,}\)", line))


def words(text: str) -> list[str]:
    """The words in lower case; a dotted name is one word."""
    return [word.lower() for word in _WORD.findall(text)]


def stem(word: str) -> str:
    """A crude stem: enough for 'raises' to meet 'raised'."""
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=8192)
def terms(text: str) -> frozenset[str]:
    """What a text is about: the stems of its content words."""
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


def content_runs(text: str) -> list[str]:
    """Words that stand together without a stop word or mark between them, at most four of each run."""
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[\w.'’-]+|[^\w\s]", text):
        if word.lower() in STOP_WORDS or not re.match(r"\w", word):
            runs.append([])
        else:
            runs[-1].append(word.rstrip("."))
    return [" ".join(run[:4]) for run in runs if run]


def token_count(text: str) -> int:
    """Words and marks, the unit in which usage is given."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut_to_tokens(text: str, limit: int) -> tuple[str, bool]:
    """The first tokens of a text, and whether anything was cut off."""
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number == limit:
            return text[: token.start()].rstrip(), True
    return text, False


def is_about_python(text: str) -> bool:
    """Whether a text reads like documentation of Python; only then may a question say so."""
    return bool(_PYTHON.search(text)) or len(set(_QUOTED_KEYWORD.findall(text))) >= 2


def blocks(text: str) -> Iterator[Block]:
    """Paragraphs, list items, headings and signatures in order, with their places."""
    for paragraph in _PARAGRAPH.finditer(text):
        yield from _blocks_of(paragraph.group(), paragraph.start())


def _blocks_of(raw: str, start: int) -> Iterator[Block]:
    lines = raw.split("\n")
    while len(lines) >= 2 and _UNDERLINE.match(lines[1]):
        yield Block(start, lines[0], "heading")
        start += len(lines[0]) + len(lines[1]) + 2
        lines = lines[2:]
    if not lines or not any(line.strip() for line in lines):
        return
    for offset, piece in _pieces(lines):
        yield Block(start + offset, piece, kind_of(piece))


def _pieces(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Splits a paragraph before each line that opens a list item or follows a signature."""
    at, begun, open_lines = 0, 0, []
    for line in lines:
        if open_lines and (_BULLET.match(line) or (len(open_lines) == 1 and _SIGNATURE.match(open_lines[0].strip()))):
            yield begun, "\n".join(open_lines)
            begun, open_lines = at, []
        open_lines.append(line)
        at += len(line) + 1
    if open_lines:
        yield begun, "\n".join(open_lines)


def kind_of(raw: str) -> str:
    lines = raw.split("\n")
    if all(_SIGNATURE.match(line.strip()) and not _abbreviates(line.strip()) for line in lines):
        return "signature"
    if _BULLET.match(raw):
        return "item" if _is_prose(_without_bullet(raw)[1]) else "other"
    if _is_prose(raw):
        return "prose"
    return "heading" if len(lines) == 1 and _is_heading(raw) else "other"


# "The simple form, "assert expression", is equivalent to" stands before a piece of code
_GOES_ON = re.compile(r"(?:,|\b(?:to|of|is|are|as|by|with|and|or|the|an?|in|for|that|like|looks like))$")


def _is_heading(line: str) -> bool:
    """A short line without the marks of a sentence or of code, and not the beginning of a sentence."""
    short = re.fullmatch(r'["“A-Z][^.:;=<>()\[\]{}|]{2,60}', line) and len(line.split()) <= 9
    return bool(short) and not _GOES_ON.search(line.rstrip())


def _is_prose(raw: str) -> bool:
    lines = raw.split("\n")
    indents = {len(line) - len(line.lstrip()) for line in lines[1:]}
    if len(indents) > 1 or _TABLE.search(raw) or any(_CODE_LINE.match(line) for line in lines):
        return False
    text = raw.strip()
    letters = sum(character.isalpha() or character == " " for character in one_line(text))
    return (
        len(text.split()) >= 4
        and bool(re.match(r"[\"“'*(`‘]*[A-Z_\"“*]", text))
        and bool(_SENTENCE_END.search(text) or text.endswith(":"))
        and letters >= 0.75 * len(one_line(text))
    )


def _without_bullet(raw: str) -> tuple[int, str]:
    mark = _BULLET.match(raw)
    return (mark.end(), raw[mark.end() :]) if mark else (0, raw)


@lru_cache(maxsize=4096)
def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of all prose in a text. Headings, signatures, code, grammar and tables are none."""
    found: list[Sentence] = []
    heading, signature, depth = "", "", 0
    before: Block | None = None
    for number, block in enumerate(blocks(text)):
        indent = len(block.raw) - len(block.raw.lstrip())
        if block.kind == "heading":
            heading, signature = one_line(block.raw), ""
        elif block.kind == "signature":
            signature, depth = _described(block, before), indent
        elif block.kind in ("prose", "item"):
            if indent <= depth:
                signature = ""
            found.extend(_sentences_of(block, number, heading, signature))
        elif indent <= depth:
            signature = ""
        before = block
    return tuple(found)


def _described(block: Block, before: Block | None) -> str:
    """The signature that the text below describes: none where it is about several names, as `__and__` and `__or__`."""
    lines = [line.strip() for line in block.raw.split("\n")]
    if before and before.kind == "signature":
        lines += [line.strip() for line in before.raw.split("\n")]
    names = {re.split(r"\(| ->", line, maxsplit=1)[0] for line in lines}
    return lines[0] if len(names) == 1 else ""


def _sentences_of(block: Block, number: int, heading: str, signature: str) -> Iterator[Sentence]:
    skip, body = _without_bullet(block.raw)
    at = 0
    for end in _ends(body):
        raw = body[at:end]
        lead = len(raw) - len(raw.lstrip())
        if raw.strip():
            place = block.start + skip + at + lead
            opens = not body[:at].strip()
            yield Sentence(place, raw.strip(), one_line(raw), heading, signature, number, first=opens)
        at = end


def _ends(body: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(body):
        if not _ABBREVIATION.search(body[: match.start() + 1]):
            yield match.end()
    if body.rstrip().endswith(":"):
        yield len(body)


def verbatim(raw: str, piece: str) -> str | None:
    """The place of a one-line piece in the raw text, with the line breaks it has there."""
    found = re.search(r"\s+".join(map(re.escape, piece.split())), raw)
    return found.group() if found else None


def overlap(question: frozenset[str], text: frozenset[str]) -> float:
    """Share of the question's terms that the text has."""
    return len(question & text) / len(question) if question else 0.0


def best_sentences(question: str, text: str, limit: int = 3) -> list[tuple[float, Sentence]]:
    """The sentences that share most with a question, rare terms counting more; best first, ties in reading order."""
    asked = terms(question)
    candidates = sentences(text)
    if not asked or not candidates:
        return []
    held = [terms(sentence.text) for sentence in candidates]
    weight = {term: 1.0 / (1 + sum(term in has for has in held)) for term in asked}
    total = sum(weight.values())
    scored = [
        (sum(weight[term] for term in asked & has) / total, -index) for index, has in enumerate(held) if asked & has
    ]
    return [(score, candidates[-index]) for score, index in sorted(scored, reverse=True)[:limit]]
