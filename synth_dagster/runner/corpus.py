"""Gives a step that compares its batch with the whole corpus the accepted records of all batches: `services.Corpus`.

A run takes down which versions are accepted when it begins, makes its batch in view of these, and says so among the
inputs (`lake.corpus_state`). What is found is kept in the lake by question and state, so that one batch looks and the
others look it up; it is ids and numbers and no text, and what was found in an earlier state goes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.corpus_state import FOUND, forget_found, held_of, name_of, state_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe.reading import reads_corpus
from synth_dagster.record_tables import to_table
from synth_dagster.records import Record, RecordKind, digest
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.vectors import NoVectors, known_vectors
from synth_dagster.scale.signals import flatten
from synth_dagster.services import Vectors
from synth_dagster.storage import NotThere, Store

_WORDS = pa.schema([("record_id", pa.binary()), ("text", pa.string())])


@dataclass(frozen=True)
class CorpusView:
    """The accepted versions of a stage at one moment."""

    lake: Lake
    dataset: str
    stage: str
    kind: RecordKind
    versions: Mapping[str, Candidate]
    away: Mapping[str, Mapping[bytes, str]]  # batch -> what is held back of it

    @classmethod
    def of(cls, context: RunContext, stage: str) -> "CorpusView | None":
        """What a stage is made in view of; None for one whose steps look at their own batch alone."""
        asked = context.recipe.stage(stage)
        if not reads_corpus(asked) or asked.reads is None:
            return None
        lake, dataset = context.lake, context.recipe.dataset
        versions = lake.accepted_all(dataset, asked.reads)
        kind = context.recipe.stage(asked.reads).record_kind
        return cls(lake, dataset, asked.reads, kind, versions, held_of(lake, versions))

    @property
    def state(self) -> str:
        return state_of({batch: version.data_version for batch, version in self.versions.items()}, self.away)

    @property
    def input(self) -> dict[str, str]:
        """What a version that was made in view of it says among its inputs."""
        return {name_of(self.stage): self.state}

    @contextmanager
    def opened(self, context: RunContext) -> "Iterator[LakeCorpus]":
        with known_vectors(context, self.stage, [*self.versions.values()]) as vectors:
            yield LakeCorpus(self, vectors)


@dataclass(frozen=True)
class LakeCorpus:
    """`services.Corpus` of what is accepted."""

    view: CorpusView
    vectors: Vectors

    def parts(self) -> Iterator[pa.Table]:
        for batch, version in sorted(self.view.versions.items()):
            rows = self.view.lake.candidate_table(version)
            away = pa.array(list(self.view.away.get(batch, ())), pa.binary())
            told = pc.invert(pc.is_in(rows["record_id"], value_set=away))  # type: ignore[attr-defined]
            yield _words(rows.filter(pc.and_(told, pc.equal(rows["status"], "current"))), self.view.kind)  # type: ignore[attr-defined]

    def once(self, what: str, look: Callable[[], pa.Table]) -> pa.Table:
        store, view = self.view.lake.store, self.view
        question = f"{digest(view.dataset, view.stage, what).hex()}-"
        name = f"{FOUND}/{question}{view.state}.parquet"
        known = _read(store, name)
        if known is None:
            known = look()
            forget_found(store, question)
            store.create(name, _as_parquet(known))  # where another run was first, it has found the same
        return known


@dataclass(frozen=True)
class Records:
    """`services.Corpus` of records that are in memory, by batch: of a chain by itself, or of a plan."""

    batches: Mapping[str, Sequence[Record]]
    vectors: Vectors = field(default_factory=NoVectors)
    found: dict[str, pa.Table] | None = None  # what was looked for before, where the same are looked at again

    def parts(self) -> Iterator[pa.Table]:
        for _, records in sorted(self.batches.items()):
            if records:
                yield _words(to_table(records, records[0].kind), records[0].kind)

    def once(self, what: str, look: Callable[[], pa.Table]) -> pa.Table:
        if self.found is None:
            return look()
        if what not in self.found:
            self.found[what] = look()
        return self.found[what]


def _words(rows: pa.Table, kind: RecordKind) -> pa.Table:
    return flatten(rows, kind).select(_WORDS.names).cast(_WORDS)


def _as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _read(store: Store, name: str) -> pa.Table | None:
    """What is kept; None where nothing is, or what is there is broken."""
    try:
        return pq.read_table(pa.BufferReader(store.read(name)))
    except (NotThere, pa.ArrowInvalid):
        return None
