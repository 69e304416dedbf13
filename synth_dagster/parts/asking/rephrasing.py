"""A text said again in other words: one prompt, which each style or strategy is put into with its own words."""

from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.prompt import Prompt

_ASKED = """
{passage}{style}{how}

Say what the text says, and nothing that it does not say. Keep every name and every number as it is. Do not announce the
new text and do not comment on it.
"""


def rephrasing(name: str, how: str, *, system: str) -> Prompt:
    """The prompt of one style, which is left with the place `passage`."""
    made = prompt(
        _ASKED, system=f"{system} You answer with the new text and nothing else.", variables="passage style how"
    )
    return made.filled(style=tagged("style", name), how=how)
