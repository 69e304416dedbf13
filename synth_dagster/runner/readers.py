"""Lets later steps of the recipe read a record before it is theirs, for a step that looks at texts for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from synth_dagster.recipe import Step
from synth_dagster.records import Record
from synth_dagster.runner.services import wanted
from synth_dagster.services import Teacher


@dataclass(frozen=True)
class RecipeReaders:
    """The steps by stage and key, and what each is called with."""

    readers: Mapping[str, Step]
    services: Callable[[Step], Mapping[str, object]]

    @property
    def steps(self) -> Sequence[str]:
        return tuple(self.readers)

    async def read(self, step: str, record: Record, watched: Callable[[Teacher], Teacher], /) -> None:
        method = self.readers[step].method
        verb = getattr(method, method.verb())
        asked = wanted(verb)
        given = self.services(self.readers[step])
        await verb(record, **{n: watched(one) if asked[n] is Teacher else one for n, one in given.items()})  # type: ignore[arg-type]
