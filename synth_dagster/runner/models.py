"""Small models on demand: learnt when a step first asks for one, and kept in the lake by what they were learnt from."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from synth_dagster import catalog
from synth_dagster.errors import MethodError, SynthError, no_such
from synth_dagster.method import Trainer
from synth_dagster.readers.labelled import read_labelled, read_rows, table_digest
from synth_dagster.records import Json, canonical_json
from synth_dagster.storage import Store
from synth_dagster.storage.base import NotThere

FOLDER = "models"  # of the lake; no dataset may be called so


class TrainedModels:
    """The models of a project. Without a lake they are learnt for this process only."""

    def __init__(self, root: Path, shelf: Store | None) -> None:
        self._root, self._shelf = root, shelf

    def examples(self, path: str, *, label: str | None = None) -> pa.Table:
        table = read_labelled(self._root, path)
        labels = sorted(set(table["label"].to_pylist()))
        if label is not None and label not in labels:
            raise SynthError(no_such("label", label, labels, f"'{path}' has texts of {', '.join(labels[:10])}."))
        return table

    def rows(self, path: str) -> Sequence[Mapping[str, Json]]:
        return read_rows(self._root, path)

    def trained(self, slug: str, settings: Mapping[str, Json], examples: pa.Table) -> bytes:
        trainer = catalog.method(slug).model_validate(dict(settings))
        if not isinstance(trainer, Trainer):
            raise MethodError(f"'{slug}' is a method of kind {trainer.kind} and trains nothing. Name one that does.")
        name = f"{FOLDER}/{slug}-{_key(trainer, examples)}.model"
        return Shelf(self._shelf).kept_or_made(name, lambda: trainer.train(examples))  # type: ignore[attr-defined]  # the verb of the kind


class Shelf:
    """What is worked out once and kept in the lake, by a name that says from what; without a lake, for this process."""

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def kept_or_made(self, name: str, make: Callable[[], bytes]) -> bytes:
        return self._kept(name) or self._made(name, make)

    def _kept(self, name: str) -> bytes | None:
        if self._store is None:
            return _in_process.get(name)
        try:
            return _checked(self._store.read(name))
        except NotThere:
            return None

    def _made(self, name: str, make: Callable[[], bytes]) -> bytes:
        made = make()
        if self._store is None:
            _in_process[name] = made
        elif not self._store.create(name, _sealed(made)):
            return self._kept(name) or self._replaced(name, made)  # another run was first: all use what it has made
        return made

    def _replaced(self, name: str, made: bytes) -> bytes:
        """What is kept and has broken bytes is made anew."""
        assert self._store is not None
        sealed = _sealed(made)
        self._store.write(name, lambda file: file.write(sealed), needed=len(sealed))
        return made


_in_process: dict[str, bytes] = {}


def _key(trainer: Trainer, examples: pa.Table) -> str:
    return hashlib.sha256(canonical_json([trainer.fingerprint(), table_digest(examples)]).encode()).hexdigest()[:32]


def _sealed(made: bytes) -> bytes:
    """With its hash at the end, so that a cut or altered file is seen."""
    return made + hashlib.sha256(made).digest()


def _checked(kept: bytes) -> bytes | None:
    made, seal = kept[:-32], kept[-32:]
    return made if hashlib.sha256(made).digest() == seal else None
