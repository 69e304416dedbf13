"""What the lines of pages look like: how they begin and end, for many texts at once."""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.text.code_points import BREAK, SPACE, TERMINAL, Block
from synth_dagster.parts.text.repetition import Pieces


def line_marks(texts: range, blocks: Sequence[Block]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each text its lines, those that begin with a bullet or dash, and those that end in an ellipsis."""
    sums = np.zeros((3, len(texts)), np.int64)
    for block in blocks:
        for row, per_piece in zip(sums, _marks(block), strict=True):
            np.add.at(row, block.owners - texts.start, per_piece)
    return sums[0], sums[1], sums[2]


def _marks(block: Block) -> Iterator[np.ndarray]:
    points = block.points
    breaks = block.has(BREAK)
    breaks[:-1] &= ~((points[:-1] == ord("\r")) & (points[1:] == ord("\n")))
    yield block.count(breaks) + _unfinished(block)

    space = block.has(SPACE)
    change = np.flatnonzero(space[1:] != space[:-1]) + 1
    change = change if space[0] else np.insert(change, 0, 0)
    starts, ends = change[::2], change[1::2]  # a block ends with a line break
    so_far = np.concatenate([[0], np.cumsum(breaks)])
    apart = so_far[np.append(starts, len(points))] - so_far[np.insert(ends, 0, 0)] > 0
    apart[0] = apart[-1] = True
    first, last = starts[apart[:-1]], ends[apart[1:]]
    yield block.count(_at(first[(points[first] == ord("•")) | (points[first] == ord("-"))], len(points)))

    three = points[np.maximum(np.stack([last - 1, last - 2, last - 3]), 0)] == ord(".")
    trails = (three.all(axis=0) & (last >= 3)) | (points[last - 1] == ord("…"))
    yield block.count(_at(last[trails] - 1, len(points)))


def _unfinished(block: Block) -> np.ndarray:
    """Whether a piece's last line is a line without a break of its own."""
    ends_in_break = (block.flags[np.maximum(block.starts + block.lengths - 1, 0)] & np.uint16(BREAK)) != 0
    last = np.fromiter((piece.last for piece in block.pieces), bool, len(block.pieces))
    closes = np.fromiter((piece.closes for piece in block.pieces), bool, len(block.pieces))
    return np.where(last, (block.lengths > 0) & ~ends_in_break, closes).astype(np.int64)


def _at(places: np.ndarray, count: int) -> np.ndarray:
    where = np.zeros(count, bool)
    where[places] = True
    return where


def line_shares(texts: pa.Array, short: int) -> dict[str, np.ndarray]:
    """Shares of the visible lines that end a sentence and that are short; and of characters in repeated lines."""
    lists = pc.split_pattern(texts, "\n")
    flat, owners = lists.flatten(), pc.list_parent_indices(lists)
    visible = pc.not_equal(pc.utf8_length(pc.utf8_trim_whitespace(flat)), 0)
    flat, owners = flat.filter(visible), owners.filter(visible).to_numpy(zero_copy_only=False)
    contents = flat.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    lengths = pc.utf8_length(flat).to_numpy(zero_copy_only=False)
    ends = pc.is_in(pc.utf8_slice_codeunits(flat, -1), value_set=pa.array(sorted(TERMINAL)))
    lines, _, within = Pieces(owners, contents, lengths).repeated(len(texts))
    whole = pc.utf8_length(texts).to_numpy(zero_copy_only=False) - newlines(texts)

    def count(where: np.ndarray) -> np.ndarray:
        return np.bincount(owners[where], minlength=len(texts))

    with np.errstate(invalid="ignore", divide="ignore"):  # without lines there is no share
        return {
            "terminal_punctuation": count(ends.to_numpy(zero_copy_only=False)) / lines,
            "short_lines": count(lengths <= short) / lines,
            "duplicate_characters": within / whole,
        }


def newlines(texts: pa.Array) -> np.ndarray:
    """Line breaks of each text."""
    return pc.count_substring(texts, "\n").to_numpy(zero_copy_only=False)
