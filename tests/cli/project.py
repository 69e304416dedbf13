"""A small project of its own, made as a user makes it, and commands run on it as processes or in this one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from synth_dagster.cli import main

ROOT = Path(__file__).parents[2]
OURS = (
    *("SYNTH_ENV", "SYNTH_LAKE", "SYNTH_METADATA", "SYNTH_ANSWERS", "SYNTH_INBOX", "SYNTH_MODEL", "SYNTH_PROJECT"),
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "DAGSTER_HOME", "SYNTH_SIGNING_KEY"),
)

# Longer than any terminal is wide, and not in ASCII: what a table or JSON must carry as it is.
TEXT = """
The lighthouse of Corran is used to guide ships around the cape at night. When the lamp of the lighthouse goes out, the
keeper lights a fire of dry wood on the cape.

The Café Zürich on the market square is known as the oldest coffee house of the valley. When the café closes in winter,
its baker Łukasz sells bread in the hall of 東京散歩.

The orchard of Pell is used for growing apples that keep well. If the harvest of the orchard is large, the guild of
coopers presses the juice [of the first day] in October.

The library of the valley is used to store four thousand books. If a reader loses a book of the library, the reading
room sends a bill to the guild of weavers.
"""
LINES = tuple(" ".join(line.split()) for line in TEXT.split("\n\n"))
RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
  judge: {use: embedded}
stages:
  seed_corpus: [pii]
  generated_instructions: [grounded_qa]
  preference_pairs: [ultrafeedback]
  filtered_mix:
    of: preference_pairs
    filters: [answer_rules]
expect: {min_keep_rate: 0.01, max_reject_rate: 0.9}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Place:
    """A project's folder with the environment that its commands get: nothing of this machine's settings."""

    root: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from synth_dagster.cli import main; main()", *arguments]

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **more}

    def synth(self, *arguments: str, cwd: Path | None = None, **env: str) -> Done:
        """The command in a process of its own, with nobody at a terminal."""
        done = subprocess.run(
            self.command(*arguments), cwd=cwd or self.root, env=self.env(**env), capture_output=True, check=False
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *arguments: str, cwd: Path | None = None, **env: str) -> Done:
        """The command in this process: as `synth`, without the seconds that a new one takes to begin."""
        out, err = StringIO(), StringIO()
        with _as_a_process_of_its_own(cwd or self.root, self.env(**env)), redirect_stdout(out), redirect_stderr(err):
            sys.argv = ["synth", *arguments]
            try:
                main()
            except SystemExit as end:
                code = end.code
        return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.env(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # what a terminal sends its signals to
            # who was started with SIGINT ignored, as in the background of a script, passes that on
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no thread runs yet
        )

    def deliver(self, lines: Sequence[str]) -> None:
        folder = self.root / "inbox/notes"
        folder.mkdir(parents=True, exist_ok=True)
        rows = [json.dumps({"id": f"n{number}", "text": line}) for number, line in enumerate(lines)]
        (folder / "a.jsonl").write_text("\n".join([*rows, "{this is no JSON"]) + "\n", encoding="utf-8")


@contextmanager
def _as_a_process_of_its_own(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """What a command changes of its process is put back: arguments, variables, folder, and the project's modules."""
    before = sys.argv, sys.path[:], sys.modules.get("definitions"), dict(os.environ), Path.cwd()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        sys.argv, sys.path[:], definitions, variables, here = before
        sys.modules.pop("definitions", None)
        if definitions is not None:
            sys.modules["definitions"] = definitions
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(here)


def new_place(root: Path) -> Place:
    """A project made by `synth new`, with the small recipe as its only one, and a first delivery."""
    place = Place(root)
    done = place.call("new", str(root), cwd=root.parent)
    assert done.code == 0, done.err
    for recipe in (root / "recipes").glob("*.yaml"):
        recipe.unlink()
    (root / "recipes/tiny.yaml").write_text(RECIPE, encoding="utf-8")
    place.deliver(LINES[:3])
    return place
