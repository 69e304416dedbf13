"""Cheap rules for instructions and preference pairs: no empty, refused, leaked, cut, looping or broken answers.

Our own. Each rule names a defect that no good answer has, however short: "42", "Yes.", code and mathematics stay. Of a
pair the chosen answer is held to all rules; the rejected one may be bad, but must be there and differ. Rules on how
text looks are written for English; in other languages they find less.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.parts.text.hashed_words import Hashed, distinct, ngrams, normalise, words
from synth_dagster.records import Instruction, Preference

# The patterns stand inside SQL strings, so that an apostrophe is doubled.
_REFUSAL = (
    r"^\W*(?:(?:i(?:''|’)?m |i am )?(?:very |so )?sorry,? (?:but )?|unfortunately,? |i apologi[sz]e,? (?:but )?)?"
    r"(?:as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|i(?:''|’)?m (?:just |only )?an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|i (?:can(?:not|(?:''|’)?t| not)|am unable to|am not able to|won(?:''|’)?t|will not) (?:be able to )?"
    r"(?:help|assist|provide|fulfill?|comply|answer|create|generate|complete|do that|support|engage|discuss|share)\b)"
)
_TEMPLATE = (
    r"<\|[a-z_]{2,24}\|>|\[/?INST\]|<</?SYS>>|<start_of_turn>|<end_of_turn>"
    r"|(?m:^###? ?(?:Instruction|Response|Input|Assistant|Human|User):)"
    r"|(?i:#(?:the )?(?:given|rewritten|created|new) prompt#)"
)
_CUT = r"\p{L}-$|\p{Ll}(?:\.\.\.|…)$"  # in the middle of a word, or trailing off

_PAIR = "record_kind = 'preference'"


class AnswerRules(Filter):
    """Rules over the user turns, the last answer, and in a pair the rejected answer."""

    paper = "interpretation"
    proof = Proof(
        "interpretation", "One record a rule, by hand; a list of short good answers, code and maths survives."
    )
    judges = (Instruction, Preference)

    max_question_characters: int = Field(20_000, ge=1, description="Longest text of all user turns together.")
    max_answer_characters: int = Field(20_000, ge=1, description="Longest answer.")
    max_repeated_lines: float = Field(0.7, ge=0, le=1, description="Share of lines that stood before, of 6 or more.")
    max_repeated_grams: float = Field(
        0.75, ge=0, le=1, description="Share of 4-word runs that stood before, in answers of 40 or more words."
    )
    allow_refusals: bool = Field(False, description="Keep answers that refuse, for data that teaches to refuse.")

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        found = words(normalise(flat["response"]))
        return {"words": pa.array(found.counts), "repeated_grams": pa.array(repeated_share(found))}

    def signals(self) -> Signals:
        return {
            "_question": "trim(coalesce(instruction, ''), blanks())",
            "_answer": "trim(coalesce(response, ''), blanks())",
            "_rejected": "trim(coalesce(rejected_response, ''), blanks())",
            "_lines": "list_filter(string_split(_answer, chr(10)), lambda line: length(visible(line)) >= 10)",
            "question_characters": "length(visible(_question))",
            "answer_characters": "length(visible(_answer))",
            "rejected_missing": f"{_PAIR} and visible(_rejected) = ''",
            "repeats_question": "visible(lower(_answer)) = visible(lower(_question))",
            "same_answers": f"{_PAIR} and _answer = _rejected",
            "score_not_above": (
                "case when chosen_score is null or rejected_score is null then false "
                "when isnan(chosen_score) or isnan(rejected_score) then null else chosen_score <= rejected_score end"
            ),
            "refuses": f"regexp_matches(left(_answer, 300), '(?i){_REFUSAL}')",
            "template_tags": f"regexp_matches(_question || chr(10) || _answer, '{_TEMPLATE}')",
            "_fences": r"[line for line in string_split(_answer, chr(10)) if regexp_matches(line, '^\s*```[^`]*$')]",
            "open_fence": "len(_fences) % 2 = 1",
            "cut": f"regexp_matches(_answer, '{_CUT}')",
            "broken_characters": "matches(_question || _answer || _rejected, chr(65533))",
            "lines": "len(_lines)",
            "repeated_lines": "coalesce(1 - share(len(list_distinct(_lines)), lines), 0)",
        }

    def rules(self) -> Rules:
        return {
            "no_question": "question_characters = 0",
            "no_answer": "answer_characters = 0",
            "no_rejected_answer": "rejected_missing",
            "repeats_question": "repeats_question",
            "same_answers": "same_answers",
            "score_not_above": "score_not_above",
            "refusal": f"refuses and not {self.allow_refusals}",
            "template_tags": "template_tags",
            "broken_characters": "broken_characters > 0",
            "cut": "open_fence or cut",
            "long_question": f"question_characters > {self.max_question_characters}",
            "long_answer": f"answer_characters > {self.max_answer_characters}",
            "repeated_lines": f"lines >= 6 and repeated_lines > {self.max_repeated_lines}",
            "repeated_words": f"words >= 40 and repeated_grams > {self.max_repeated_grams}",
        }


def repeated_share(found: Hashed) -> np.ndarray:
    """For each text the share of its 4-word runs that stood before in it; 0 where it has none."""
    grams = ngrams(found, 4)
    repeated = grams.counts - distinct(grams).counts
    return repeated / np.maximum(grams.counts, 1)
