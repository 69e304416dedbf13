"""The embedded teacher in a process of its own, so that it computes beside its callers instead of between them.

The child serves until its standard input ends. That happens when `stop` closes it and when the parent dies, however it
dies: no server is left behind.
"""

import subprocess
import sys
from contextlib import suppress
from typing import Self

from synth_dagster.errors import TeacherError

_FAREWELL = 5.0  # seconds until a child that does not end by itself is killed


class TeacherProcess:
    """A running child that serves on loopback."""

    def __init__(self, process: subprocess.Popen[str], base_url: str) -> None:
        self._process, self.base_url = process, base_url

    @classmethod
    def start(cls) -> Self:
        """Start a child on a free port and wait until it listens. Raises TeacherError when it does not."""
        process = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-m", "synth_dagster.teacher.embedded.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, which stops the child when its calls have ended
        )
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        if not base_url:
            process.wait()
            raise TeacherError(
                f"The embedded teacher did not start (exit code {process.returncode}). 'synth teacher serve' shows why."
            )
        return cls(process, base_url)

    def stop(self) -> None:
        """End the child and wait for it. May be called twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def is_running(self) -> bool:
        return self._process.poll() is None


def main() -> None:
    """Serve until standard input ends; the first line of standard output is the address."""
    from synth_dagster.teacher.embedded.server import EmbeddedTeacher

    with EmbeddedTeacher.serve() as server, suppress(BrokenPipeError):  # the parent was killed before it heard
        print(server.base_url, flush=True)  # noqa: T201  # this is how the parent learns the address
        sys.stdin.read()


if __name__ == "__main__":
    main()
