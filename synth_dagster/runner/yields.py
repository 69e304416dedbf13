"""What a stage kept of what it tried: the number that its gate goes by, and that a plan can tell before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synth_dagster.records import Json, Record, Reject

NAMED = 3  # reasons that a message tells
BY_RULES = (
    "the embedded teacher, which is rules and no model: where these do not serve, set SYNTH_MODEL "
    '(README, "A real teacher")'
)


@dataclass(frozen=True, slots=True)
class Yield:
    """Records that the next stage can use, those that were lost on the way, and why."""

    kept: int = 0
    lost: int = 0
    unusable: int = 0  # of the lost, lines and answers that could not be used
    reasons: Mapping[str, int] = field(default_factory=dict)  # step:reason -> how many

    @property
    def rate(self) -> float:
        return self.kept / self.tried if self.tried else 0.0

    @property
    def tried(self) -> int:
        return self.kept + self.lost

    @property
    def unusable_rate(self) -> float:
        return self.unusable / self.tried if self.tried else 0.0


def commonest(reasons: Mapping[str, int]) -> dict[str, int]:
    """The commonest reasons, most frequent first, then by name."""
    return dict(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))[:NAMED])


def told_twice(made: Iterable[Record], rejects: Iterable[tuple[str, Reject]]) -> Counter[str]:
    """step:reason -> rejects that say why a record that came in was eliminated: one loss, not two."""
    gone = {one.record_id: str(one.reason).partition(":")[2] for one in made if one.status == "eliminated"}
    return Counter(f"{step}:{one.reason}" for step, one in rejects if gone.get(one.record_id or b"") == one.reason)


def lost_of(details: Mapping[str, Json], *, eliminated: int, rejected: int) -> int:
    """How many records a version lost, each once."""
    return eliminated + rejected - _numbers(details, "told_twice").total()


def reasons_of(details: Mapping[str, Json]) -> Counter[str]:
    """Why a version lost what it lost, of what was written down when it was made."""
    return _numbers(details, "reasons") + (_numbers(details, "rejects") - _numbers(details, "told_twice"))


def _numbers(details: Mapping[str, Json], name: str) -> Counter[str]:
    listed = details.get(name)
    numbers = listed.items() if isinstance(listed, Mapping) else ()
    return Counter({key: number for key, number in numbers if isinstance(number, int)})


def answered_by_rules(roles: Mapping[str, Mapping[str, Json]]) -> bool:
    """Whether the embedded teacher answers any of these roles that write or judge."""
    models = [roles[role].get("models") for role in roles if role != "embedder"]
    return any(str(one).startswith("embedded-") for named in models if isinstance(named, list) for one in named)
