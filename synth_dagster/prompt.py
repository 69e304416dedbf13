"""What a teacher is asked, as a template: the words stand in the method, the places are filled in for each record."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from synth_dagster.errors import MethodError
from synth_dagster.records import digest


@dataclass(frozen=True)
class Prompt:
    """A prompt template in our own wording. `{names}` are filled in once; braces inside a value stay as they are.

    The hash is over the template, not over what is filled in: it names the prompt, not the request.
    """

    user: str
    system: str = ""

    @cached_property
    def variables(self) -> frozenset[str]:
        pieces = (*string.Formatter().parse(self.system), *string.Formatter().parse(self.user))
        return frozenset(name for _, name, _, _ in pieces if name is not None)

    @cached_property
    def hash(self) -> str:
        return digest("prompt", self.system, self.user).hex()

    def filled(self, **values: str) -> "Prompt":
        """The prompt with some of its places filled in for good, so that its hash names that wording too.

        Raises MethodError for a place that it does not have.
        """
        strangers = sorted(values.keys() - self.variables)
        if strangers:
            raise MethodError(
                f"A prompt has the places {sorted(self.variables)} and not {strangers}. Correct filled()."
            )
        return Prompt(user=_partly(self.user, values), system=_partly(self.system, values))

    def messages(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The chat messages that are sent. Raises MethodError when the values and the variables differ."""
        if self.variables != values.keys():
            raise MethodError(
                f"A prompt needs {sorted(self.variables)} and was given {sorted(values)}. Correct the call of ask()."
            )
        turns = [("system", self.system), ("user", self.user)]
        return [{"role": role, "content": _fill(text, values)} for role, text in turns if text]


def _fill(template: str, values: Mapping[str, object]) -> str:
    pieces = string.Formatter().parse(template)
    return "".join(literal + (str(values[name]) if name is not None else "") for literal, name, _, _ in pieces)


def _partly(template: str, values: Mapping[str, str]) -> str:
    """The template with the values in their places, as a template: other places stay."""
    pieces = string.Formatter().parse(template)
    return "".join(_escaped(literal) + _place(name, values) for literal, name, _, _ in pieces)


def _place(name: str | None, values: Mapping[str, str]) -> str:
    if name is None:
        return ""
    return _escaped(values[name]) if name in values else f"{{{name}}}"


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
