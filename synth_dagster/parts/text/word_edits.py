"""The four edits of EDA on the words of a sentence: replace by synonyms, insert them, swap words, delete them.

Paper: arXiv:1901.11196. The draws are those of the released functions, in their order: one seed and one table of
synonyms give their sentences. Two of their slips are draws too, and stand: the tenth search for a word to insert, and
the fourth for a place to swap with, end without a look at what was found.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from synth_dagster.parts.text.synonyms import Synonyms

SEARCHES, DRAWS = 10, 4  # of a word that has a synonym, and of a second place

# What the released list holds: no content, so no synonym.
_STOP_WORDS = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves what which who whom this that these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at by for with about
    against between into through during before after above below to from up down in out on off over under again further
    then once here there when where why how all any both each few more most other some such no nor not only own same so
    than too very s t can will just don should now
    """
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word with what stands before it. A fixed one is a piece that no edit touches, such as a number."""

    text: str
    before: str = " "
    fixed: bool = False


def replaced(words: Sequence[Word], n: int, synonyms: Synonyms, rng: random.Random) -> list[Word]:
    """Every occurrence of up to n words that are no stop words, each by one of its synonyms.

    The words are taken as they come and shuffled; the released code shuffles a set, whose order differs from run to
    run. One after the other: what a word became may be a later word, and change with it.
    """
    made = list(words)
    known = list(dict.fromkeys(key for word in words if not word.fixed and (key := _key(word)) not in STOP_WORDS))
    rng.shuffle(known)
    changed = 0
    for key in known:
        if of := synonyms.get(key):
            other = rng.choice(of)
            made = [_said(word, other) if not word.fixed and _key(word) == key else word for word in made]
            changed += 1
        if changed >= n:
            break
    return made


def inserted(words: Sequence[Word], n: int, synonyms: Synonyms, rng: random.Random) -> list[Word]:
    """n times the first synonym of a word, before a word; nothing where ten searches find none."""
    made = list(words)
    for _ in range(n):
        found = _synonym_of_some_word(made, synonyms, rng)
        if found is not None:
            place = rng.randint(0, sum(bool(word.text) for word in made) - 1)
            made[place : place + 1] = _beside(found, made[place])
    return made


def _synonym_of_some_word(words: Sequence[Word], synonyms: Synonyms, rng: random.Random) -> str | None:
    free = _free(words)
    for search in range(1, SEARCHES + 1):
        of = synonyms.get(_key(words[free[rng.randint(0, len(free) - 1)]]))
        if search < SEARCHES and of:
            return of[0]
    return None


def _beside(new: str, word: Word) -> tuple[Word, Word]:
    """A new word before another; if that one began a sentence, the new one does."""
    if word.fixed:
        return Word(new, word.before), replace(word, before=" ")
    return replace(_said(word, new), fixed=False), replace(word, text=word.text.lower(), before=" ")


def swapped(words: Sequence[Word], n: int, rng: random.Random) -> list[Word]:
    """n times two words change places; their capitals stay where they were."""
    made, free = list(words), _free(words)
    for _ in range(n):
        first = free[rng.randint(0, len(free) - 1)]
        for draw in range(1, DRAWS + 1):
            second = free[rng.randint(0, len(free) - 1)]
            if second != first and draw < DRAWS:
                one, other = made[first], made[second]
                made[first], made[second] = _said(one, other.text), _said(other, one.text)
                break
    return made


def deleted(words: Sequence[Word], p: float, rng: random.Random) -> list[Word]:
    """Each word goes with probability p; of a text that would be empty one stays, and a single word stays."""
    free = _free(words)
    if len(free) == 1:
        return list(words)
    made: list[Word] = []
    gone: list[Word] = []  # since the last that stayed
    for word in words:
        if word.fixed or rng.uniform(0, 1) > p:
            made.append(_after(gone, word))
            gone = []
        else:
            gone.append(word)
    if any(word.text for word in made):
        return made
    return [words[free[rng.randint(0, len(free) - 1)]], *made]


def _after(gone: Sequence[Word], word: Word) -> Word:
    """A word with what the words before it left: their marks, and a capital."""
    before = word.before
    for one in reversed(gone):
        before = _tidied(one.before.rstrip(" ") + before)
    begins = not word.fixed and any(one.text[:1].isupper() for one in gone)
    return Word(word.text[:1].upper() + word.text[1:] if begins else word.text, before, word.fixed)


def _tidied(marks: str) -> str:
    """The marks between two words without those that belonged to a word that went."""
    marks = re.sub(r"[(\[]\s*[)\]]", "", marks)
    marks = re.sub(r"([.!?,;:])\s*[,;:]", r"\1", marks)
    marks = re.sub(r"[,;:]\s*(?=[.!?)])", "", marks)
    return re.sub(r" +(?=[,;:.!?)])|(?<=[(\[\n]) +", "", marks)


def _free(words: Sequence[Word]) -> list[int]:
    return [place for place, word in enumerate(words) if not word.fixed]


def _key(word: Word) -> str:
    return word.text.lower()


def _said(word: Word, other: str) -> Word:
    """Another word in the place of this one, with a capital where this one has it."""
    return replace(word, text=other[:1].upper() + other[1:] if word.text[:1].isupper() else other.lower())


# -------------------------------------------------------------------------------------- from a text to words and back

_LETTERS = re.compile(r"[^a-z ]")
_BEGINS = re.compile(r"(?:\A|[.!?:][\"')]*\s+|\n\s*)[\"'(]*\Z")  # what stands before a capital that is no name
_NEGATIONS = frozenset({"not", "no", "never", "none", "nothing", "nobody", "without", "cannot", "neither", "except"})
_CHUNKS = re.compile(
    r"```.*?```|`[^`\n]{1,400}`"  # code
    r'|"[^"\n]{1,400}"|\u201c[^\u201d\n]{1,400}\u201d'  # quotations
    r"|\{\{?[^{}\n]{0,400}\}\}?|\[[^\[\]\n]{0,400}\]|<[^<>\n]{1,400}>|\$[^$\n]{1,400}\$"  # to fill in, tags, formulas
    r'|(?P<plain>[^\s"\u201c`{\[<$]+)',
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")
_SIGNS = re.compile(r"[\d_/\\=+*^%#~|@&]")  # of numbers, addresses, formulas and names of code
_EDGES = re.compile(r"[(\['\u2018]*(.*?)[.,;:!?)\]'\u2019]*", re.DOTALL)


def cleaned(text: str) -> str:
    """A text as the released code cleans it: small letters a to z and single blanks; an apostrophe joins."""
    plain = text.replace("\u2019", "").replace("'", "").lower()
    return re.sub(" +", " ", _LETTERS.sub(" ", plain)).removeprefix(" ")


def words_of_cleaned(text: str) -> list[Word]:
    return [Word(word) for word in text.split(" ") if word]


def text_of_cleaned(words: Sequence[Word]) -> str:
    return cleaned(" ".join(word.text for word in words))


def pieces(text: str, keep: frozenset[str], known: Callable[[str], bool]) -> list[Word]:
    """The words of a text, and at the end one without letters that holds what stands behind the last.

    Fixed are code, numbers, quotations, places to fill in, negations, the words of `keep`, and names: words with a
    capital inside a sentence, or at its beginning where they are not `known`.
    """
    found: list[Word] = []
    end = 0
    for start, stop, fixed in _spans(text):
        before = text[end:start]
        said = text[start:stop]
        found.append(Word(said, before, fixed or _is_fixed(said, text[max(0, start - 20) : start], keep, known)))
        end = stop
    return [*found, Word("", text[end:], fixed=True)]


def _spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where words and fixed pieces stand: start, end, whether it is fixed whatever it says."""
    for chunk in _CHUNKS.finditer(text):
        plain = chunk["plain"]
        if plain is None:
            yield chunk.start(), chunk.end(), True
        elif _SIGNS.search(plain):
            inside = _EDGES.fullmatch(plain)
            if inside and inside[1]:
                yield chunk.start() + inside.start(1), chunk.start() + inside.end(1), True
        else:
            for word in _WORD.finditer(plain):
                yield chunk.start() + word.start(), chunk.start() + word.end(), False


def _is_fixed(word: str, before: str, keep: frozenset[str], known: Callable[[str], bool]) -> bool:
    key = word.lower().replace("\u2019", "'")
    if key in keep or key in _NEGATIONS or key.endswith("n't") or key.partition("'")[0] == "i":
        return True
    if not key.isascii() or word[1:] != word[1:].lower():
        return True  # of another language, or an abbreviation
    return word[:1].isupper() and not (_BEGINS.search(before) and known(key))


def text_of_pieces(words: Sequence[Word], as_in: str) -> str:
    """The text of words, with a capital at its beginning where the other one has it."""
    text = "".join(word.before + word.text for word in words).strip(" ").lstrip(",;: ")
    return text[:1].upper() + text[1:] if as_in[:1].isupper() else text


def table_from(rows: Sequence[Mapping[str, object]]) -> dict[str, list[str]]:
    """Word -> synonyms of rows with `word` and `synonyms`; a row without them gives nothing, a word none of itself."""
    table: dict[str, list[str]] = {}
    for row in rows:
        word, of = row.get("word"), row.get("synonyms")
        if isinstance(word, str) and isinstance(of, list):
            key = word.lower()
            known = [cleaned(str(one)).strip() for one in of]
            table.setdefault(key, []).extend(one for one in dict.fromkeys(known) if one not in ("", key))
    return table
