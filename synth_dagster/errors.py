"""What can go wrong, said so that a person can act on it: what came, what is allowed, what to do next."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """What `synth` tells the shell."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 75  # EX_TEMPFAIL: try the same command again later
    OVER_BUDGET = 78


class SynthError(Exception):
    """A mistake or a bad day that has a sentence for the person who meets it; never shown with a traceback."""

    exit_code = ExitCode.FAILED


class UnknownName(SynthError):
    """A name that nothing has. The message holds the nearest names that exist."""

    exit_code = ExitCode.USAGE

    def __init__(self, what: str, name: str, known: Iterable[str], cure: str = "") -> None:
        self.known = tuple(known)
        super().__init__(no_such(what, name, self.known, cure))


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a recipe: where it is, what is wrong and how to put it right."""

    file: str
    line: int
    cause: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.cause}" + (f" {self.cure}" if self.cure else "")


class RecipeError(SynthError):
    """All mistakes of one recipe at once."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BadVariable(SynthError):
    """An environment variable says what cannot be."""

    exit_code = ExitCode.USAGE


class MethodError(SynthError):
    """A method broke its contract: a bug of the method, not of the data."""


class StorageError(SynthError):
    """A folder or a bucket cannot do what was asked: the disk is full, the bucket is away, refuses or is unsafe."""


class LakeError(SynthError):
    """The lake cannot do what was asked: a table of a newer schema, a lease that is held, a version that is gone."""


class TeacherError(SynthError):
    """The endpoint cannot be used: it is down, refuses the key, or does not know the model."""


class OverBudget(SynthError):
    """The hard cap is reached. What was paid for is in the cache; raising the cap resumes the work."""

    exit_code = ExitCode.OVER_BUDGET


class Pending(SynthError):
    """The answers are being made by a provider batch; the same run will find them when they are there."""

    exit_code = ExitCode.PENDING


class SandboxRefused(SynthError):
    """Untrusted code would have to run without isolation, and nobody allowed that; or its process cannot be started."""


class GateClosed(SynthError):
    """A candidate failed its checks. The version accepted before is still the one that everybody reads."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def no_such(what: str, name: str, known: Iterable[str], cure: str = "") -> str:
    """One sentence on a name that nothing has, with the nearest right one and the way to the whole list."""
    names = sorted(known)
    meant = nearest(name, names)
    hint = f" Did you mean '{meant}'?" if meant else f" Known: {', '.join(names[:12])}." if names else ""
    return f"No {what} is called '{name}'.{hint}" + (f" {cure}" if cure else "")
