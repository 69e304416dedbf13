"""FineWeb line rules: drop pages made of menus, lists and repeated lines.

Paper: arXiv:2406.17557, section 3.6. Blank lines are neither short lines nor duplicates: counting them dropped good
pages in an early version of the official code. Where paper and official code differ, the setting names both.
"""

from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.records import Document

_WORD = r"[\p{L}\p{N}_]+(?:[''’\-][\p{L}\p{N}_]+)*"  # an apostrophe is doubled, as SQL wants it


class FinewebQuality(Filter):
    """Four shares of a page's lines, each with its threshold."""

    paper = "arXiv:2406.17557"
    proof = Proof("equation by hand", "Pages counted by hand, on both sides of every threshold; blank lines are free.")
    judges = (Document,)

    min_terminal_punctuation: float = Field(0.12, ge=0, le=1, description="Share of lines ending in . ! ? or a quote.")
    max_short_lines: float = Field(0.67, ge=0, le=1, description="Share of lines of at most 30 characters.")
    max_duplicate_characters: float = Field(
        0.01, ge=0, le=1, description="Share of characters in repeated lines; 0.01 in the code, 0.10 in the paper."
    )
    max_newlines_per_word: float = Field(0.3, ge=0, description="Line breaks per word: lists and menus have many.")

    def signals(self) -> Signals:
        return {
            "_lines": "list_filter(string_split(text, chr(10)), lambda line: visible(line) <> '')",
            "_words": f"regexp_extract_all(text, '{_WORD}')",
            "terminal_punctuation": r"""list_avg([regexp_matches(line, '[.!?"''”’]\s*$')::int for line in _lines])""",
            "short_lines": "list_avg([(length(line) <= 30)::int for line in _lines])",
            "duplicate_characters": (
                "share(characters(_lines) - characters(list_distinct(_lines)), length(replace(text, chr(10), '')))"
            ),
            "newlines_per_word": "share(matches(text, chr(10)), len(_words))",
        }

    def rules(self) -> Rules:
        return {
            "few_sentences": f"terminal_punctuation < {self.min_terminal_punctuation}",
            "short_lines": f"short_lines > {self.max_short_lines}",
            "duplicate_lines": f"duplicate_characters > {self.max_duplicate_characters}",
            "list_like": f"newlines_per_word > {self.max_newlines_per_word}",
        }
