"""Where an erasure has to go beside the tables: answers of teachers, pages for people, exports."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import yaml

from synth_dagster.exports.manifest import MANIFEST, manifest_from
from synth_dagster.exports.seal import OWN
from synth_dagster.governance.erase_dagster import Dagster
from synth_dagster.governance.erase_search import Objects, Place, Tables
from synth_dagster.lake.lake import Lake
from synth_dagster.storage import S3Options, open_store
from synth_dagster.teacher.cache import AnswerCache, vector_id

PAGES = ("previews/", "reports/")
PASSED_OVER = frozenset({".git", ".venv", "node_modules"})


@dataclass(frozen=True)
class Surroundings:
    """What stands beside a lake: the answers, and the folder of the project with its exports and Dagster's files."""

    answers: str | Path | None = field(default=None, repr=False)  # a URL may hold a password
    s3: S3Options | None = None
    project: Path | None = None
    dagster: Dagster | None = None

    @property
    def _is_remote(self) -> bool:
        return self.answers is not None and "://" in str(self.answers)

    def cache(self) -> AbstractContextManager[AnswerCache | None]:
        """The answers, wherever they are kept; None where nobody has kept any."""
        if self.answers is None or not (self._is_remote or Path(self.answers).is_file()):
            return nullcontext()
        return AnswerCache.open(self.answers, self.s3)

    def said(self) -> Iterator[tuple[bytes, str]]:
        """Every answer that is kept: its call and its text."""
        with self.cache() as cache:
            if cache is not None:
                yield from ((call, stored.text) for call, stored in cache.answers())

    def raise_fence(self, word: str) -> None:
        """From here on no answer is kept of a step that began before and is not waited for."""
        with self.cache() as cache:
            if cache is not None:
                asyncio.run(cache.raise_fence(word))

    def forget(self, keys: Sequence[bytes]) -> int:
        """Erase answers or embeddings; how many there were."""
        with self.cache() as cache:
            return asyncio.run(cache.forget(keys)) if cache is not None and keys else 0

    def vectors_of(self, lake: Lake, texts: Iterable[str]) -> list[bytes]:
        """The names of the embeddings that were made of these texts, by every model that was ever asked."""
        with self.cache() as cache:
            models = cache.embedded_by() if cache is not None else {}
            if cache is None or not models:  # then no text has to be looked at
                return []
            revisions = _revisions(lake)
            wanted = {vector_id(text, model, one) for text in texts for model in models for one in revisions}
            return sorted(asyncio.run(cache.vectors(wanted))) if wanted else []

    def vectors(self) -> int:
        """How many embeddings are kept."""
        with self.cache() as cache:
            return sum(cache.embedded_by().values()) if cache is not None else 0

    @cached_property
    def places(self) -> dict[str, Place]:
        """The places beside the lake that are searched, but for exports."""
        found = dict(self.dagster.places) if self.dagster is not None else {}
        scheme = str(self.answers).partition("://")[0] if self._is_remote else ""
        if scheme == "s3":
            store = open_store(str(self.answers), self.s3)
            return {"answers": Objects(store), "answers on this machine": store.derived} | found
        if scheme:
            from synth_dagster.storage.postgres import schema_at
            from synth_dagster.teacher.caches.postgres import ANSWERS

            return {"answers": Tables(schema_at(str(self.answers), ANSWERS))} | found
        return ({"answers": Path(self.answers)} if self.answers and Path(self.answers).is_file() else {}) | found

    def unsearched(self) -> list[str]:
        """What no search of ours reaches."""
        told = [
            "the deliveries themselves, where they came from",
            "copies that people or other programs made, backups and exports outside the project among them",
            "what the providers of teachers keep of what they were asked",
        ]
        if str(self.answers).startswith("s3://"):
            told.append("copies of answers on other machines, which go when they next open the cache")
        if any(isinstance(place, Tables) for place in self.places.values()):
            told.append("the write-ahead log of the database server, which its operator keeps as long as he has said")
        return told + (list(self.dagster.unsearched) if self.dagster is not None else [])


def _revisions(lake: Lake) -> set[str | None]:
    """Those of models that any recipe of the lake has ever named."""
    found: set[str | None] = {None}
    for row in lake.meta.database.rows("select text from recipes"):
        teachers = (yaml.safe_load(row["text"]) or {}).get("teachers") or {}
        found |= {role.get("revision") for role in teachers.values() if isinstance(role, dict)}
    return found


def pages_to_remove(lake: Lake, batches: Iterable[tuple[str, str]], releases: Iterable[tuple[str, str]]) -> list[str]:
    """Previews of any version of these batches, which show records and what they were made from, and reports."""
    held = {*batches, *releases}
    rows = lake.meta.database.rows("select candidate_id, dataset, batch from candidates")
    versions = {row["candidate_id"] for row in rows if (row["dataset"], row["batch"]) in held}
    reports = {f"reports/{dataset}/{release}" for dataset, release in releases}
    found: list[str] = []
    for entry in (entry for prefix in PAGES for entry in lake.store.entries(prefix)):
        is_of_version = any(part in versions for part in PurePosixPath(entry.name).stem.split("-"))
        if is_of_version or entry.name.removesuffix(".html").removesuffix(".md") in reports:
            found.append(entry.name)
    return found


def exports_of(project: Path | None, releases: Iterable[tuple[str, str]]) -> list[Path]:
    """The folders under a project that hold an export of one of these releases."""
    held = set(releases)
    if project is None or not held:
        return []
    found: list[Path] = []
    for path in project.rglob(MANIFEST):
        if PASSED_OVER.isdisjoint(path.parts) and path.is_file():
            manifest = manifest_from(path.read_bytes())
            if manifest is not None and (manifest.dataset, manifest.release) in held:
                found.append(path.parent)
    return sorted(found)


def remove_export(folder: Path) -> list[str]:
    """Remove what an export of ours wrote, and nothing that others put beside it. Its manifest goes last."""
    manifest = manifest_from((folder / MANIFEST).read_bytes())
    names = [*(manifest.files if manifest else ()), *sorted(OWN - {MANIFEST}), MANIFEST]
    for name in names:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(inner.iterdir()):
            inner.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
    return names
