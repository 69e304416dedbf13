"""The kinds of method that take whole batches as they are: they choose, weigh, count, guard, and learn from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.method.base import Family, Method, MethodKind, Need
from synth_dagster.records import Document, Instruction, Json, Preference, Record, fingerprint_of

Signals: TypeAlias = Mapping[str, str]
"""Column -> SQL over the flat columns of a record kind (`record_tables.FLAT`); a signal may name an earlier one.

A name that begins with `_` is a working value for later signals: it is not kept, and rules do not see it. A filter of
several kinds may name `record_kind` and the columns of all of them; those of other kinds are NULL.
"""

Rules: TypeAlias = Mapping[str, str]
"""Reason -> SQL predicate over the signals, true for a record to drop. NULL drops too, as `<reason>:no_value`."""

GUARDED = ("source", "license", "model_id", "method", "synthetic_depth", "human_share", "lang", "attributes", "url")
"""What a guard is shown of a record besides its words; `url` of documents only."""


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
