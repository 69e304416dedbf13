"""What the steps of Persona Hub (arXiv:2406.20094) that write for a persona share: openings, and examples of others.

Every task has a text begin with words of its own, so that what is no such text, or announces it, is seen. Examples come
from a file of the project, one object a line: `text`, and `persona` where the example was written for one.
"""

import re
from collections.abc import Mapping, Sequence

from synth_dagster.parts.asking.asking import tagged


def without_opening(text: str, opening: str) -> str | None:
    """The text behind its opening words, whatever marks stand around them; None where it begins otherwise."""
    found = re.match(rf"\W*{re.escape(opening.rstrip(':'))}[*_\s]*:?[*_\s]*", text, re.IGNORECASE)
    return text[found.end() :].strip() if found else None


def shown_examples(rows: Sequence[Mapping[str, object]], *, with_personas: bool) -> str:
    """Examples as a teacher sees them, each with its own persona where that is wanted and known."""
    return "".join(
        tagged("example", str(row.get("text", "")), persona=str(row.get("persona") or "") if with_personas else None)
        for row in rows
    )
