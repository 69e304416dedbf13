"""What AgentInstruct (arXiv:2407.03502) makes of a text: skills, the forms that a seed takes, and the kinds of task.

The paper names 17 skills and more than 100 kinds and publishes no prompts; these are three of its skills, in our words.
Lines are data: a project adds its own as rows of a file with `skill`, `part` (form or kind), `name` and `how`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from synth_dagster.errors import MethodError

Part: TypeAlias = Literal["form", "kind"]
IDENTITY = "identity"  # the form of a seed that stays as it is
TOOL_USE = "tool_use"
ABSTAINS = frozenset({"missing_function", "missing_argument"})  # kinds of tool use in which nothing can be called

# skill | part | name | how
LINES = """
reading_comprehension | form | identity |
reading_comprehension | form | argument_passage | a passage that argues for one side; its argument may have a flaw
reading_comprehension | form | debate | a debate between two people who disagree about what it says
reading_comprehension | form | conversation | a conversation in which one person learns from another what it says
reading_comprehension | form | meeting_transcript | the transcript of a meeting at which it is discussed and decided on
reading_comprehension | form | poem | a poem that keeps what it says
reading_comprehension | form | satire | a satire that makes fun of what it says
reading_comprehension | form | instruction_manual | the manual of a thing or a procedure that it tells of
reading_comprehension | form | long_text | a longer text with background, examples and consequences of what it says
reading_comprehension | kind | literal | a short question whose answer stands in the text
reading_comprehension | kind | numerical_reasoning | a question that needs numbers of the text and some arithmetic
reading_comprehension | kind | true_false | a statement to be judged as true or false by close reading
reading_comprehension | kind | evaluative_essay | a short essay that weighs what the text says
reading_comprehension | kind | fill_in | a sentence about the text with a gap to be filled in
reading_comprehension | kind | matching | two lists from the text whose items are to be matched
reading_comprehension | kind | ordering | events or steps of the text in a wrong order, to be put right
reading_comprehension | kind | strengthen | which of four statements strengthens the argument of the text most
reading_comprehension | kind | weaken | which of four statements weakens the argument of the text most
reading_comprehension | kind | assumption | which of four assumptions the argument of the text rests on
reading_comprehension | kind | flaw | which of four descriptions names the flaw in the reasoning of the text
reading_comprehension | kind | inference | which of four statements follows from the text
reading_comprehension | kind | principle | which of four principles fits what the text tells
reading_comprehension | kind | method_of_reasoning | which of four descriptions says how the text argues
reading_comprehension | kind | vocabulary | what a word of the text means where it stands
reading_comprehension | kind | comparison | how two things or people of the text differ
text_modification | form | identity |
text_modification | kind | paraphrase | to say it in other words
text_modification | kind | simplify | to write it for readers who know little
text_modification | kind | shorten | to bring it down to a given number of words
text_modification | kind | expand | to make it longer by details that fit
text_modification | kind | change_tone | to write it in another tone, such as formal, warm or sober
text_modification | kind | change_person | to tell it from another point of view
text_modification | kind | change_tense | to put it into another tense
text_modification | kind | change_format | to write it as a letter, a report, a dialogue or the like
text_modification | kind | translate_register | to write it as a lawyer, a child, a scientist or a salesman would
text_modification | kind | restructure | to put its parts into another order, with headings
text_modification | kind | make_list | to turn it into a list, or a list in it into prose
text_modification | kind | make_table | to bring what it says into a table
text_modification | kind | remove | to take out what is of a certain sort, such as names or opinions
text_modification | kind | replace | to exchange names, places or units in all of it, consistently
text_modification | kind | constrain | to rewrite it under a rule of form, such as a letter that may not occur
text_modification | kind | correct | to correct and smooth it, with the changes named
text_modification | kind | continue | to write how it goes on
text_modification | kind | title_and_summary | to give it a title and a summary of one sentence
tool_use | form | function_list | the functions of a service that somebody from the world of this text would use
tool_use | form | whole_library | a library around what this text or code does, with functions that are not in it yet
tool_use | kind | one_function | is done by one call
tool_use | kind | several_functions | needs several calls
tool_use | kind | missing_function | needs a function that is not there, though it sounds as if one of these would do
tool_use | kind | missing_argument | leaves out something that a call must be given
"""


@dataclass(frozen=True, slots=True)
class Skill:
    """The forms and kinds of a skill: name -> what is asked for."""

    forms: Mapping[str, str]
    kinds: Mapping[str, str]


def skills_of(rows: Iterable[Mapping[str, object]] = ()) -> dict[str, Skill]:
    """The skills that come with the project, and those of a file. Raises MethodError for a row that is none."""
    found: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for skill, part, name, how in [*_lines(), *map(_of_row, rows)]:
        forms, kinds = found.setdefault(skill, ({}, {}))
        (forms if part == "form" else kinds)[name] = how
    for skill, (forms, kinds) in found.items():
        if not kinds:
            raise MethodError(f"The skill '{skill}' has forms and no kind of task. Add a row with 'part': 'kind'.")
        if not forms:
            forms[IDENTITY] = ""
    return {skill: Skill(forms, kinds) for skill, (forms, kinds) in found.items()}


def _lines() -> list[tuple[str, str, str, str]]:
    cells = (tuple(cell.strip() for cell in line.split("|")) for line in LINES.strip().splitlines())
    return [(skill, part, name, how) for skill, part, name, how in cells]


def _of_row(row: Mapping[str, object]) -> tuple[str, str, str, str]:
    skill, part, name, how = (str(row.get(key) or "").strip() for key in ("skill", "part", "name", "how"))
    if part not in ("form", "kind") or not skill or not name or not (how or name == IDENTITY):
        raise MethodError(
            f"A row of a taxonomy needs 'skill', 'part' (form or kind), 'name' and 'how', and one has {sorted(row)} "
            f"with part '{part}'. Complete it."
        )
    return skill, part, name, how
