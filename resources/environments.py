"""Which machines answer, by the name in SYNTH_ENV: local or ci.

local   a lake folder in the project, the embedded teacher unless a real one is allowed (the default)
ci      the same in a folder of its own, so that tests never touch what a person made

SYNTH_LAKE and SYNTH_INBOX move the lake and the inbox. Commands that only read ask where the lake is, so Dagster is
imported by those that need it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from resources.buckets import s3_options
from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.readers.places import INBOX, Places
from synth_dagster.storage import Store, open_store

if TYPE_CHECKING:
    from resources.teachers import Gateway
    from synth_dagster.runner.context import Progress


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a project's data stands, and what its assets get."""

    name: str
    root: Path
    lake: Path
    inbox: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def places(self) -> Places:
        """Where the paths of the project's recipes lie."""
        return Places(
            self.root, None if self.inbox == self.root / INBOX else self.inbox, self.open_bucket, self.env.get
        )

    def open_bucket(self, url: str) -> Store:
        """A place in a bucket, reached as the variables say."""
        return open_store(url, s3_options(self.env))

    @property
    def cache(self) -> Path:
        return self.lake / "cache.sqlite"

    def resources(self, progress: "Progress | None" = None) -> dict[str, object]:
        """The resources by the names that assets ask for."""
        from resources.lake import LakeResource
        from resources.progress import LoggedProgress
        from resources.teachers import TeachersResource

        return {
            "lake": LakeResource(root=str(self.lake)),
            "teachers": TeachersResource(cache=str(self.cache)),
            "progress": progress or LoggedProgress(),
        }

    def gateway(self, env: Mapping[str, str]) -> "Gateway":
        """The teachers for use outside of a run."""
        from resources.teachers import Gateway

        return Gateway(self.cache, env)


FOLDERS = {"local": "lake", "ci": ".ci-lake"}


def environment(root: Path, env: Mapping[str, str]) -> Environment:
    """The environment that the variables name. Raises UnknownName for another name, SynthError for a bad place."""
    name = env.get("SYNTH_ENV") or "local"
    if name not in FOLDERS:
        raise UnknownName("environment", name, FOLDERS, "Set SYNTH_ENV to one of them, or unset it.")
    home = root.absolute()
    return Environment(name, home, home / (env.get("SYNTH_LAKE") or FOLDERS[name]), _inbox(home, env), env)


def _inbox(root: Path, env: Mapping[str, str]) -> Path:
    given = env.get("SYNTH_INBOX") or INBOX
    if "://" in given:
        raise SynthError(
            f"SYNTH_INBOX is {given}, and an inbox is a folder. Name one, or read a bucket with a source of its own: "
            "{reader: s3}."
        )
    return root / Path(given).expanduser()
