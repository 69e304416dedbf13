"""Whether an instruction can be read by somebody who does not see what it was written about: FANNO's hard filter.

Code: sustech-nlp/FANNO, `src/evaluator.py` (arXiv:2408.01323). The released code looks for its key words anywhere, so
that "know" and "snow" are refused for "now" and "context" for "text"; here they are words. `official` is for comparing.
"""

import re

_REFERENCE = ("based on", "according", "given", "mentioned", "refer", "provided", "passage", "text", "paragraph")
_TIME = ("recent", "current", "now", "today", "yesterday", "tomorrow", "soon", "upcoming", "coming")
_NAME = ("name",)
KEY_WORDS = (*_REFERENCE, *_TIME, *_NAME)
_ANYWHERE = re.compile("|".join(KEY_WORDS), re.IGNORECASE)
_AS_WORDS = re.compile(
    r"\b(?:based on|according|given|mentioned|refer(?:s|red|ring|ences?)?|provided|passages?|texts?|paragraphs?|"
    r"recent(?:ly)?|current(?:ly)?|now|today|yesterday|tomorrow|soon|upcoming|coming|names?)\b",
    re.IGNORECASE,
)
FEWEST = 5  # words of an instruction that has no final mark


def unfit_alone(instruction: str, *, official: bool = False, ascii_only: bool = True) -> str | None:
    """The first reason why an instruction cannot stand alone, or None."""
    letters = sum(character.isalpha() for character in instruction)
    checks = {
        "blank": not instruction.strip(),
        "not_ascii": ascii_only and not instruction.isascii(),
        "too_short": len(instruction.split()) < FEWEST and instruction[-1:] not in (".", "?"),
        "key_word": bool((_ANYWHERE if official else _AS_WORDS).search(instruction)),
        "few_letters": letters < len(instruction) - letters,
    }
    return next((reason for reason, fails in checks.items() if fails), None)
