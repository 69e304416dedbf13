"""Trials: a writer calls a function with values of its own, and the program has to come to its end.

The check by execution in the released code of CHASE (arXiv:2502.14678): of each helper that a model wrote, and of each
solution before anybody is asked for a test. That code asks at temperature 0.5 for up to 2,000 tokens, once.
"""

from collections.abc import Sequence

from pydantic import Field

from synth_dagster.parts.asking.calls import attempted, prompt, tagged
from synth_dagster.parts.cards.helpers import Function, as_shown, calls_of, defined_in, why_it_fails
from synth_dagster.parts.mathematics.programs import bare_program
from synth_dagster.services import Limits, Reply, Sampling, Sandbox, Teacher, Unusable

TRYING = Sampling(temperature=0.5, max_tokens=2_000)


class Trial(Reply):
    trial: str = Field(description="Python that sets values and calls the function with them.")


TRIAL = prompt(
    system="You check whether functions run.",
    user="""
{helpers}{function}Write a program that makes values for all arguments of the function, such as it is meant for, and
calls it with them. The functions are there: import and define none of them. Check no result.
""",
    variables="helpers function",
)


async def why_it_fails_its_trial(
    function: Function, helpers: Sequence[str], *, writer: Teacher, sandbox: Sandbox, limits: Limits
) -> str | None:
    """Why a function is not seen to run, or None. Costs a call; `helpers` is the code that the function calls."""
    said = await attempted(
        writer.ask(
            TRIAL,
            into=Trial,
            sampling=TRYING,
            helpers=as_shown(helpers),
            function=tagged("function", function.code),
        )
    )
    if isinstance(said, Unusable):
        return f"trial_{said.reason}"
    trial = bare_program(said.trial)
    if function.name not in calls_of(trial) or function.name in defined_in(trial):
        return "trial_calls_nothing"
    program = "\n\n".join([*helpers, function.code, trial, "result = 'passed'"])
    failed = await why_it_fails(program, sandbox, limits)
    return f"trial_{failed}" if failed else None
