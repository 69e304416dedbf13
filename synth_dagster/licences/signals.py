"""What web sites said about training on their texts, each on the day when somebody looked it up.

Nothing is fetched here. Whoever crawls keeps robots.txt, ai.txt, tdmrep.json, headers, C2PA manifests and terms of
service as they were, by day and host: `2026-03-01/example.org/robots.txt`. The newest day of a host says what consent a
record has; what nobody looked up is no consent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from synth_dagster.errors import SynthError
from synth_dagster.licences.agents import agents_date
from synth_dagster.licences.snapshots import Snapshot

VERSION = "4"  # of how files of sites are read: another reading makes the corpus anew


def reading() -> str:
    """What the reading of signals depends on besides their files."""
    return f"{VERSION} {agents_date()}"


@dataclass(frozen=True)
class Signals:
    """The snapshots of a folder: host -> those that were kept of it, the oldest day first."""

    hosts: Mapping[str, Sequence[Snapshot]]

    @classmethod
    def read(cls, folder: Path) -> "Signals":
        """Raises SynthError for a folder that is not there, or holds something else than days."""
        hosts: dict[str, list[Snapshot]] = {}
        for day in _days(folder):
            for host in sorted(path for path in (folder / day).iterdir() if path.is_dir()):
                hosts.setdefault(host.name.casefold(), []).append(Snapshot(host.name.casefold(), day, host))
        return cls(hosts)

    @property
    def days(self) -> list[str]:
        """Every day on which some host was looked up, the first one first."""
        return sorted({one.day for snapshots in self.hosts.values() for one in snapshots})

    def newest(self, host: str, day: str | None = None) -> Snapshot | None:
        """The newest snapshot of a host, up to a day; `www.` before its name does not count."""
        found = self.hosts.get(host) or self.hosts.get(host.removeprefix("www.")) or ()
        return next((one for one in reversed(found) if day is None or one.day <= day), None)

    def consent(self, url: str | None) -> str:
        """What is known about consent to the text at that address; empty for a text that has none."""
        parts = urlsplit(url or "")
        host = (parts.hostname or "").casefold()
        if not host:
            return ""
        snapshot = self.newest(host)
        return snapshot.said(parts.path or "/", parts.query) if snapshot else f"not looked up: {host}"


def _days(folder: Path) -> list[str]:
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        for name in names:
            date.fromisoformat(name)
    except (OSError, ValueError) as error:
        raise SynthError(
            f"The folder of signals {folder.name} cannot be used: {error}. It holds a folder for each day on which "
            "they were fetched, such as 2026-03-01, and in it one for each host with its robots.txt, ai.txt, "
            "tdmrep.json, headers.txt, index.html, c2pa.json or terms*.html."
        ) from None
    return names
