"""Gopher quality rules: drop pages that do not read like prose, with the numbers that FineWeb uses.

Paper: arXiv:2112.11446, appendix A1.1; numbers as in arXiv:2406.17557. A word is a run of letters and digits, hyphens
and apostrophes inside it included; a run of punctuation is no word. The rules fit languages with blanks between words.
"""

from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.records import Document

_WORD = r"[\p{L}\p{N}_]+(?:[''’\-][\p{L}\p{N}_]+)*"  # an apostrophe is doubled, as SQL wants it
_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


class GopherQuality(Filter):
    """The eight rules; a page without words fails the first."""

    paper = "arXiv:2112.11446"
    proof = Proof("equation by hand", "One page a rule, counted by hand, on both sides of every threshold.")
    judges = (Document,)

    min_words: int = Field(50, ge=0, description="Fewest words of a page.")
    max_words: int = Field(100_000, ge=1, description="Most words of a page.")
    min_word_length: float = Field(3, ge=0, description="Shortest mean length of a word, in characters.")
    max_word_length: float = Field(10, ge=1, description="Longest mean length of a word, in characters.")
    max_hashes: float = Field(0.1, ge=0, description="Hash signs per word.")
    max_ellipses: float = Field(0.1, ge=0, description="Ellipses (... or …) per word.")
    max_bullet_lines: float = Field(0.9, ge=0, le=1, description="Share of lines that begin with a bullet or a dash.")
    max_ellipsis_lines: float = Field(0.3, ge=0, le=1, description="Share of lines that end with an ellipsis.")
    min_words_with_letters: float = Field(0.8, ge=0, le=1, description="Share of words that hold a letter.")
    min_stop_words: int = Field(2, ge=0, le=8, description=f"How many of {', '.join(_STOP_WORDS)} must occur.")

    def signals(self) -> Signals:
        stop_words = ", ".join(f"'{word}'" for word in _STOP_WORDS)
        return {
            "_words": f"regexp_extract_all(text, '{_WORD}')",
            "_lines": r"list_filter(regexp_split_to_array(text, '\r\n|\r|\n'), lambda line: visible(line) <> '')",
            "words": "len(_words)",
            "word_length": "share(characters(_words), words)",
            "hashes": "share(matches(text, '#'), words)",
            "ellipses": "share(matches(text, '...') + matches(text, '…'), words)",
            "bullet_lines": r"list_avg([regexp_matches(line, '^\s*([•‣◦●▪]|[-*]\s)')::int for line in _lines])",
            "ellipsis_lines": r"list_avg([regexp_matches(line, '(\.\.\.|…)\s*$')::int for line in _lines])",
            "words_with_letters": r"list_avg([regexp_matches(word, '\p{L}')::int for word in _words])",
            "stop_words": f"len(list_intersect([{stop_words}], list_distinct([lower(word) for word in _words])))",
        }

    def rules(self) -> Rules:
        return {
            "too_few_words": f"words < {self.min_words}",
            "too_many_words": f"words > {self.max_words}",
            "short_words": f"word_length < {self.min_word_length}",
            "long_words": f"word_length > {self.max_word_length}",
            "hashes": f"hashes > {self.max_hashes}",
            "ellipses": f"ellipses > {self.max_ellipses}",
            "bullet_lines": f"bullet_lines > {self.max_bullet_lines}",
            "ellipsis_lines": f"ellipsis_lines > {self.max_ellipsis_lines}",
            "few_words_with_letters": f"words_with_letters < {self.min_words_with_letters}",
            "few_stop_words": f"stop_words < {self.min_stop_words}",
        }
