"""What AgentInstruct (arXiv:2407.03502) asks for a form or a task: one wording, with the words of a skill in it."""

from collections.abc import Mapping

from synth_dagster.parts.asking.calls import prompt
from synth_dagster.parts.cards.agent_skills import TOOL_USE, Skill, skills_of
from synth_dagster.prompt import Prompt

FORM = prompt(
    system="You give material another form. You write the new text and nothing else.",
    user="{seed}Turn this into {how}. It has to be complete without the material that it comes from.",
    variables="seed how",
)
FUNCTIONS = prompt(
    system="You design interfaces of functions, so exactly that they could be called.",
    user="{seed}Define {how}.",
    variables="seed how",
)
TASK = prompt(
    system="You set tasks about texts. Whoever gets a task has the text before them, and nothing else.",
    user="""
{text}Set one task of this kind: {how}. It is definite, has one right answer or a clear measure of a good one, and does
not give that answer away. Skip it if the text gives nothing for such a task.""",
    variables="text how",
)
FREE_TASK = prompt(
    system="You set tasks. Whoever gets one has the task before them and nothing else; a text gives you the idea.",
    user="""
{text}Set one task of this kind: {how}. It has everything that is needed in it, names no text, is definite, and has one
right answer or a clear measure of a good one, which it does not give away. Skip it if the text gives no idea for
one.""",
    variables="text how",
)
REQUEST = prompt(
    system="You write what people ask of an assistant that can call functions.",
    user="""
{text}Write what somebody asks of an assistant that has these functions and no others. The request {how}. It names no
function and says everything else that is needed. Skip it if these functions give nothing for such a request.""",
    variables="text how",
)


def _base(skill: Skill, named: str, kind: str) -> Prompt:
    """The prompt that a kind's words are put into."""
    return REQUEST if named == TOOL_USE else FREE_TASK if kind in skill.free else TASK


BUILT_IN = skills_of()
FORMS = {
    (skill, name): (FUNCTIONS if skill == TOOL_USE else FORM).filled(how=how)
    for skill, one in BUILT_IN.items()
    for name, how in one.forms.items()
    if how
}
TASKS = {
    (skill, name): _base(one, skill, name).filled(how=how)
    for skill, one in BUILT_IN.items()
    for name, how in one.kinds.items()
}


def form_prompt(skill: str, form: str, how: str) -> Prompt:
    """What a seed is given another form by, in the words of this project or of a user's file."""
    return _told(FORMS, FUNCTIONS if skill == TOOL_USE else FORM, skill, form, how)


def task_prompt(skill: Skill, named: str, kind: str) -> Prompt:
    """What a task of a kind is set by."""
    return _told(TASKS, _base(skill, named, kind), named, kind, skill.kinds[kind])


def _told(known: Mapping[tuple[str, str], Prompt], base: Prompt, skill: str, name: str, how: str) -> Prompt:
    """The prompt of a form or kind: the one that comes with the project, or one in the words of a project's file."""
    made = base.filled(how=how)
    there = known.get((skill, name))
    return there if there is not None and there.hash == made.hash else made
