"""Defects that users found in Alpaca's data: no output, no input in so many words, tasks run together, media, sums.

The released data of tatsu-lab/stanford_alpaca are unchecked; its users list what is wrong with them (issue 114 and pull
request 17 there, and pull requests of tloen/alpaca-lora and gururise/AlpacaDataCleaned). Each of their classes that a
program can tell is a rule here. Patterns are for English. What is merely untrue no rule finds.
"""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.parts.mathematics.calculations import wrong_calculations
from synth_dagster.records import Instruction

_NOTHING = r"n/?a|nil|no (?:input|output)|<?no ?(?:input|output)>?|not applicable"
_NONE = rf"(?:{_NOTHING}|none(?: (?:given|needed|required|provided))?)"
_NO_INPUT = rf"(?i)\n\s*(?:input:\s*)?[\[(<]?\s*{_NONE}\s*[\])>]?\s*\.?\s*$"
_NO_OUTPUT = rf"(?i)^[\s.…_*-]*$|^\W*(?:{_NOTHING}|no output(?: (?:needed|required))?)\W*$"
# the fields of another task, on a line of their own
_MERGED = r"(?m)^\s*(?:#{2,3}|\d+\.)?\s*(?:Instruction|Output|Response):"
_MEDIA = r"images?|pictures?|photos?|photographs?|paintings?|drawings?|videos?|clips?|audio|recordings?|screenshots?"
_SHOWN = (
    rf"(?i)\b(?:this|these|attached|following|given|provided|above|below) (?:{_MEDIA}|chart|graph|diagram|map|figure)\b"
    rf"|\b(?:{_MEDIA}|chart|graph|diagram|map) (?:above|below|attached|provided)\b"
)
_TO_MAKE = (
    r"(?i)\b(?:draw|paint|sketch|generate|create|design|make|produce|record|edit|upload|find|insert) (?:me )?"
    rf"(?:an?|the|some) (?:\w+ )?(?:{_MEDIA}|animation|illustration|logo)\b"
)
_LINK = r"(?i)https?://|\bwww\.|\b(?:this|these|following|given|provided) (?:links?|urls?|web ?sites?|web ?pages?)\b"
_IMAGE_TAG = r"(?i)<img\b|!\[[^\]]*\]\(|\[(?:image|picture|photo)[^\]]*\]"


class CleanAlpaca(Filter):
    """Each rule is one class of defects; a text of every day passes all."""

    paper = "interpretation"
    proof = Proof(
        "planted signal",
        "Of a hundred records with planted defects of each class all and only these go, each with its class as the "
        "reason; orders that use the same words otherwise stay.",
    )
    judges = (Instruction,)
    topics: ClassVar[tuple[str, ...]] = ("Stanford Alpaca", "instruction tuning", "cleaning", "AlpacaDataCleaned")

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        answers = flat["response"].fill_null("")
        calculates = pc.match_substring(answers, "=").to_pylist()  # type: ignore[attr-defined]  # few answers do
        texts = zip(answers.to_pylist(), calculates, strict=True)
        wrong = [len(wrong_calculations(text)) if may else 0 for text, may in texts]
        return {"wrong_calculations": pa.array(wrong, pa.int64())}

    def signals(self) -> Signals:
        return {
            "_question": "coalesce(instruction, '')",
            "_answer": "coalesce(response, '')",
            "answers_nothing": f"regexp_matches(_answer, '{_NO_OUTPUT}')",
            "input_is_none": f"regexp_matches(_question, '{_NO_INPUT}')",
            "holds_another_task": f"regexp_matches(_question, '{_MERGED}') or regexp_matches(_answer, '{_MERGED}')",
            "needs_media": f"regexp_matches(_question, '{_SHOWN}') or regexp_matches(_question, '{_TO_MAKE}')",
            "needs_a_link": f"regexp_matches(_question, '{_LINK}')",
            "shows_an_image": f"regexp_matches(_answer, '{_IMAGE_TAG}')",
        }

    def rules(self) -> Rules:
        return {
            "no_output": "answers_nothing",
            "no_input": "input_is_none",
            "merged_tasks": "holds_another_task",
            "media": "needs_media or shows_an_image",
            "link": "needs_a_link",
            "wrong_calculation": "wrong_calculations > 0",
        }
