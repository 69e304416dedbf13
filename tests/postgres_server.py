"""A Postgres server of a test's own: Debian's programs, a folder under the temporary one, a free port on loopback.

Postgres refuses to run as root, so as root it runs as `nobody`. tests/conftest.py offers `postgres`, started once for
the tests that ask for it, and `schema`, the address of a new schema in it, to every test.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

PASSWORD = "only-of-this-test"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def programs() -> Path | None:
    """Where the newest installed server keeps its programs, which Debian leaves out of PATH."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found = shutil.which("initdb")
    return max(folders, key=lambda folder: int(folder.parent.name), default=Path(found).parent if found else None)


class PostgresServer:
    """One server with the user `postgres` and a password."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.bin, self.folder, self.port = programs, folder, _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """The files of a new server."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        _own(self.folder, password)
        command = [self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "--pwfile", password]
        more = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*command, *more], check=True, **_unprivileged(), **QUIET)  # pyright: ignore[reportArgumentType]

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = ["fsync=off", "listen_addresses=127.0.0.1", "shared_buffers=16MB", "unix_socket_directories="]
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        self._process = subprocess.Popen(
            [*command, *(part for setting in settings for part in ("-c", setting))], **_unprivileged(), **QUIET
        )
        until = time.monotonic() + 60
        ready = [self.bin / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False, **QUIET).returncode:
            assert self._process.poll() is None and time.monotonic() < until, "Postgres did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it at once: its clients lose their connections, what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def url(self, database: str = "postgres", *, user: str = f"postgres:{PASSWORD}", **query: str) -> str:
        """An address as SYNTH_METADATA takes it."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}" + (f"?{asked}" if asked else "")

    def run(self, sql: str, database: str = "postgres") -> list[Any]:
        """What the server answers its owner."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(sql)  # pyright: ignore[reportArgumentType]
            return found.fetchall() if found.description else []


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server, gone without a trace afterwards. Skips the test where Postgres is not installed."""
    found = programs()
    if found is None:
        pytest.skip("Postgres is not installed (Debian's package is `postgresql`)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra is `postgres`)")
    folder = Path(tempfile.mkdtemp(prefix="synth-postgres-"))  # not pytest's: another user cannot enter that
    server = PostgresServer(found, folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that tests share: each keeps to a schema or database of its own, and none stops it."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def schema(postgres) -> str:
    """The address of a schema that nobody else uses."""
    return postgres.url(schema=f"test_{uuid4().hex}")


def _unprivileged() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _own(*paths: Path) -> None:
    if os.geteuid() == 0:
        someone = pwd.getpwnam("nobody")
        for path in paths:
            os.chown(path, someone.pw_uid, someone.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
