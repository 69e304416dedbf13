"""Makes text of pages of HTML in which formulas stay as TeX and code stays code: what RedStone's domains rest on.

Paper: arXiv:2412.03398 (RedStone), which encodes formulas and code before a page is made text and decodes them after.
For documents whose text is raw HTML, such as a column of a table or lines of JSON; a page that is delivered as .html
has been made text already. `attributes["redstone"]` counts the formulas and blocks of code.
"""

import re
from typing import ClassVar

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.text.html_formulas import text_of
from synth_dagster.records import Document
from synth_dagster.services import Drop

_HTML = re.compile(r"<(?:!doctype|html|head|body|div|p|article|table|h[1-6]|span)\b", re.IGNORECASE)


class RedstoneExtract(Refiner[Document]):
    """A page as text, or a drop where it has none; a document that is no HTML stays as it is."""

    paper = "arXiv:2412.03398"
    proof = Proof(
        "planted signal",
        "Formulas of six forms of markup and code with its line breaks stand in the text; without, the extractor drops "
        "them.",
    )
    topics: ClassVar[tuple[str, ...]] = ("RedStone", "HTML", "MathJax", "MathML", "LaTeX", "code")

    async def refine(self, record: Document, /) -> Document | Drop:
        if not _HTML.search(record.body[:10_000]):
            return record
        text, kept = text_of(record.body)
        if not text.strip():
            return Drop("no_main_text")
        found = {"formulas": kept.formulas, "code": kept.code}
        return record.but(body=text, attributes={**record.attributes, "redstone": found})
