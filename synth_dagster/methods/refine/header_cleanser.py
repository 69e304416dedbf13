"""Takes licence and copyright comments off the head of source files: the same few texts in front of millions of them.

Paper: arXiv:2409.18164 (Data Prep Kit, its transform of this name, which asks ScanCode for the licence). Here a comment
before the first line of code goes when it speaks of licence or copyright; other comments, a first line for the shell
and the encoding stay. What the licence is has to be known before: `license` of the source says it.
"""

import re
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.records import Document

_LEGAL = re.compile(r"licen[cs]e|copyright|\(c\)\s*\d{4}|©|SPDX-|all rights reserved", re.IGNORECASE)
_STAYS = re.compile(r"#!|.*coding[:=]")
_BLOCKS = (("/*", "*/"), ("<!--", "-->"), ('"""', '"""'), ("'''", "'''"), ("{-", "-}"), ("(*", "*)"))
_LINES = (r"#(?![a-z!])", "//", "--", ";", "%")  # "#include" is code


class HeaderCleanser(Refiner[Document]):
    """A file without its legal comments; one that has none stays as it is."""

    paper = "arXiv:2409.18164"
    proof = Proof("interpretation", "Headers of ten forms of comment go, what stands below and other comments stay.")
    topics: ClassVar[tuple[str, ...]] = ("source code", "licence header", "copyright")

    longest: int = Field(100, ge=1, description="Lines of a comment that may go; a longer one is no header.")

    async def refine(self, record: Document, /) -> Document:
        cleaned = self.cleaned(record.body)
        return record if cleaned == record.body else record.but(body=cleaned)

    def cleaned(self, text: str) -> str:
        """The text without the legal comments before its first line of code."""
        lines = text.splitlines(keepends=True)
        at = 0
        while at < len(lines) and (not lines[at].strip() or _STAYS.match(lines[at].lstrip("\ufeff"))):
            at += 1
        kept = lines[:at]
        while at < len(lines) and (end := _comment_end(lines, at)):
            comment = lines[at:end]
            if end - at > self.longest or not _LEGAL.search("".join(comment)):
                kept += comment
            at = end
            while at < len(lines) and not lines[at].strip():
                kept += lines[at : at + 1] if kept and kept[-1].strip() else []
                at += 1
        left = "".join(kept + lines[at:])
        return left if left.strip() else text  # a file that is nothing but its licence


def _comment_end(lines: list[str], at: int) -> int:
    """Behind the comment that begins at a line; 0 where none begins, it does not end, or code follows on its line."""
    first = lines[at].lstrip("\ufeff").strip()
    for begin, close in _BLOCKS:
        if first.startswith(begin):
            return _block_end(lines, at, begin, close)
    mark = next((one for one in _LINES if re.match(one, first)), None)
    if mark is None:
        return 0
    end = at
    while end < len(lines) and re.match(mark, lines[end].strip()):
        end += 1
    return end


def _block_end(lines: list[str], at: int, begin: str, close: str) -> int:
    for place in range(at, len(lines)):
        line = lines[place].strip()
        inside = line[len(begin) :] if place == at else line
        if close in inside:
            return place + 1 if not inside.rpartition(close)[2].strip() else 0
    return 0
