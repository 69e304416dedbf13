"""The seals of releases: which manifest belongs to a release, by its hash, and who signed it. Set once."""

import time
from dataclasses import dataclass

from synth_dagster.lake.database import Database


@dataclass(frozen=True, slots=True)
class Seal:
    """The SHA-256 of a release's manifest, and the key that signed it; empty where nobody did."""

    manifest: str
    signed_by: str = ""


class Seals:
    """The seals of one lake."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, dataset: str, release: str) -> Seal | None:
        """The seal of a release; None where it has none yet."""
        named = (dataset, release)
        row = self._database.row("select * from seals where dataset = ? and release = ?", named)
        return Seal(row["manifest"], row["signed_by"]) if row else None

    def add(self, dataset: str, release: str, seal: Seal) -> None:
        """Seal a release. The first seal stays."""
        self._database.write(
            "insert into seals values (?, ?, ?, ?, ?) on conflict do nothing",
            (dataset, release, seal.manifest, seal.signed_by, time.time()),
        )
