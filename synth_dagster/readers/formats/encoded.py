"""Files in another encoding, opened as UTF-8. What is no text in the encoding becomes no UTF-8, so that it is found."""

import codecs
from typing import BinaryIO

from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.stream import BLOCK, stream_of

_FLAWED = "synth_dagster.flawed"


def in_utf8(file: File, encoding: str, offset: int = 0) -> BinaryIO:
    """The content of a file from a byte of its UTF-8 on."""
    source = file.open(0)
    decoder = codecs.getincrementaldecoder(encoding)(_FLAWED)

    def next_block() -> bytes:
        text, ended = "", False
        while not text and not ended:  # the first byte of a character alone makes no text
            encoded = source.read(BLOCK)
            ended = not encoded
            text = decoder.decode(encoded, ended)
        return text.encode("utf-8", "surrogateescape")

    return stream_of(next_block, source, offset)


def _as_no_text(error: UnicodeError) -> tuple[str, int]:
    """A broken byte becomes one that UTF-8 never has."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(_FLAWED, _as_no_text)
