"""RefinedWeb's line rules: leaves out lines that are menus, counters or shouting, and drops pages with many of them.

Papers: arXiv:2306.01116 (RefinedWeb), as arXiv:2412.03398 (RedStone) uses them. In RedStone's code the patterns are a
generator that is used up after the first line, so that no other line goes by them; here they hold for every line, dots
in them are dots, "sign in" ends with a word, and one item is as good as several. There a line is a sentence. A page is
dropped when what goes is more than a twentieth of its words.
"""

import re
from typing import ClassVar
from unicodedata import category, normalize

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.records import Document
from synth_dagster.services import Drop

_COUNTER = re.compile(r"\d+\s+[a-zA-Z]+")
_PATTERNS = re.compile(r"^sign[- ](?:in|up)\b|\bread more(?:\.\.\.|…)$|items? in cart", re.IGNORECASE)


class RefinedwebLines(Refiner[Document]):
    """A page without its bad lines, or a drop."""

    version = "2"
    paper = "arXiv:2306.01116"
    proof = Proof(
        "official parity",
        "RedStone's verdicts on 62 lines but for two that are read otherwise on purpose; one line a rule, on both "
        "sides of its limit; the rules hold on the second page as on the first.",
    )
    topics: ClassVar[tuple[str, ...]] = ("RefinedWeb", "RedStone", "boilerplate", "lines")

    max_upper: float = Field(0.6, ge=0, le=1, description="Largest share of capitals among the letters of a line.")
    min_words: int = Field(2, ge=1, description="Lines of fewer words are left out.")
    max_removed: float = Field(0.05, ge=0, le=1, description="Largest share of the words that may go; else a drop.")

    async def refine(self, record: Document, /) -> Document | Drop:
        cleaned = self.cleaned(record.body)
        if isinstance(cleaned, Drop):
            return cleaned
        return record if cleaned == record.body else record.but(body=cleaned)

    def cleaned(self, text: str) -> str | Drop:
        """The text without its bad lines, or why nothing of it is kept."""
        lines = text.split("\n")
        bad = [bool(line.strip()) and self.is_bad(line.strip()) for line in lines]
        words = [len(line.split()) for line in lines]
        gone = sum(count for count, is_bad in zip(words, bad, strict=True) if is_bad)
        if gone > self.max_removed * sum(words):
            return Drop("bad_lines", f"{gone} of {sum(words)} words stand in lines that are no text")
        return "\n".join(line for line, is_bad in zip(lines, bad, strict=True) if not is_bad)

    def is_bad(self, line: str) -> bool:
        """Whether a line is no text. Full-width letters and blanks of every kind are as good as others."""
        plain = normalize("NFKC", line)
        return (
            sum(category(one) == "Lu" for one in line) > self.max_upper * sum(map(str.isalpha, line))
            or all(category(one)[0] in "NZC" for one in plain)  # numbers, blanks, controls
            or _COUNTER.fullmatch(plain) is not None
            or len(plain.split()) < self.min_words
            or _PATTERNS.search(plain) is not None
        )
