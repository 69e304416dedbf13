"""Small models on demand: learnt when a step first asks for one, and kept in the lake by what they were learnt from."""

import hashlib
from collections.abc import Mapping, Sequence
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
        return self._kept(name) or self._made(name, trainer, examples)

    def _kept(self, name: str) -> bytes | None:
        if self._shelf is None:
            return _in_process.get(name)
        try:
            return _checked(self._shelf.read(name))
        except NotThere:
            return None

    def _made(self, name: str, trainer: Trainer, examples: pa.Table) -> bytes:
        made: bytes = trainer.train(examples)  # type: ignore[attr-defined]  # the verb of the kind
        if self._shelf is None:
            _in_process[name] = made
        elif not self._shelf.create(name, _sealed(made)):
            return self._kept(name) or self._replaced(name, made)  # another run was first: all use its model
        return made

    def _replaced(self, name: str, made: bytes) -> bytes:
        """A kept model whose bytes are broken is made anew."""
        assert self._shelf is not None
        sealed = _sealed(made)
        self._shelf.write(name, lambda file: file.write(sealed), needed=len(sealed))
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
