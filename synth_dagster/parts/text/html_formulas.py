"""Pages of HTML as text in which formulas and code survive: they are taken out before, and put back after.

Paper: arXiv:2412.03398 (RedStone). An extractor of main text throws formulas away and runs code together. So each is
replaced by a word that no page holds, the text is extracted, and the words become `$...$`, `$$...$$` and fenced code.
Formulas are TeX in scripts of MathJax, in annotations and attributes, in addresses of pictures; MathML is put into TeX
where it is simple.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_SCRIPT = re.compile(r"math/(?:tex|latex|asciimath)\b(.*)", re.IGNORECASE)
_PICTURE = re.compile(r"latex\.php|codecogs|tex\.cgi|mathtex|mimetex|chart\.apis.*cht=tx", re.IGNORECASE)
_CLASSES = ("math-formula", "math-tex", "math-container", "tex", "latex", "katex-source", "MathJax_Preview")
_CODE_SIGN = re.compile(
    r"[{};]|\w+\s*\(.*\)|\w\s*=\s*\S|\b(?:def|class|import|return|include|for|while|if|else|print|var|let|const|sudo)\b"
)
_OPERATORS = {"×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ",
              "∑": r"\sum ", "∫": r"\int ", "∞": r"\infty ", "→": r"\to ", "±": r"\pm ", "∈": r"\in ", "−": "-",
              "π": r"\pi ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "θ": r"\theta ",
              "λ": r"\lambda ", "μ": r"\mu ", "σ": r"\sigma ", "φ": r"\phi ", "ω": r"\omega ", "Δ": r"\Delta ",
              "∂": r"\partial ", "∇": r"\nabla ", "√": r"\sqrt ", "≈": r"\approx "}  # fmt: skip


_FORMS = {
    "mfrac": r"\frac{{{0}}}{{{1}}}",
    "msup": "{0}^{{{1}}}",
    "msub": "{0}_{{{1}}}",
    "msubsup": "{0}_{{{1}}}^{{{2}}}",
    "munderover": "{0}_{{{1}}}^{{{2}}}",
    "munder": "{0}_{{{1}}}",
    "mover": "{0}^{{{1}}}",
    "mroot": r"\sqrt[{1}]{{{0}}}",
}
_PARTS = {"msubsup": 3, "munderover": 3} | dict.fromkeys(("mfrac", "msup", "msub", "munder", "mover", "mroot"), 2)


@dataclass
class Kept:
    """What was taken out of a page, by the word that stands for it."""

    parts: dict[str, str] = field(default_factory=dict)
    formulas: int = 0
    code: int = 0

    def word(self, text: str) -> str:
        """A word in place of a piece. No page has such a word by chance, and an extractor takes it for one."""
        name = f"zq{len(self.parts):05d}keptqz"
        self.parts[name] = text
        return name

    def back(self, text: str) -> str:
        """The text with the pieces in their places."""
        text = re.sub(r"(zq\d{5}keptqz) (?=[.,;:!?)\]])", r"\1", text)
        return re.sub(r"zq\d{5}keptqz", lambda found: self.parts.get(found[0], found[0]), text)


def text_of(page: str) -> tuple[str, Kept]:
    """The main text of a page with its formulas and code; empty where there is none."""
    import logging

    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # its warnings would hold pieces of the page
    tree = trafilatura.load_html(page)
    kept = Kept()
    if tree is None:
        return "", kept
    _take_formulas(tree, kept)
    _take_code(tree, kept)
    found = trafilatura.extract(tree, output_format="txt", include_comments=False, include_tables=True)
    return kept.back(found or ""), kept


def _take_formulas(tree: Any, kept: Kept) -> None:
    for node in list(tree.iter()):
        if not isinstance(node.tag, str) or (node.getparent() is None and node is not tree):
            continue
        formula = _formula_of(node)
        if formula is None:
            continue
        tex, display = formula
        if tex.strip():
            kept.formulas += 1
            shown = f"$${tex.strip()}$$" if display else f"${tex.strip()}$"
            _replace(node, f" {kept.word(shown)} ")
        else:
            _replace(node, " ")


def _formula_of(node: Any) -> tuple[str, bool] | None:
    """The TeX of a node and whether it stands by itself; None for a node that is no formula."""
    if node.tag == "script":
        found = _SCRIPT.match(node.get("type") or "")
        return (node.text or "", "display" in found[1]) if found else None
    if node.tag == "math":
        return _tex_of_math(node), node.get("display") == "block"
    if node.tag == "img" and _PICTURE.search(node.get("src") or ""):
        return _tex_of_picture(node), False
    if node.tag in ("span", "div") and set((node.get("class") or "").split()) & set(_CLASSES):
        said = node.text_content().strip()
        if not re.search(r"\\[a-zA-Z]+|[\^_]", said):
            return None
        bare = re.fullmatch(r"\$\$(.*)\$\$|\\\[(.*)\\\]|\$(.*)\$|\\\((.*)\\\)|(.*)", said, re.DOTALL)
        assert bare is not None  # the last form takes everything
        return next(part for part in bare.groups() if part is not None), bare[1] is not None or bare[2] is not None
    return None


def _tex_of_math(node: Any) -> str:
    """TeX as an annotation or an attribute says it, else put together from the parts."""
    for one in node.iter():
        if isinstance(one.tag, str) and one.tag.split("}")[-1] == "annotation" and "tex" in (one.get("encoding") or ""):
            return one.text or ""
    return node.get("alttext") or _mathml(node).strip()


def _mathml(node: Any) -> str:
    tag = node.tag.split("}")[-1] if isinstance(node.tag, str) else ""
    parts = [_mathml(child) for child in node if isinstance(child.tag, str)]
    if len(parts) == _PARTS.get(tag, -1):
        return _FORMS[tag].format(*parts)
    if tag == "msqrt":
        return "\\sqrt{" + "".join(parts) + "}"
    if tag in ("annotation", "annotation-xml"):
        return ""
    own = (node.text or "").strip()
    return "".join(_OPERATORS.get(character, character) for character in own) + "".join(parts)


def _tex_of_picture(node: Any) -> str:
    """TeX from the words that stand for a picture, else from its address."""
    said = (node.get("alt") or "").strip().strip("$")
    if said:
        return said
    query = urlsplit(html.unescape(node.get("src") or "")).query
    named = parse_qs(query)
    return next((named[name][0] for name in ("latex", "chl", "tex") if name in named), unquote(query))


def _take_code(tree: Any, kept: Kept) -> None:
    for node in list(tree.iter("pre")):
        said = node.text_content().strip("\n")
        if not _CODE_SIGN.search(said):
            continue
        kept.code += 1
        word = kept.word(f"\n```\n{kept.back(said).rstrip()}\n```\n")
        for child in list(node):
            node.remove(child)
        node.tag, node.text = "p", word
        node.attrib.clear()


def _replace(node: Any, text: str) -> None:
    """Put text in the place of a node."""
    parent, before = node.getparent(), node.getprevious()
    text += node.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
    parent.remove(node)
