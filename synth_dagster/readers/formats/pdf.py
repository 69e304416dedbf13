"""PDF: the text of all pages. A scan has none, and says so."""

import io
import logging
from collections.abc import Mapping
from typing import Any

from synth_dagster.readers.base import Delivery, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.markdown import Parsed
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.readers.formats.text import one_item

_SCANNED = "It has pages and no text, as scans have. Recognise its text (OCR) and deliver that."
_PROTECTED = "It is protected by a password. Deliver it without one."
_BROKEN = "It is broken, or made in a way that is not understood. Open it, and save or print it as a new PDF."


def read_pdf(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A PDF as one item: its pages with an empty line between them, and its title."""
    yield one_item(file, settings.max_file_bytes, "max_file_bytes", document)


def document(data: bytes) -> Parsed:
    """The text of a PDF. Raises Flaw."""
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings would hold pieces of the file
    try:
        return _read(data)
    except Flaw:
        raise
    except (DependencyError, FileNotDecryptedError):
        raise Flaw("protected_pdf", _PROTECTED) from None
    except LimitReachedError:
        raise Flaw("expands_too_far", "A part of it becomes far too large. Save or print it as a new PDF.") from None
    except Exception:  # noqa: BLE001 - pypdf raises whatever the broken place of a file leads to
        raise Flaw("broken_pdf", _BROKEN) from None


def _read(data: bytes) -> Parsed:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):  # many have an owner's password only, and open without one
        raise Flaw("protected_pdf", _PROTECTED)
    pages = [_clean(page.extract_text()) for page in reader.pages]
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise Flaw("no_text", _SCANNED if pages else "It has no pages. Deliver it again, or remove it.")
    title = reader.metadata.title if reader.metadata else None
    return Parsed(text, title=_clean(title or "") or None, lang=None, attributes={"pages": len(pages)})


def _clean(text: str) -> str:
    """Without the marks of glyphs that have no character: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8").strip()
