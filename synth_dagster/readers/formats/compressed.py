"""Files in .gz and .zst, opened as what is in them: decompressed as they are read, and never without end.

A byte of the content can only be reached by decompressing all before it. A bomb, a small file that becomes an endless
one, is refused where it has become too many times its size; memory is bounded in any case.
"""

import gzip
from collections.abc import Callable, Mapping
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from synth_dagster.readers.base import Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.settings import MIB
from synth_dagster.readers.formats.stream import BLOCK, stream_of

FREE = 64 * MIB  # as much may always come out: a few kilobytes of equal lines are no bomb
NextBlock: TypeAlias = Callable[[], bytes]


def decompressed(file: File, compression: str, max_expansion: int, offset: int = 0) -> BinaryIO:
    """The content of a compressed file from a byte of the content on. Reading raises Flaw where it is broken."""
    source = file.open(0)
    blocks = COMPRESSIONS[compression](source)
    return stream_of(_bounded(_whole(blocks), source, max_expansion), source, offset)


def _whole(next_block: NextBlock) -> NextBlock:
    def checked() -> bytes:
        try:
            return next_block()
        except (OSError, EOFError, ValueError) as error:
            if getattr(error, "errno", None):  # the disk, not the content
                raise
            said = str(error).strip(" .") or "The compressed data are broken"
            raise Flaw("broken_compression", f"{said}. Compress it again, or deliver it anew.") from None

    return checked


def _bounded(next_block: NextBlock, source: BinaryIO, max_expansion: int) -> NextBlock:
    produced = 0

    def counted() -> bytes:
        nonlocal produced
        block = next_block()
        produced += len(block)
        if produced > FREE + max_expansion * source.tell():
            raise Flaw(
                "expands_too_far",
                f"It becomes more than {max_expansion} times its size, as files made to fill a disk do. "
                "Raise max_expansion if it is right, or deliver it without compression.",
            )
        return block

    return counted


def _gzip_blocks(source: BinaryIO) -> NextBlock:
    """`read1` gives what there is before a broken place, which `read` throws away."""
    content = gzip.GzipFile(fileobj=source)
    return lambda: content.read1(BLOCK)


def _zstd_blocks(source: BinaryIO) -> NextBlock:
    content = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd")
    return lambda: content.read(BLOCK)


COMPRESSIONS: Mapping[str, Callable[[BinaryIO], NextBlock]] = {".gz": _gzip_blocks, ".zst": _zstd_blocks}
