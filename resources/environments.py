"""Where everything stands, by the name in SYNTH_ENV: local, ci or team.

local   a lake folder in the project, the embedded teacher unless a real one is allowed (the default)
ci      the same in a folder of its own, so that tests never touch what a person made
team    a lake that several machines share, its metadata and Dagster's storage on Postgres (docs/team.md)

In each of them SYNTH_LAKE, SYNTH_METADATA, SYNTH_ANSWERS and SYNTH_INBOX move the lake, its metadata, the teacher's
answers and the inbox; in `team` the first two have no default. SYNTH_PRICES names a price file; without it the
project's own `prices.json` counts, where there is one. SYNTH_SANDBOX names the isolation in which code that a model
wrote is run (docs/sandbox.md). Commands that only read ask where the lake is, so Dagster is
imported by those that need it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from resources.buckets import s3_options
from synth_dagster.errors import ExitCode, SynthError, UnknownName
from synth_dagster.readers.places import INBOX, Places
from synth_dagster.storage import Store, is_bucket, open_store

if TYPE_CHECKING:
    from resources.teachers import Gateway
    from synth_dagster.lake.lake import Lake
    from synth_dagster.runner.context import Progress

LAKES = {"local": "lake", "ci": ".ci-lake", "team": None}
TEAM = {
    "SYNTH_LAKE": "the lake: s3://BUCKET/PREFIX, or a folder that all machines share",
    "SYNTH_METADATA": "the lake's metadata: postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME",
    "SYNTH_DAGSTER_STORAGE": "Dagster's runs and events: postgresql+psycopg2://USER:PASSWORD@HOST:PORT/DATABASE",
    "DAGSTER_HOME": "a folder with Dagster's configuration for teams, as deploy/team of the project",
}
ANSWERS = "answers.sqlite"
PRICES = "prices.json"


class BadEnvironment(SynthError):
    """A variable is missing or says what cannot be."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a project's data stands, and what its assets get."""

    name: str
    root: Path
    lake: str | Path  # a folder, or s3://bucket/prefix
    inbox: Path
    cache: str | Path = field(repr=False)  # the teacher's answers: a file of this machine, or a URL
    metadata: str | None = field(default=None, repr=False)  # a URL may hold a password; None is the lake's own file
    env: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    prices: Path | None = None  # what tokens cost, where a person knows better than what is shipped

    @property
    def places(self) -> Places:
        """Where the paths of the project's recipes lie."""
        return Places(
            self.root, None if self.inbox == self.root / INBOX else self.inbox, self.open_bucket, self.env.get
        )

    def open_bucket(self, url: str) -> Store:
        """A place in a bucket, reached as the variables say."""
        return open_store(url, s3_options(self.env))

    def open_lake(self) -> "Lake":
        """The lake, for use outside of a run."""
        from synth_dagster.lake.lake import Lake

        options = s3_options(self.env) if is_bucket(self.lake) else None
        return Lake.open(self.lake, metadata=self.metadata, s3=options)

    def resources(self, progress: "Progress | None" = None) -> dict[str, object]:
        """The resources by the names that assets ask for."""
        from resources.engine import engine_of
        from resources.lake import LakeResource, without_secret
        from resources.progress import LoggedProgress
        from resources.teachers import TeachersResource

        return {
            "lake": LakeResource(
                root=str(self.lake), metadata=self.metadata and without_secret("SYNTH_METADATA", self.metadata)
            ),
            "teachers": TeachersResource(
                cache=without_secret("SYNTH_ANSWERS", str(self.cache)), prices=str(self.prices) if self.prices else None
            ),
            "engine": engine_of(self.env, bucket=is_bucket(self.lake)),
            "progress": progress or LoggedProgress(),
        }

    def gateway(self, env: Mapping[str, str]) -> "Gateway":
        """The teachers for use outside of a run."""
        from resources.teachers import Gateway

        return Gateway(self.cache, env, self.prices)


def environment(root: Path, env: Mapping[str, str]) -> Environment:
    """The environment that the variables name. Raises UnknownName for another, BadEnvironment for a bad variable."""
    name = env.get("SYNTH_ENV") or "local"
    if name not in LAKES:
        raise UnknownName("environment", name, LAKES, "Set SYNTH_ENV to one of them, or unset it.")
    if name == "team":
        _check_team(env)
    home = root.absolute()
    lake = _place(home, env.get("SYNTH_LAKE") or LAKES[name] or "")
    # SQLite needs a local disk, which a lake that is shared is not
    beside = ANSWERS if name == "team" or isinstance(lake, str) else str(lake / "cache.sqlite")
    metadata = env.get("SYNTH_METADATA")
    return Environment(
        name=name,
        root=home,
        lake=lake,
        inbox=_folder(home, "SYNTH_INBOX", env.get("SYNTH_INBOX") or INBOX, "Name one, or read a bucket as a source."),
        cache=_answers(home, env.get("SYNTH_ANSWERS") or beside),
        metadata=str(_place(home, metadata)) if metadata else None,
        env=env,
        prices=_prices(home, env.get("SYNTH_PRICES")),
    )


def _answers(root: Path, given: str) -> str | Path:
    """A file, or an address that answers can be kept at."""
    if "://" in given and not given.startswith(("postgresql://", "postgres://", "s3://")):
        raise BadEnvironment(  # what came may hold a password
            f"SYNTH_ANSWERS is a {given.partition('://')[0]}:// address. Name a file on a disk of this machine, "
            "postgresql://USER@HOST:PORT/DATABASE?schema=NAME or s3://BUCKET/PREFIX."
        )
    return _place(root, given)


def _prices(root: Path, given: str | None) -> Path | None:
    """The price file that is named, which has to be there, else the project's own where it has one."""
    if given:
        return _folder(root, "SYNTH_PRICES", given, "Name a price file, as docs/budget.md shows it.")
    return root / PRICES if (root / PRICES).is_file() else None


def _check_team(env: Mapping[str, str]) -> None:
    missing = [f"{name} ({what})" for name, what in TEAM.items() if not env.get(name)]
    if missing:
        raise BadEnvironment(
            f"SYNTH_ENV is team, and {len(missing)} of its variables are not set: {'; '.join(missing)}. "
            "docs/team.md shows how to set it up."
        )
    if "://" not in env["SYNTH_METADATA"]:
        raise BadEnvironment(
            "SYNTH_ENV is team, and SYNTH_METADATA is a file. Machines cannot share one: name a Postgres database."
        )
    # SQLAlchemy 2.1 takes psycopg 3 for postgresql://, and with it Dagster 1.13.27 cannot write an event
    if not env["SYNTH_DAGSTER_STORAGE"].startswith("postgresql+psycopg2://"):
        raise BadEnvironment(
            "SYNTH_DAGSTER_STORAGE has to begin with postgresql+psycopg2://, which names the driver that Dagster's "
            "storage works with. The rest is as in any address of Postgres."
        )


def _place(root: Path, given: str) -> str | Path:
    """A URL as it is, a path from the project's folder."""
    return given if "://" in given else root / Path(given).expanduser()


def _folder(root: Path, variable: str, given: str, cure: str) -> Path:
    place = _place(root, given)
    if isinstance(place, str):
        raise BadEnvironment(f"{variable} is {given}, which is no path of this machine. {cure}")
    return place
