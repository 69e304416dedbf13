"""HTML: the main text of a page as markdown, without menus and footers, and what the page says about itself."""

import codecs
import logging
import re
from collections.abc import Mapping
from typing import Any

from synth_dagster.readers.base import Delivery, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.markdown import Parsed
from synth_dagster.readers.formats.rows import not_utf8
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.readers.formats.text import one_item

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]+)", re.IGNORECASE)
_HEAD = 4096  # a page says its encoding in the first kilobyte; some in the first few
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_COMMONS = re.compile(
    r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/([1-4]\.\d)(?:/(?:deed|legalcode).*|/?)$"
)
_DEDICATION = re.compile(r"creativecommons\.org/publicdomain/(zero|mark)/1\.0")
_SPDX = re.compile(r"spdx\.org/licenses/([A-Za-z0-9.+-]+?)(?:\.html)?/?$")
_NAMED = "//head//meta[@name='license' or @name='dcterms.license' or @name='dc.rights.license']/@content"
_LINKED = ("//link[{}]/@href", "//a[{}]/@href")
_IS_LICENSE = "contains(concat(' ', normalize-space(@rel), ' '), ' license ')"


def read_html(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A page as one item: its main text (of a very short page all text), title, address, language and licence."""

    def understood(data: bytes) -> Parsed:
        return page(_decoded(data, said=settings.encoding is not None))

    yield one_item(file, settings.max_page_bytes, "max_page_bytes", understood)


def page(text: str) -> Parsed:
    """What a page says. Raises Flaw where there is no main text."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # its warnings would hold pieces of the page
    tree = trafilatura.load_html(text)
    if tree is None:
        raise Flaw("not_html", "It is no page of HTML. Name it .txt if it is text.")
    license_url = _license_url(tree)
    said = Parsed(
        text="",
        title=_first(tree, "//meta[@property='og:title']/@content", "//head/title/text()", "//h1//text()"),
        url=_first(tree, "//link[@rel='canonical']/@href", "//meta[@property='og:url']/@content"),
        license=spdx_of(license_url) if license_url else None,
        lang=_language(tree),
        attributes={"license_url": license_url} if license_url else {},
    )
    body = trafilatura.extract(tree, output_format="markdown", include_comments=False, include_tables=True)
    if not body:
        raise Flaw(
            "no_main_text", "The page has menus and the like, but no main text. Deliver the text itself as .txt."
        )
    return Parsed(body, said.title, said.url, said.license, said.lang, said.attributes)


def spdx_of(url: str) -> str | None:
    """The SPDX name of a licence that an address names, or None: ported licences have terms of their own."""
    commons, dedication, spdx = _COMMONS.search(url), _DEDICATION.search(url), _SPDX.search(url)
    if commons:
        return f"CC-{commons.group(1).upper()}-{commons.group(2)}"
    if dedication:
        return "CC0-1.0" if dedication.group(1) == "zero" else "CC-PDM-1.0"
    return spdx.group(1) if spdx else None


def _license_url(tree: Any) -> str | None:
    """The licence of the page: as its head says, or as all its links to licences say with one voice."""
    for path in (_LINKED[0].format(_IS_LICENSE), _NAMED, _LINKED[1].format(_IS_LICENSE)):
        found = {str(url).strip() for url in tree.xpath(path)} - {""}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _language(tree: Any) -> str | None:
    """The language as the page declares it, in the form that records have, or None."""
    said = str(tree.get("lang") or "").strip()
    language, _, rest = said.partition("-")
    tag = "-".join(part for part in (language.lower(), rest) if part)
    return tag if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) else None


def _first(tree: Any, *paths: str) -> str | None:
    texts = (" ".join(str(found).split()) for path in paths for found in tree.xpath(path))
    return next((text for text in texts if text), None)


def _decoded(data: bytes, *, said: bool) -> str:
    """The page as text: as the recipe says, else as the page says, else as UTF-8."""
    encoding = "utf-8-sig" if said else _encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, "file") from None


def _encoding_of(data: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    declared = _CHARSET.search(data[:_HEAD])
    if marked or not declared:
        return marked or "utf-8-sig"
    try:
        name = codecs.lookup(declared.group(1).decode("ascii")).name
    except LookupError:
        return "utf-8-sig"
    # browsers read Latin-1 as what Windows makes of it, and UTF-16 that could be searched for its name as UTF-8
    return {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, "utf-8-sig" if name.startswith("utf-16") else name)
