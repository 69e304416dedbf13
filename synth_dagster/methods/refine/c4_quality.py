"""C4 rules: leaves lines out that are no text, and drops pages with code, filler or too few sentences.

Paper: arXiv:1910.10683, in the form that FineWeb uses (arXiv:2406.17557): without the rule on final punctuation, which
alone removed most of the text, and counted as datatrove does. Lines go for a very long word, for few words, and for
"javascript" or words on cookies and terms of use; citations in brackets are taken out of the others.
"""

import re

from pydantic import Field

from synth_dagster.method import Drop, Proof, Refiner
from synth_dagster.parts.text.english_words import ABBREVIATIONS
from synth_dagster.records import Document

# As they stand on a page, and as Markdown has them, which is what the reader of HTML makes of it.
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]|\\\[(?:\d+|edit|citation needed)\\\]")
_POLICY = re.compile("terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies")
_FINAL = (".", "?", "!", '"', "'")
# A mark that ends a sentence, what closes after it, and the word or sign that begins the next one.
_END = re.compile(
    r"""(?:[!?。？！]|(?<=[\da-z%²+"'”’‘“`»\-])\.(?!\.)|(?<=[A-Z]{2})\.(?!\.))(?=[^\w\s]*\s)[^\w+$=|~^]*(?=\S)"""
)
_WORD_BEFORE = re.compile(r"[\w.]*\Z")


class C4Quality(Refiner[Document]):
    """A page without its bad lines, or a drop."""

    version = "2"
    paper = "arXiv:1910.10683"
    proof = Proof(
        "official parity", "datatrove's decisions and reasons, rule by rule; one line or page a rule by hand."
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
    return 1 + sum(not _is_abbreviation(line, end) for end in _END.finditer(line))


def _is_abbreviation(line: str, end: re.Match[str]) -> bool:
    if line[end.start()] != ".":
        return False
    found = _WORD_BEFORE.search(line, max(0, end.start() - 8), end.start())
    word = found[0] if found else ""
    return word in ABBREVIATIONS or (len(word) == 1 and word.islower())
