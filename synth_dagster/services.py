"""What a method may ask for: Protocols, so that a method knows neither endpoints nor tables nor machines.

A method names a service in the signature of its verb. A parameter of type `Teacher` is filled with the recipe's role of
that name (`writer`, `judge`, ...); `teacher` means `writer`.
"""

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, PrivateAttr

from synth_dagster.prompt import Prompt
from synth_dagster.records import Json, Record


@dataclass(frozen=True, slots=True)
class Call:
    """Which answer was used: the provenance that a record keeps."""

    call_id: bytes
    model_id: str
    prompt_hash: str | None = None


_recorders: ContextVar[tuple[list[bytes], ...]] = ContextVar("recorders", default=())


@contextmanager
def recording() -> Iterator[list[bytes]]:
    """The ids of all calls used inside the block, by this task and those that it starts.

    The list is complete, sorted and without repetition when the block ends: arrival order would not be the same twice.
    """
    calls: list[bytes] = []
    token = _recorders.set((*_recorders.get(), calls))
    try:
        yield calls
    finally:
        _recorders.reset(token)
        calls[:] = sorted(set(calls))


def record(call_id: bytes) -> None:
    """Notes a call for every block that is recording: whoever answers does this."""
    for calls in _recorders.get():
        calls.append(call_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """A teacher's plain text. `finish_reason` is OpenAI's: stop, length, content_filter."""

    text: str
    finish_reason: str
    call: Call
    tokens_in: int = 0
    tokens_out: int = 0
    top_logprobs: Mapping[str, float] = field(default_factory=dict)  # of the first token; empty where none were given


class Reply(BaseModel):
    """Base of the models that a teacher's structured answer is parsed into; field descriptions reach the teacher."""

    _call: Call | None = PrivateAttr(default=None)

    @property
    def call(self) -> Call | None:
        return self._call

    def answered_by(self, call: Call) -> None:
        self._call = call


class Unusable(Exception):
    """An answer that cannot be used: not parsed, refused, or cut. The runner makes it a reject row."""

    def __init__(self, reason: str, raw: str, call: Call | None = None, *, why: str = "") -> None:
        """`why` tells the teacher what is wrong with its answer."""
        super().__init__(reason)
        self.reason, self.raw, self.call, self.why = reason, raw, call, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a teacher is asked to write; every field is part of the cache key."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 2_048
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0  # how many of the likeliest first tokens are told, each with its log-probability


R = TypeVar("R", bound=Reply)


class Teacher(Protocol):
    """One role of the recipe: a model, or a pool of models, behind an OpenAI-compatible endpoint."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models of this role, at least one; the first answers unless another is named."""
        ...

    async def tell(
        self,
        prompt: Prompt,
        /,
        *,
        sampling: Sampling = Sampling(),
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> Answer:
        """The teacher's text. `sample` numbers independent answers to one request.

        Raises Unusable when the answer was refused or empty. A cut answer is returned with finish_reason 'length'.
        """
        ...

    async def ask(
        self,
        prompt: Prompt,
        /,
        *,
        into: type[R],
        sampling: Sampling = Sampling(),
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> R:
        """The teacher's answer as `into`, with its `call`. Raises Unusable when refused, cut or not parsable."""
        ...


class Embedder(Protocol):
    """Texts to vectors: those of a model at an endpoint, or lexical ones where there is none."""

    @property
    def model(self) -> str:
        """Whose vectors they are; empty where they are learnt from the texts of a call, and nothing of them is kept."""
        ...

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (len(texts), dimensions), float32, rows of unit length.

        Hand over in one call all texts that are to be compared: without a model, directions are learnt from them.
        """
        ...


class Vectors(Protocol):
    """The vectors that the step `embed` has asked the role `embedder` for: they are looked up, and nobody is asked."""

    @property
    def model(self) -> str:
        """Whose vectors they are: the model's name, and its revision where it has one."""
        ...

    def of(self, texts: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Shape (len(texts), dimensions), float32, rows of unit length; a row of nan for a text that has none.

        Where no text has one, it has one dimension. Raises SynthError for vectors of several lengths.
        """
        ...


class References(Protocol):
    """Texts that stand outside the lake, such as benchmarks to keep out of training data."""

    def texts(self, path: str) -> Sequence[str]:
        """The user turns found under a path of the project, in file order."""
        ...

    def files(self, path: str) -> Mapping[str, Sequence[str]]:
        """The same texts by the name of their file."""
        ...

    def answers(self, path: str) -> Mapping[str, Sequence[str]]:
        """For each of `files` the answer to each text, empty where the file says none."""
        ...

    def rows(self, path: str) -> Sequence[Mapping[str, object]]:
        """The lines of the JSON files under a path of the project, in file order."""
        ...


class Ancestors(Protocol):
    """The records that those which are judged or inspected were made from."""

    def generations(self) -> Iterable[pa.Table]:
        """record_id, text, source, lang, synthetic_depth, method, parents (ids), and heirs: the judged records that it
        stands behind.

        A table is of one batch, and comes before those of its parents; a record may come again with other heirs.
        """
        ...

    def delivered(self) -> pa.Table:
        """source, lang and synthetic_depth of all that was read for the same batches, whatever became of it."""
        ...


class NoAncestors:
    """Of records of which nothing was made from others."""

    def generations(self) -> Iterable[pa.Table]:
        return ()

    def delivered(self) -> pa.Table:
        return pa.table({"source": pa.array([], pa.string()), "lang": pa.array([], pa.string())})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program or a query may use. Processor time decides, not the clock: a busy machine drops no more."""

    cpu_s: int = 5
    wall_s: float = 60.0
    memory_mb: int = 512
    disk_mb: int = 16  # of one file, and of all files together
    output_kb: int = 64
    rows: int = 1_000  # of a query's result


Ending: TypeAlias = Literal["finished", "failed", "time", "memory", "output", "killed"]
"""failed is an exception, an exit code or a query that is refused; killed is a crash; the others name a limit."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and what it printed, cut at the limit."""

    ending: Ending
    output: str = ""
    errors: str = ""

    @property
    def error(self) -> str:
        """The name of the exception that ended it, such as SyntaxError; empty where none did."""
        last = next((line for line in reversed(self.errors.splitlines()) if line.strip()), "")
        name = last.partition(":")[0].strip()
        return name if self.ending == "failed" and name.replace(".", "").isidentifier() else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A small table by value: names of columns, and rows of JSON values in their order."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Json]]


@dataclass(frozen=True, slots=True)
class Queried:
    """How a query ended, and its result where it finished."""

    ending: Ending
    table: Table | None = None
    errors: str = ""


class Models(Protocol):
    """Small models that are learnt from labelled texts of the project when they are first needed, and then kept."""

    def examples(self, path: str, *, label: str | None = None) -> pa.Table:
        """Columns text and label of the files under a path. Raises SynthError where no text has the label asked for."""
        ...

    def rows(self, path: str) -> Sequence[Mapping[str, Any]]:
        """The objects of the .jsonl files under a path, in file and line order."""
        ...

    def trained(self, slug: str, settings: Mapping[str, Any], examples: pa.Table) -> bytes:
        """What the trainer of that name learns from these texts and labels."""
        ...


class Readers(Protocol):
    """The steps of the recipe that will have a model read the records that a step leaves, one record at a time."""

    @property
    def steps(self) -> Sequence[str]:
        """What they are called, in the order of the recipe: `generated_instructions/grounded_qa`."""
        ...

    async def read(self, step: str, record: Record, watched: Callable[[Teacher], Teacher], /) -> None:
        """Lets a step work on a record as it will, with its own settings, prompts and roles; what it makes is thrown
        away. Each of its teachers is handed to it as `watched` returns it."""
        ...


class Corpus(Protocol):
    """What a step compares the records of its batch with: what its stage reads, of all accepted batches.

    It is for finding out which of its own records are meant. What others say must not enter what is made: a record
    would rest on a parent of another batch.
    """

    def parts(self) -> Iterable[pa.Table]:
        """record_id and text, a table for each batch in the order of their names; the step's own is among them."""
        ...

    @property
    def vectors(self) -> Vectors:
        """Those that the step `embed` of the stage above has asked for."""
        ...

    def once(self, what: str, look: Callable[[], pa.Table]) -> pa.Table:
        """What a look at all of it gives, kept for the other batches. `what` names all that it depends on besides."""
        ...


class Sandbox(Protocol):
    """Runs what a model wrote, in a separate process that reaches nothing: no network, no files of the machine, no
    other process. Raises SandboxRefused where the machine offers no isolation, unless a person allowed that."""

    @property
    def isolation(self) -> str:
        """What stands between a program and the machine: namespaces, landlock, or none."""
        ...

    async def run(self, program: str, /, *, limits: Limits = Limits()) -> Ran:
        """A Python program with the standard library, one process and one thread; the same program ends the same."""
        ...

    async def query(self, statement: str, /, *, tables: Mapping[str, Table], limits: Limits = Limits()) -> Queried:
        """One SELECT, in DuckDB's SQL, over these tables."""
        ...


def asked_of(verb: Callable[..., object]) -> dict[str, object]:
    """What a verb names after `*`: parameter -> annotation. One with a default is a fact that it can do without."""
    named = [p for p in inspect.signature(verb).parameters.values() if p.kind is p.KEYWORD_ONLY]
    asked = [p.name for p in named if p.default is p.empty]
    try:
        hints = typing.get_type_hints(verb)
    except NameError:  # an annotation that is only imported for the type checker cannot be a service
        hints = getattr(verb, "__annotations__", {})
    return {name: hints.get(name) for name in asked}


def role_of(parameter: str) -> str:
    """The role that answers a parameter of type Teacher: `teacher` is the writer, any other is called like its role."""
    return "writer" if parameter == "teacher" else parameter


@dataclass(frozen=True, slots=True)
class Drop:
    """What a verb returns instead of records: why this input gives nothing."""

    reason: str
    detail: str = ""
    raw: str = ""
    call: Call | None = None
    calls: Sequence[bytes] = ()  # what a round says that it rests on


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: counts, and ids to look at, never text."""

    rule: str
    passed: bool
    counts: Mapping[str, float] = field(default_factory=dict)
    examples: Sequence[bytes] = ()
    severity: str = "critical"  # critical gates, warning informs


Severity: TypeAlias = Literal["info", "warning", "quarantine", "critical"]
"""info says what was measured, warning informs, quarantine holds the record back, critical closes the gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that a guard found: in which record, what and where; never the text itself.

    A finding about all records together has no record. `column` is a flat column, `start` and `end` are characters.
    """

    check: str  # one of the guard's `checks`
    kind: str
    severity: Severity
    record_id: bytes | None = None
    column: str = ""
    start: int | None = None
    end: int | None = None
    score: float | None = None
    note: str = ""
