"""The pages of the documentation as programs: what a reader is told to type is typed, in the order of the page.

A fence says what it is by its language: `sh` is typed, `yaml`, `python`, `markdown`, `json`, `csv` and the like are
files or excerpts, `text` is what a command prints. An HTML comment on the line before it says more, and readers do not
see it:

    file: PATH       the fence is the content of that file, written when a reader would write it
    run in: checkout the page is about a clone of the project; without it, about what `synth new` makes
    exits: N         the last command ends with that code
    run by: PATH     another test does it
    not run: WHY     nobody can do it here, such as ask a paid endpoint
    example: WHAT    a copy of a file, which another test compares
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"(?:^<!-- (?P<note>[a-z ]+): (?P<value>[^\n]*?) -->\n)?^```(?P<language>[a-z]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Fence:
    """One fenced block with the note that stands before it."""

    language: str
    body: str
    note: str
    value: str

    def script(self) -> str:
        """What a reader does at this place, as lines of a shell."""
        if self.note == "file":
            folder, ended = Path(self.value).parent, "END OF FILE"
            return f"mkdir -p '{folder}'\ncat > '{self.value}' <<'{ended}'\n{self.body}{ended}\n"
        if self.language != "sh" or self.note in ("run by", "not run"):
            return ""
        if self.note == "exits":
            return f"set +e\n(\nset -e\n{self.body})\n[ $? = {self.value} ] || exit 99\nset -e\n"
        return self.body


def pages() -> list[Path]:
    """Every page that people read; decisions and the changelog are about the past."""
    docs = (page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "decisions")
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(docs)]


def fences(page: Path) -> Iterator[Fence]:
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield Fence(found["language"], found["body"], found["note"] or "", found["value"] or "")


def script(page: Path) -> str:
    """A page as one shell script that ends at the first thing that does not work."""
    return "".join(fence.script() for fence in fences(page))


def spans(page: Path) -> Iterator[str]:
    """What stands in backticks within the prose and tables of a page."""
    yield from SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
