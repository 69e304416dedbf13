"""Who is at work: the name that a deployment gives in SYNTH_USER, else the login that the process runs under.

Dagster knows no users, so a run that its daemon launches is of the daemon's login. A name in a variable is believed, as
a login is: what has to be proven is signed.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "SYNTH_USER"


@dataclass(frozen=True, slots=True)
class Person:
    """A name, and how it is known: the variable, or `login`; both are empty where nobody wrote it down."""

    name: str = ""
    known_by: str = ""

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Person":
        """The person behind this process."""
        given = " ".join(env.get(VARIABLE, "").split())
        return cls(given, VARIABLE) if given else cls(_login(), "login")

    def is_called(self, name: str) -> bool:
        """Whether that is the same name, however it is spaced and capitalized."""
        return bool(self.name) and _plain(self.name) == _plain(name)


def _login() -> str:
    """As the system knows it: variables such as USER are set by anybody."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container whose user has no name
        return f"uid {os.getuid()}"


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
