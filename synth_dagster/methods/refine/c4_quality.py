"""C4 rules: leaves lines out that are no text, and drops pages with code, filler or too few sentences.

Paper: arXiv:1910.10683, in the form that FineWeb uses (arXiv:2406.17557): without the rule on final punctuation, which
alone removed most of the text, and counted as datatrove does. Lines go for a very long word, for few words, and for
"javascript" or words on cookies and terms of use; citations in brackets are taken out of the others.
"""

import re

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.text.english_words import ABBREVIATIONS
from synth_dagster.records import Document
from synth_dagster.services import Drop

# As they stand on a page, and as Markdown has them, which is what the reader of HTML makes of it.
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]|\\\[(?:\d+|edit|citation needed)\\\]")
_POLICY = re.compile("terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies")
_FINAL = (".", "?", "!", '"', "'")
# What stands between words where it holds a mark that may end a sentence; the marks; and signs before a blank.
_GAP = re.compile(r"(?<![^\w+$=|~^])[^\w+$=|~^.!?。？！]*+[.!?。？！][^\w+$=|~^]*+")
_MARK = re.compile(r"""[!?。？！]|(?:(?<=[\s\da-z%²+"'”’‘“`»\-)\]}>,:;!?…_#*&])|(?<=[A-Z]{2}))\.(?!\.)""")
_TO_BLANK = re.compile(r"[^\w\s]{0,20}\s")
_LONGEST_ABBREVIATION = max(map(len, ABBREVIATIONS))
_OPENING = "([{<\"'“‘«"


class C4Quality(Refiner[Document]):
    """A page without its bad lines, or a drop."""

    version = "3"
    paper = "arXiv:1910.10683"
    proof = Proof(
        "official parity",
        "datatrove's decisions, reasons and texts on 1,000 pages near the limits; one line or page a rule by hand.",
    )

    terminal_punctuation: bool = Field(
        False, description="Leave lines out that do not end in . ! ? or a quote; FineWeb does without."
    )
    min_words_per_line: int = Field(3, ge=0, description="Lines of fewer words are left out.")
    max_word_length: int = Field(1000, ge=1, description="Lines with a longer word are left out, in characters.")
    min_sentences: int = Field(5, ge=0, description="Fewest sentences of a page, of what is left of it.")

    async def refine(self, record: Document, /) -> Document | Drop:
        cleaned = self.clean(record.body)
        if isinstance(cleaned, Drop):
            return cleaned
        return record if cleaned == record.body else record.but(body=cleaned)

    def clean(self, text: str) -> str | Drop:
        """The text without the lines that go, or why nothing of it is kept."""
        kept: list[str] = []
        for line in text.splitlines():
            left = self._left_of(line.strip())
            if isinstance(left, Drop):
                return left
            if left is not None:
                kept.append(left)
        if self._sentences(kept) < self.min_sentences:
            return Drop("too_few_sentences")
        return "\n".join(kept).strip()

    def _left_of(self, line: str) -> str | Drop | None:
        """The line without citations; None if it is left out; a drop if the page is."""
        words = line.split()
        if len(line) > self.max_word_length and max(map(len, words)) > self.max_word_length:
            return None
        line = _CITATION.sub("", line) if "[" in line else line
        if self.terminal_punctuation and (not line.endswith(_FINAL) or line.endswith("...")):
            return None
        if len(words) < self.min_words_per_line:
            return None
        lower = line.lower()
        if "lorem ipsum" in lower:
            return Drop("lorem_ipsum")
        if "javascript" in lower:
            return None
        if "{" in line:
            return Drop("curly_bracket")
        return None if _POLICY.search(lower) else line

    def _sentences(self, lines: list[str]) -> int:
        """How many sentences the lines hold, counted only as far as it matters."""
        count = 0
        for line in lines:
            if count >= self.min_sentences:
                break
            count += sentences(line)
        return count


def sentences(line: str) -> int:
    """The sentences of a line: one more than the ends of sentences that something follows."""
    return 1 + sum(_ends(line, gap) for gap in _GAP.finditer(line) if gap.end() < len(line))


def _ends(line: str, gap: re.Match[str]) -> bool:
    """Whether a sentence ends between two words: by a mark with a blank after it and what closes."""
    between = gap[0]
    closes = 0 if between[-1].isspace() else len(between.rsplit(None, 1)[-1])  # what stands after the last blank
    last = gap.end() if _TO_BLANK.match(line, gap.end()) else gap.end() - closes - 1
    marks = _MARK.finditer(line, gap.start(), max(gap.start(), last))
    return any(line[mark.start()] != "." or not _is_abbreviation(line, mark.start()) for mark in marks)


def _is_abbreviation(line: str, stop: int) -> bool:
    before = line[max(0, stop - _LONGEST_ABBREVIATION - 2) : stop]
    word = re.split(r"\s", before)[-1].lstrip(_OPENING)
    return word in ABBREVIATIONS or (len(word) == 1 and word.islower())
