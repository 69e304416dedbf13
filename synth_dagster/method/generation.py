"""The kinds of method that make records of one record, or of a pool that grows: new ones, variants, better versions."""

from typing import ClassVar, Generic, TypeVar

from synth_dagster.method.base import Family, Method, MethodKind
from synth_dagster.records import Record

In = TypeVar("In", bound=Record)
Out = TypeVar("Out", bound=Record)


class _Typed(Method, Generic[In, Out]):
    """A method whose record kinds are its type arguments: `Synthesizer[Document, Instruction]`."""

    @classmethod
    def _records(cls) -> tuple[type[Record], type[Record]]:
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args", ())
            if arguments:
                return arguments[0], arguments[-1]
        raise TypeError(f"{cls.__name__} must say what it reads and makes, as in Synthesizer[Document, Instruction].")

    @classmethod
    def consumes(cls) -> tuple[type[Record], ...]:
        return (cls._records()[0],)

    @classmethod
    def produces(cls) -> type[Record] | None:
        return cls._records()[1]


class Synthesizer(_Typed[In, Out], Generic[In, Out]):
    """Makes new records from one record.

    A subclass writes `async def synthesize(self, record: In, /, *, <services>) -> Sequence[Out] | Drop`. A returned
    record may name another returned one, earlier in the list, as its parent.
    """

    kind: ClassVar[MethodKind] = "synthesize"


class PoolSynthesizer(_Typed[In, Out], Generic[In, Out]):
    """Makes new records from a growing pool, in rounds with a barrier between them, within one batch.

    A subclass writes `async def round(self, pool: Sequence[In | Out], number: int, /, *, <services>) ->
    Sequence[Sequence[Out] | Drop]`. The pool is the batch's inputs followed by what earlier rounds made, stamped and in
    order; `number` counts from 0. What a round returns is merged in the order returned. An empty list ends the method.
    Each record and drop names the `calls` that were made for it, as `with_its_calls` of parts/asking does. What was
    asked and nobody names was asked for all: a round that names nothing puts all of its calls behind each record.
    """

    kind: ClassVar[MethodKind] = "synthesize"

    @classmethod
    def verb(cls) -> str:
        return "round"


class Augmenter(_Typed[In, Out], Generic[In, Out]):
    """Makes variants of one record, which stay beside it.

    A subclass writes `async def augment(self, record: In, /, *, <services>) -> Sequence[Out] | Drop`. A variant that
    did not pass is returned too, with `status="eliminated"` and its `reason`, so that it is counted and traceable.
    """

    kind: ClassVar[MethodKind] = "augment"
    family: ClassVar[Family] = "reformation"


class Refiner(_Typed[In, In], Generic[In]):
    """Replaces a record by a better version of itself.

    A subclass writes `async def refine(self, record: In, /, *, <services>) -> In | Drop`. Returning the record itself
    leaves it as it is; `record.but(...)` is a new version, and the old one stays as a superseded row. With `redacts`
    the superseded row keeps its id and hash and loses its text, so that what was removed is nowhere in the lake.
    """

    kind: ClassVar[MethodKind] = "refine"
    family: ClassVar[Family] = "reformation"
    redacts: ClassVar[bool] = False
