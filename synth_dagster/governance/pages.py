"""Where a browser finds the lake's pages: previews and reports, which `synth ui` serves on loopback.

A page of Dagster's UI may not open a file of this machine, so a link to a page is an address of that small server.
SYNTH_PAGES moves it, or names a server of a team's own that shows the same two folders of the lake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from synth_dagster.errors import SynthError

FOLDERS = ("previews", "reports")
DEFAULT = "http://127.0.0.1:3070"


@dataclass(frozen=True, slots=True)
class Pages:
    """The address under which the folders `previews` and `reports` of the lake are shown."""

    base: str = DEFAULT

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Pages":
        """What SYNTH_PAGES says. Raises SynthError for what is no address."""
        given = (env.get("SYNTH_PAGES") or DEFAULT).rstrip("/")
        try:
            parts = urlsplit(given)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise SynthError(f"SYNTH_PAGES is {given!r} and must be an address such as {DEFAULT}. Correct or unset it.")
        return cls(given)

    def address(self, link: str) -> str:
        """The address of a page, from where it stands: a path or an s3 URL of the lake."""
        for folder in FOLDERS:
            _, mark, name = link.rpartition(f"/{folder}/")
            if mark:
                return f"{self.base}/{folder}/{quote(name)}"
        raise ValueError(f"{link} is no page of a lake.")
