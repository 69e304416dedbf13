"""Gives a method's verb the services that its signature names."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from synth_dagster.errors import MethodError
from synth_dagster.method import Method
from synth_dagster.readers.texts import (
    FileStamp,
    answers_by_file,
    file_stamps,
    read_rows,
    read_texts,
    texts_by_file,
)
from synth_dagster.runner.context import OpenTeachers
from synth_dagster.runner.models import TrainedModels
from synth_dagster.runner.vectors import NoVectors
from synth_dagster.services import (
    Ancestors,
    Corpus,
    Embedder,
    Models,
    NoAncestors,
    Readers,
    References,
    Sandbox,
    Teacher,
    Vectors,
    asked_of,
    role_of,
)
from synth_dagster.storage import Store


class ProjectReferences:
    """Reference texts from files of the project."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def texts(self, path: str) -> Sequence[str]:
        return _texts(self._root, path, file_stamps(self._root, path))

    def files(self, path: str) -> Mapping[str, Sequence[str]]:
        return texts_by_file(self._root, path)

    def answers(self, path: str) -> Mapping[str, Sequence[str]]:
        return answers_by_file(self._root, path)

    def rows(self, path: str) -> Sequence[Mapping[str, object]]:
        return read_rows(self._root, path)


@lru_cache(maxsize=2)  # each batch asks, and lists of domains have hundreds of MB; what has changed is read again
def _texts(root: Path, path: str, stamps: tuple[FileStamp, ...]) -> Sequence[str]:
    return tuple(read_texts(root, path))


_BESIDE_TEACHERS = (Readers, References, Sandbox, Ancestors, Models, Vectors, Corpus)


def wanted(verb: Callable[..., object]) -> dict[str, object]:
    """The services that a verb names after `*`: parameter -> type. Raises MethodError for a service nobody offers."""
    found = asked_of(verb)
    for name, service in found.items():
        if service not in (Teacher, Embedder, *_BESIDE_TEACHERS):
            raise MethodError(
                f"{verb.__qualname__} asks for '{name}', which no service answers. "
                "Annotate it as Teacher, Embedder, Readers, References, Sandbox, Ancestors, Models, Vectors or Corpus."
            )
    return found


def services_for(
    method: Method,
    teachers: OpenTeachers | None,
    root: Path,
    sandbox: Sandbox | None = None,
    ancestors: Ancestors | None = None,
    shelf: Store | None = None,
    readers: Readers | None = None,
    vectors: Vectors | None = None,
    corpus: Corpus | None = None,
) -> dict[str, object]:
    """What to call a method's verb with. `teachers` and `sandbox` may be None for a method that asks for none.

    Without `ancestors` records have none: in a chain they are still being made. Models are kept on the shelf, the files
    of the lake; without one, in memory. Readers and corpus are those of a step of a row stage. Without `vectors` no
    text has one.
    """
    offered: dict[object, object] = {
        Ancestors: ancestors or NoAncestors(),
        References: ProjectReferences(root),
        Models: TrainedModels(root, shelf),
        Vectors: vectors or NoVectors(),
    }
    offered |= {Readers: readers} if readers is not None else {}
    offered |= {Corpus: corpus} if corpus is not None else {}
    return {
        name: offered[service] if service in offered else _answer(name, service, teachers, sandbox)
        for name, service in wanted(_verb(method)).items()
    }


def asks_for(method: Method, service: type) -> bool:
    """Whether a method's verb names a service."""
    return service in wanted(_verb(method)).values() if hasattr(method, method.verb()) else False


def needs_teacher(methods: Sequence[Method]) -> bool:
    """Whether any of the methods talks to a model."""
    return any(
        service in (Teacher, Embedder, Readers) for method in methods for service in wanted(_verb(method)).values()
    )


def _verb(method: Method) -> Callable[..., object]:
    try:
        return getattr(method, method.verb())
    except AttributeError:
        raise MethodError(f"'{method.slug}' has no '{method.verb()}', the verb of its kind. Write it.") from None


def _answer(name: str, service: object, teachers: OpenTeachers | None, sandbox: Sandbox | None) -> object:
    if service is Sandbox:
        if sandbox is None:
            raise MethodError(f"'{name}' is a sandbox, and only the steps of row stages run code in one.")
        return sandbox
    if service is Corpus:
        raise MethodError(f"'{name}' is the corpus of a stage, and only the steps of row stages read one.")
    if service is Readers:
        raise MethodError(
            f"'{name}' are the steps that read what a step leaves, and only steps of row stages have any."
        )
    if teachers is None:
        raise MethodError(f"'{name}' needs a teacher, and this step runs without one.")
    return teachers.embedder if service is Embedder else teachers[role_of(name)]
