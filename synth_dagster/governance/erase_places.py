"""Where an erasure has to go beside the tables: answers of teachers, pages for people, exports."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa

from synth_dagster.exports.manifest import MANIFEST, manifest_from
from synth_dagster.exports.seal import OWN
from synth_dagster.lake.lake import Lake
from synth_dagster.storage import S3Options
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.caches.rows import CALL, stored_of

PAGES = ("previews/", "reports/")
PASSED_OVER = frozenset({".git", ".venv", "node_modules"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside a lake: the answers, and the folder of the project with its exports and Dagster's files."""

    answers: str | Path | None = field(default=None, repr=False)  # a URL may hold a password
    s3: S3Options | None = None
    project: Path | None = None
    dagster: Path | None = None

    @property
    def answer_file(self) -> Path | None:
        """The file of the answers, if it is one and is there."""
        path = None if self.answers is None or "://" in str(self.answers) else Path(self.answers)
        return path if path is not None and path.is_file() else None

    def said(self) -> Iterator[tuple[bytes, str]]:
        """Every answer that a file keeps: its call and its text."""
        if self.answer_file is None:
            return
        with closing(sqlite3.connect(f"file:{self.answer_file}?mode=ro", uri=True)) as connection:
            for row in connection.execute(f"select {CALL} from calls"):
                yield bytes(row[0]), stored_of(row).text

    def forget(self, calls: Sequence[bytes]) -> int:
        """Erase answers, wherever they are kept; how many there were."""
        if self.answers is None or not calls or ("://" not in str(self.answers) and self.answer_file is None):
            return 0
        with AnswerCache.open(self.answers, self.s3) as cache:
            return asyncio.run(cache.forget(calls))

    def unsearched(self) -> list[str]:
        """What no search of ours reaches."""
        told = [
            "the deliveries themselves, where they came from",
            "copies that people or other programs made, backups and exports outside the project among them",
            "what the providers of teachers keep of what they were asked",
        ]
        if self.answers is not None and "://" in str(self.answers):
            told.append(
                "the answers of teachers in a database or a bucket: their calls were erased there, and not searched"
            )
        if self.answer_file is not None:
            with closing(sqlite3.connect(f"file:{self.answer_file}?mode=ro", uri=True)) as connection:
                (vectors,) = connection.execute("select count(*) from vectors").fetchone()
            if vectors:
                told.append(f"{vectors:,} embeddings among the answers: a vector does not tell its text, and they stay")
        return told


def without_answers(surroundings: Surroundings, calls: pa.Array) -> Iterator[str]:
    """The texts of the answers of these calls."""
    wanted = set(calls.to_pylist())
    return (text for call, text in surroundings.said() if call in wanted)


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
