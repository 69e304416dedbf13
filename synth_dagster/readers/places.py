"""Where the paths of a recipe lie: in the project's folder, but `inbox/...` in the inbox, which a deployment may move.

A file keeps its name when the inbox moves: `inbox/notes/a.txt` is the same record wherever the inbox stands.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from synth_dagster.storage import Store, open_store

INBOX = "inbox"


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of a project, its inbox where that stands elsewhere, the way to its buckets, and its variables."""

    root: Path
    moved_inbox: Path | None = None
    open_bucket: Callable[[str], Store] = field(default=open_store, repr=False, compare=False)
    variable: Callable[[str], str | None] = field(default=os.environ.get, repr=False, compare=False)

    @property
    def inbox(self) -> Path:
        """The folder that `inbox/` of a recipe means."""
        return self.moved_inbox or self.root / INBOX

    def home_of(self, path: str) -> tuple[Path, str, str]:
        """The folder that a path of a recipe may not leave, the path inside it, and how names in it begin."""
        parts = PurePosixPath(path).parts
        if self.moved_inbox is None or parts[:1] != (INBOX,):
            return self.root, path, ""
        return self.moved_inbox, str(PurePosixPath(*parts[1:])), f"{INBOX}/"
