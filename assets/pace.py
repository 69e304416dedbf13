"""How often the sensors look, and how long a delivery must have been quiet before it is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from synth_dagster.errors import SynthError


@dataclass(frozen=True, slots=True)
class Pace:
    """Whole seconds. Dagster's daemon goes through its sensors every five, so that less is no sooner."""

    tick: int = 15
    quiet: int = 10

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Pace":
        """What SYNTH_TICK_SECONDS and SYNTH_QUIET_SECONDS say. Raises SynthError for what is no number of seconds."""
        return cls(
            tick=_seconds(env, "SYNTH_TICK_SECONDS", cls().tick),
            quiet=_seconds(env, "SYNTH_QUIET_SECONDS", cls().quiet),
        )


def _seconds(env: Mapping[str, str], name: str, default: int) -> int:
    said = env.get(name, "").strip()
    if not said:
        return default
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= 86_400):
        raise SynthError(f"{name} is {said!r}. Set it to whole seconds from 1 to 86400, or unset it ({default}).")
    return int(said)
