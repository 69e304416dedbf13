"""What every method is: a frozen pydantic model with one verb, which says what it reads, makes and needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from synth_dagster.records import Json, Record, fingerprint_of
from synth_dagster.services import Embedder, Teacher, asked_of

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
