"""The kinds of method. The base class is the kind, the file name the slug, the fields are the settings.

A method is a frozen pydantic model with one verb. What it needs from outside is named in the verb's signature after `*`
(`synth_dagster.services`). The runner stamps ids, lineage, licence and run onto what a verb returns, so a method only
says what a record contains and what it was made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, get_args

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from synth_dagster.records import Document, Instruction, Json, Preference, Record, fingerprint_of
from synth_dagster.services import Drop, Embedder, Found, Teacher, asked_of

MethodKind: TypeAlias = Literal[
    "synthesize", "augment", "refine", "filter", "dedup", "select", "mix", "measure", "guard", "train"
]
ProofLevel: TypeAlias = Literal[
    "official parity", "recomputed table", "equation by hand", "planted signal", "interpretation"
]

Family: TypeAlias = Literal[
    "labelling",
    "reformation",
    "co-annotation",
    "general distillation",
    "domain distillation",
    "self-improvement",
    "curation",
    "measurement",
    "governance",
    "training",
]
"""What a method is in the survey of data synthesis and augmentation (arXiv:2410.12896): the first three augment, the
next three synthesise. The other four are ours, for what chooses, counts, guards and learns."""

Lifecycle: TypeAlias = Literal["pretrain", "instruct", "preference", "eval"]
Need: TypeAlias = Literal["teacher", "embedder", "sandbox", "training"]

In = TypeVar("In", bound=Record)
Out = TypeVar("Out", bound=Record)

Signals: TypeAlias = Mapping[str, str]
"""Column -> SQL over the flat columns of a record kind (`record_tables.FLAT`); a signal may name an earlier one.

A name that begins with `_` is a working value for later signals: it is not kept, and rules do not see it. A filter of
several kinds may name `record_kind` and the columns of all of them; those of other kinds are NULL.
"""

Rules: TypeAlias = Mapping[str, str]
"""Reason -> SQL predicate over the signals, true for a record to drop. NULL drops too, as `<reason>:no_value`."""


@dataclass(frozen=True, slots=True)
class Input:
    """Marks a setting that is a path of the project: it must exist, and its bytes are part of the fingerprint."""

    is_benchmark: bool = True  # texts to compare with, which a release names with their hashes


InputPath: TypeAlias = Annotated[str, Input()]
LabelsPath: TypeAlias = Annotated[str, Input(is_benchmark=False)]


@dataclass(frozen=True, slots=True)
class Proof:
    """How far it is shown that a method does what its paper says: the level, and the result in one line."""

    level: ProofLevel
    result: str


METHODS = "synth_dagster.methods"  # the package whose modules are the methods


class Method(BaseModel):
    """Base of all kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[MethodKind]
    slug: ClassVar[str] = ""  # the file name; of a method of another package the name that it is offered by
    version: ClassVar[str] = "1"  # raise it when the same settings and prompts give other records
    effort: ClassVar[frozenset[str]] = frozenset()  # settings that change what the work costs, never what it finds
    paper: ClassVar[str]  # arXiv:..., or "interpretation" where it is our own
    proof: ClassVar[Proof]
    family: ClassVar[Family]
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ()  # empty: as the records that it makes or reads say
    topics: ClassVar[tuple[str, ...]] = ()  # words that people look for, and its own texts do not have
    also_needs: ClassVar[tuple[Need, ...]] = ()  # besides what its verb names
    shares_calls: ClassVar[int] = (
        1  # so many records are asked about in one call, so more of them are worked on at once
    )
    for_audit: ClassVar[bool] = False  # what it makes, and all that is made from that, is kept in no release

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "slug" not in vars(cls):
            package, _, name = cls.__module__.rpartition(".")
            cls.slug = name if package.startswith(f"{METHODS}.") else ""

    @classmethod
    def summary(cls) -> str:
        """The first line of the method's module: its idea."""
        import sys

        text = sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
        return text.strip().split("\n", 1)[0].rstrip(".")

    @classmethod
    def consumes(cls) -> tuple[type[Record], ...]:
        """The record kinds that it reads; empty means any."""
        return ()

    @classmethod
    def produces(cls) -> type[Record] | None:
        """The record kind that it makes, if it makes records."""
        return None

    @classmethod
    def verb(cls) -> str:
        """The name of the function that does the work."""
        return cls.kind

    @classmethod
    def serves(cls) -> tuple[Lifecycle, ...]:
        """The stages of a model's life that its records are for."""
        made = cls.produces()
        kinds = [record.kind for record in ((made,) if made else cls.consumes())]
        found = cls.lifecycle or [_SERVES[kind] for kind in kinds or _SERVES]
        return tuple(stage for stage in get_args(Lifecycle) if stage in found)

    @classmethod
    def needs(cls) -> tuple[Need, ...]:
        """What must be there for it to run: a teacher, an embedder, a sandbox, gradients."""
        verb = getattr(cls, cls.verb(), None)
        asked = {getattr(service, "__name__", "") for service in asked_of(verb).values()} if verb else set()
        found = {need for name, need in _NEEDS.items() if name in asked} | set(cls.also_needs)
        return tuple(need for need in get_args(Need) if need in found)

    def fingerprint(self) -> str:
        """Hash of slug, version and settings: what the work depends on besides its inputs."""
        settings = self.model_dump(mode="json", exclude=set(self.effort))
        return fingerprint_of([self.slug, self.version, settings])

    def as_applied(self) -> Mapping[str, Json]:
        """Its settings as they take effect; to be overridden where a default depends on another setting."""
        return self.model_dump(mode="json")

    @classmethod
    def input_paths(cls, *, benchmarks: bool = False) -> tuple[str, ...]:
        """The names of the settings that are paths of the project, or of those that are benchmarks."""
        return tuple(
            name
            for name, setting in cls.model_fields.items()
            if any(isinstance(mark, Input) and mark.is_benchmark >= benchmarks for mark in setting.metadata)
        )


_SERVES: Mapping[str, Lifecycle] = {"document": "pretrain", "instruction": "instruct", "preference": "preference"}
_NEEDS: Mapping[str, Need] = {
    Teacher.__name__: "teacher",
    Embedder.__name__: "embedder",
    "Readers": "teacher",
    "Sandbox": "sandbox",
    "Models": "training",
}


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


class _Whole(Method):
    """A method over whole batches, for the record kinds that it lists."""

    judges: ClassVar[tuple[type[Record], ...]] = (Document, Instruction, Preference)

    @classmethod
    def consumes(cls) -> tuple[type[Record], ...]:
        return cls.judges


class Filter(_Whole):
    """Declares signals and the rules over them. Signals are computed once per record, rules are queries.

    `signals` are SQL over the flat columns; `measure` is for what SQL is too slow for, vectorised over a batch. Both
    give columns that the rules may use. Signals must not depend on settings that only move a threshold.
    """

    kind: ClassVar[MethodKind] = "filter"
    family: ClassVar[Family] = "curation"

    @classmethod
    def verb(cls) -> str:
        return "measure"

    def signals(self) -> Signals:
        return {}

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array | pa.ChunkedArray]:
        """Signals that need more than SQL: columns of flat.num_rows values. A subclass may name services after `*`."""
        return {}

    def rules(self) -> Rules:
        raise NotImplementedError

    def signals_fingerprint(self) -> str:
        """Hash of what the signals depend on; settings that are only thresholds (`threshold_settings`) do not count."""
        kept = self.model_dump(mode="json", exclude=set(self.threshold_settings()))
        return fingerprint_of([self.slug, self.version, dict(self.signals()), kept])

    def threshold_settings(self) -> frozenset[str]:
        """The settings that only the rules read. Default: all, which is right where `measure` reads no setting."""
        return frozenset(type(self).model_fields)


class Deduplicator(_Whole):
    """Finds records that say the same.

    A subclass writes `def cluster(self, pool: pa.Table, /, *, <services>) -> pa.Table`; no service that asks a model at
    an endpoint. The pool has record_id, text, priority (the
    lowest of a cluster is the one to keep, ties by record_id). The result has one row for each row of the pool, in its
    order: record_id, cluster (the kept record's id), keep (bool), size (how many records the cluster has). The runner
    turns the keep policy into the priorities.
    """

    kind: ClassVar[MethodKind] = "dedup"
    family: ClassVar[Family] = "curation"

    keep: Literal["best_signal", "longest", "oldest", "source_priority"] = Field(
        "source_priority", description="Which record of a cluster stays; of equals the one of the lowest id."
    )
    signal: str = Field(
        "", description="With best_signal: the signal whose highest value stays, as in gopher_quality__words."
    )
    sources: tuple[str, ...] = Field(
        (), description="With source_priority: sources, those whose records stay first; others come after them."
    )
    date: str = Field("date", description="With oldest: the attribute of a record that holds its ISO date.")
    before_filters: bool = Field(
        False, description="Look at all records, also those that filters drop: how many are alike then says more."
    )

    def signature_settings(self) -> Mapping[str, Json] | None:
        """All that `signatures` depends on; None for a method that does not compare by signatures alone."""
        return None

    def signatures(self, texts: pa.ChunkedArray | pa.Array) -> np.ndarray:
        """Shape (parts, texts), 64-bit: texts of which a part agrees are duplicates. They are kept in an index."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _names_a_signal(self) -> Self:
        if (self.keep == "best_signal") != bool(self.signal):
            raise ValueError("'signal' names what 'keep: best_signal' compares; give both or neither")
        return self

    @classmethod
    def verb(cls) -> str:
        return "cluster"


class Selector(_Whole):
    """Chooses the records that are worth most, up to a budget.

    A subclass writes `def select(self, pool: pa.Table, /, *, <services>) -> pa.Table`; no service that asks a model at
    an endpoint. The pool has record_id, source, text, tokens, and of documents what `reads` names, sorted by
    record_id; attributes are JSON, cluster_size is how many records say the same, null where nobody looked. The result
    has a row for **every** record of the pool: record_id, score (float), rank (int, 0 is best), selected (bool), reason
    (string, null when selected).
    """

    kind: ClassVar[MethodKind] = "select"
    family: ClassVar[Family] = "curation"
    # more columns of the pool, the first two for documents only
    reads: ClassVar[tuple[Literal["url", "attributes", "cluster_size"], ...]] = ()

    def signals_read(self) -> tuple[str, ...]:
        """Signals of the mix's filters that it goes by, as in gopher_quality__words: more columns of the pool."""
        return ()


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights per domain that sum to 1, the tokens each domain gives, and how they were found."""

    weights: Mapping[str, float]
    tokens: Mapping[str, float]  # may exceed a domain's size: its records are then seen more than once
    how: str


DOMAINS = r"^(source|origin|cluster_size|[a-z][a-z0-9_]*__[a-z][a-z0-9_]*)$"  # what domains may be told by


class Mixer(Method):
    """Decides how much of each domain goes into the mix.

    A subclass writes `def mix(self, sizes: Mapping[str, int], /) -> Mixture`; sizes are tokens per domain. A record
    without a value of the signal that domains are told by is of the domain `none`. It may name services after `*`, none
    that asks a model at an endpoint. What `reads` names is given too, as a keyword with the default None: "removed" is
    domain -> the share that the filters dropped of those of its records which they judged, "texts" is domain -> the
    texts of its records, the best of the selection first.
    """

    kind: ClassVar[MethodKind] = "mix"
    family: ClassVar[Family] = "curation"
    reads: ClassVar[tuple[Literal["removed", "texts"], ...]] = ()

    by: str = Field(
        "source",
        pattern=DOMAINS,
        description="What a domain is: a source; the origin, real or synthetic; how many records say the same; or the "
        "values of a signal of the mix's filters, as in weborganizer__topic.",
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """Named numbers about a set of records, and optionally a histogram to draw: label -> value."""

    numbers: Mapping[str, float]
    histogram: Mapping[str, float] = field(default_factory=dict)


class Measure(_Whole):
    """Describes a set of records by numbers; decides nothing.

    A subclass writes `def measure(self, flat: pa.Table, /, *, <services>) -> Measurement`; no service that asks a model
    at an endpoint. The table has record_id and what `reads` names: words are the flat columns of the kind of record,
    for a sample of the records; without words it is shown the other columns of all of them.
    """

    kind: ClassVar[MethodKind] = "measure"
    family: ClassVar[Family] = "measurement"
    reads: ClassVar[tuple[Literal["words", "source", "lang", "attributes"], ...]] = ("words",)


class Guard(_Whole):
    """Looks for what must not be there. It stands under `guards` of a stage and runs in the check step of its asset.

    A subclass writes `def inspect(self, flat: pa.Table, /, *, <services>) -> Sequence[Found]`. The table has the flat
    columns of its kind of record, `beside` with the words that stand in none of them (calls of tools, names of
    speakers, a judge's reasons), and those of `GUARDED`. A critical finding closes the gate of the batch, one of
    severity quarantine holds its record back. Each name of `checks` is a check of the asset.
    """

    kind: ClassVar[MethodKind] = "guard"
    family: ClassVar[Family] = "governance"
    checks: ClassVar[Mapping[str, str]] = {}  # name -> what it looks for

    @classmethod
    def verb(cls) -> str:
        return "inspect"


class Trainer(_Whole):
    """Learns a small model from labelled texts; the artefact is kept in the lake by what it was learnt from.

    A subclass writes `def train(self, flat: pa.Table, /) -> bytes`, in a format that holds data only (never pickle).
    The table has text and label. It runs when a step asks for its model through the service `Models`.
    """

    kind: ClassVar[MethodKind] = "train"
    family: ClassVar[Family] = "training"
    also_needs: ClassVar[tuple[Need, ...]] = ("training",)


KINDS: dict[MethodKind, tuple[type[Method], ...]] = {
    "synthesize": (Synthesizer, PoolSynthesizer),
    "augment": (Augmenter,),
    "refine": (Refiner,),
    "filter": (Filter,),
    "dedup": (Deduplicator,),
    "select": (Selector,),
    "mix": (Mixer,),
    "measure": (Measure,),
    "guard": (Guard,),
    "train": (Trainer,),
}

ROW_KINDS: frozenset[MethodKind] = frozenset({"synthesize", "augment", "refine", "filter"})
"""What may be a step of a row stage; a mix takes filter, dedup, select, mix and measure, and both take guards."""

GUARDED = ("source", "license", "model_id", "method", "synthetic_depth", "human_share", "lang", "attributes", "url")
"""What a guard is shown of a record besides its words; `url` of documents only."""

__all__ = [
    "GUARDED",
    "KINDS",
    "ROW_KINDS",
    "Augmenter",
    "Deduplicator",
    "Drop",
    "Family",
    "Filter",
    "Found",
    "Guard",
    "InputPath",
    "LabelsPath",
    "Lifecycle",
    "Measure",
    "Measurement",
    "Method",
    "MethodKind",
    "Mixer",
    "Mixture",
    "Need",
    "PoolSynthesizer",
    "Proof",
    "ProofLevel",
    "Refiner",
    "Rules",
    "Selector",
    "Signals",
    "Synthesizer",
    "Trainer",
]
