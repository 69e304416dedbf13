"""Texts as one flat array of code points with the properties of each, so that rules on characters need no loop.

Long texts are cut into pieces, and pieces are gathered into blocks of bounded size: memory depends on the size of a
block, never on that of a text or a batch.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

BLOCK = 1 << 18
"""Code points of a block: its arrays stay in the processor's caches."""

SPACE, LETTER, LOWER, UPPER, DIGIT, QUOTE = 1, 2, 4, 8, 16, 32
OPENS, CLOSES, ICON, CURRENCY, SYMBOL, BREAK = 64, 128, 256, 512, 1024, 2048
_KNOWN = 1 << 15
# Control characters and the marks that say nothing by themselves: a word of these only is no word.
_SYMBOLS = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»" + "".join(
    map(chr, (*range(9), 11, 12, *range(13, 32), *range(127, 160)))
)
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # what str.splitlines() splits at

# What ends a sentence in any script: Unicode's property Sentence_Terminal, and the ideographic and Armenian full stops.
TERMINAL = frozenset(
    "!.?։؝؞؟۔܀܁܂߹࠷࠹࠽࠾।॥၊။።፧፨᙮᜵᜶។៕៖៙៚᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᭽᭾᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼⹓⹔。꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡"
    "𐩖𐩗𐽕𐽖𐽗𐽘𐽙𐾆𐾇𐾈𐾉𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑥄𑥆𑩂𑩃𑪛𑪜𑱁𑱂𑻷𑻸𑽃𑽄𖩮𖩯𖫵𖬷𖬸𖭄𖺘𛲟𝪈"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of the text `owner`: whether a line begins and ends with it, and whether it is the last part."""

    owner: int
    text: str
    opens: bool = True
    closes: bool = True
    last: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """Pieces one after the other, each followed by one line break that is not its own."""

    pieces: Sequence[Piece]
    points: np.ndarray  # uint32
    flags: np.ndarray  # uint16, the properties of each point
    starts: np.ndarray  # of each piece
    lengths: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """The text of each piece."""
        return np.fromiter((piece.owner for piece in self.pieces), np.int64, len(self.pieces))

    def has(self, flags: int) -> np.ndarray:
        """Where a point has one of these properties."""
        return (self.flags & np.uint16(flags)) != 0

    def count(self, where: np.ndarray) -> np.ndarray:
        """How often a condition holds in each piece."""
        sums = np.concatenate([[0], np.cumsum(where, dtype=np.int64)])
        return sums[self.starts + self.lengths] - sums[self.starts]


def strings_of(texts: pa.Array | pa.ChunkedArray) -> list[str]:
    """The texts as strings: null as empty, bytes that are no Unicode as the replacement character."""
    try:
        return [text or "" for text in texts.to_pylist()]
    except UnicodeDecodeError:
        return [(raw or b"").decode("utf-8", "replace") for raw in texts.cast(pa.binary()).to_pylist()]


def blocks_of(texts: Sequence[str], size: int = BLOCK) -> Iterator[Block]:
    """All texts, in order, in blocks of about that many code points."""
    waiting: list[Piece] = []
    held = 0
    for owner, text in enumerate(texts):
        for piece in _pieces(owner, text, size):
            if waiting and held + len(piece.text) > size:
                yield _block(waiting)
                waiting, held = [], 0
            waiting.append(piece)
            held += len(piece.text) + 1
    if waiting:
        yield _block(waiting)


def flags_of(points: np.ndarray) -> np.ndarray:
    """The properties of code points; each different one is looked up once in a process."""
    flags = _FLAGS[points]
    unknown = points[flags == 0]
    if len(unknown):
        for point in np.unique(unknown):
            _FLAGS[point] = _flags(chr(point))
        flags = _FLAGS[points]
    return flags


_FLAGS = np.zeros(0x110000, np.uint16)


def _pieces(owner: int, text: str, size: int) -> Iterator[Piece]:
    start, opens = 0, True
    while len(text) - start > size:
        end = text.rfind("\n", start, start + size) + 1
        at_line = end > start
        if not at_line:
            end = text.rfind(" ", start, start + size) + 1
        end = end if end > start else start + size
        yield Piece(owner, text[start : end - 1] if at_line else text[start:end], opens, at_line, last=False)
        start, opens = end, at_line
    yield Piece(owner, text[start:], opens)


def _block(pieces: Sequence[Piece]) -> Block:
    joined = "\n".join([piece.text for piece in pieces]) + "\n"
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter((len(piece.text) for piece in pieces), np.int64, len(pieces))
    starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    return Block(tuple(pieces), points, flags_of(points), starts, lengths)


def _flags(character: str) -> int:
    category = unicodedata.category(character)
    properties = {
        SPACE: character.isspace(),
        LETTER: character.isalpha(),
        LOWER: category in ("Ll", "Lo"),  # a script without case counts as both
        UPPER: category in ("Lu", "Lo"),
        DIGIT: character in "0123456789",
        QUOTE: character in _QUOTES,
        OPENS: character in _QUOTES + _MARKS + "§%=—–" or category in {"So", "Sc"},
        CLOSES: character in _QUOTES + _MARKS + "—–" or category == "So",
        ICON: category == "So" or character == "…",
        CURRENCY: category == "Sc",
        SYMBOL: character in _SYMBOLS or character in TERMINAL,
        BREAK: character in _BREAKS,
    }
    return _KNOWN | sum(flag for flag, holds in properties.items() if holds)
