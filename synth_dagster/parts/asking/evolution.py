"""The elimination rules of Evol-Instruct that need no judge (arXiv:2304.12244), as pure functions over text."""

import re

from synth_dagster.parts.text.words import content_words

# The template's own words, with or without the hashes of the released code, and the tags of ours.
_META_WORDS = re.compile(
    r"\b(?:given|rewritten|created)[\s_]+prompts?\b|\b(?:rewritten|evolved)[\s_]+instructions?\b"
    r"|</?\s*(?:instruction|operation|passage)\s*>",
    re.IGNORECASE,
)
_SORRY = re.compile(r"\bsorry\b", re.IGNORECASE)


def is_apology(answer: str, fewer_than: int = 80) -> bool:
    """Rule b: the answer says sorry, and is short."""
    return bool(_SORRY.search(answer)) and len(answer.split()) < fewer_than


def says_nothing(answer: str) -> bool:
    """Rule c: the answer is only punctuation and stop words."""
    return not content_words(answer)


def leaks_template(instruction: str) -> bool:
    """Rule d: the evolved text speaks of the prompt that it was made with."""
    return bool(_META_WORDS.search(instruction))
