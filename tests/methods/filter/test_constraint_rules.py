"""A recipe names constraints, and what does not meet one goes with its name as the reason."""

import pytest
from pydantic import ValidationError

from synth_dagster.methods.filter.constraint_rules import ConstraintRules
from synth_dagster.records import Document, Instruction, Message, Preference

RULES = {
    "too_long": {"kind": "length", "unit": "words", "at_most": 5},
    "no_harbour": {"kind": "keyword", "word": "harbour", "at_least": 1},
    "shouts": {"kind": "regex", "pattern": "!", "absent": True},
}


def pair(chosen, rejected):
    return Preference(
        prompt=(Message("user", "Where?"),),
        chosen=(Message("assistant", chosen),),
        rejected=(Message("assistant", rejected),),
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Instruction.single("Where are the ships of the whole town?", "In the harbour."), None),
        (Instruction.single("Where is the harbour?", "In the town."), "no_harbour"),  # the question does not count
        (Instruction.single("Where?", "In the old harbour of the town."), "too_long"),  # 7 words
        (Instruction.single("Where?", "In the harbour!"), "shouts"),
        (Instruction.single("Where?", " "), "no_text"),
        (Document(body="A harbour in winter."), None),
        (Document(body="A river in winter."), "no_harbour"),
        (pair("In the harbour.", "Somewhere!"), None),  # the rejected answer may be bad
        (pair("Somewhere.", "In the harbour."), "no_harbour"),
    ],
)
def test_an_answer_that_breaks_a_constraint_goes_by_its_name(verdict_of, record, reason):
    assert verdict_of(ConstraintRules(constraints=RULES), record) == reason


def test_without_constraints_only_what_says_nothing_goes(verdicts_of):
    texts = [Document(body=text) for text in ("", "...", "A harbour.")]
    assert verdicts_of(ConstraintRules(), texts) == ["no_text", "no_text", None]


@pytest.mark.parametrize("name", ["Too long", "2nd", "_mine", "a-b", "", "no_text"])
def test_a_constraint_is_named_as_a_signal_is(name):
    with pytest.raises(ValidationError, match="is no name of a rule"):
        ConstraintRules(constraints={name: RULES["shouts"]})
