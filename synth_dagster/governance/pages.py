"""Where a browser finds the lake: its pages, which are previews and reports, and the explorer.

A page of Dagster's UI may not open a file of this machine, so a link to a page is an address of the explorer, which
`synth ui` and `synth explore` serve on loopback. SYNTH_PAGES moves it, or names a server of a team's own that shows the
two folders of the lake; SYNTH_EXPLORE says where the explorer is, if it is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from synth_dagster.errors import SynthError

FOLDERS = ("previews", "reports")
DEFAULT = "http://127.0.0.1:3070"
HERE = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Pages:
    """The address under which the folders `previews` and `reports` of the lake are shown, and that of the explorer."""

    base: str = DEFAULT
    explorer: str | None = DEFAULT  # None where nobody has said where it is

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Pages":
        """What SYNTH_PAGES and SYNTH_EXPLORE say. Raises SynthError for what is no address."""
        base = _address("SYNTH_PAGES", env.get("SYNTH_PAGES") or DEFAULT)
        given = env.get("SYNTH_EXPLORE")
        return cls(base, _address("SYNTH_EXPLORE", given) if given else base if is_here(base) else None)

    def address(self, link: str) -> str:
        """The address of a page, from where it stands: a path or an s3 URL of the lake."""
        for folder in FOLDERS:
            _, mark, name = link.rpartition(f"/{folder}/")
            if mark:
                return f"{self.base}/{folder}/{quote(name)}"
        raise ValueError(f"{link} is no page of a lake.")

    def release(self, dataset: str, release: str) -> str | None:
        """Where the explorer shows a release."""
        return self.explorer and f"{self.explorer}/release/{quote(dataset, safe='')}/{quote(release, safe='')}"

    def batch(self, dataset: str, stage: str, batch: str) -> str | None:
        """Where the explorer shows the records of a batch."""
        words = urlencode({"dataset": dataset, "stage": stage, "batch": batch})
        return self.explorer and f"{self.explorer}/search?{words}"


def is_here(address: str) -> bool:
    """Whether an address is one that we serve: plain HTTP on this machine."""
    parts = urlsplit(address)
    return parts.hostname in HERE and parts.scheme == "http"


def _address(variable: str, given: str) -> str:
    address = given.rstrip("/")
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise SynthError(f"{variable} is {address!r} and must be an address such as {DEFAULT}. Correct or unset it.")
    return address
