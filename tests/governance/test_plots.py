"""Pictures of counts: what they show, that equal numbers are equal bytes, and that none is large."""

import base64
import hashlib
import io
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from synth_dagster.governance.plots import (
    BAR,
    COLUMNS,
    PANEL,
    Bars,
    Histogram,
    Panel,
    as_markdown,
    draw,
    histogram,
    number,
    shortened,
)

MOST_BYTES = 40_000


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def blue(png: bytes) -> int:
    """How many pixels have the colour of a bar, or nearly."""
    wanted = [int(BAR[place : place + 2], 16) for place in (1, 3, 5)]
    return int((abs(pixels(png) - wanted).max(axis=2) < 12).sum())


def test_a_bar_is_as_long_as_its_share_of_the_largest():
    half, whole = (blue(draw([Bars("kept", {"a": 100, "b": value})])) for value in (50, 100))
    alone = blue(draw([Bars("kept", {"a": 100})]))
    assert whole == pytest.approx(2 * alone, rel=0.03)
    assert half == pytest.approx(1.5 * alone, rel=0.03)


def test_bars_are_sorted_and_what_does_not_fit_is_one_bar_of_others():
    counts = {f"reason{n}": n for n in range(1, 10)}  # the largest five, and 1 + 2 + 3 + 4 of four others
    assert Bars("why", counts).rows() == [(f"reason{n}", n) for n in (9, 8, 7, 6, 5)] + [("4 others", 10)]


def test_equal_counts_stand_by_name_and_a_funnel_as_given():
    assert Bars("why", {"b": 1, "a": 1}).rows() == [("a", 1), ("b", 1)]
    assert Bars("steps", {"read": 1, "kept": 9}, as_given=True).rows() == [("read", 1), ("kept", 9)]


def test_a_histogram_has_a_bin_for_each_whole_number_up_to_twenty():
    found = histogram("words", [0, 1, 1, 3])
    assert (list(found.edges), list(found.counts)) == ([0, 1, 2, 3], [1, 2, 1])  # the last bin has its upper edge
    wide = histogram("words", range(100))
    assert len(wide.counts) == 20 and sum(wide.counts) == 100


@pytest.mark.parametrize("values", [[], [0, 0]], ids=["no values", "only zeros"])
def test_a_histogram_of_nothing_can_be_drawn(values: Sequence[float]):
    assert draw([histogram("words", values)]).startswith(b"\x89PNG")


def test_panels_stand_in_rows_of_three():
    size = Image.open(io.BytesIO(draw([Bars("x", {"a": 1})] * 4))).size
    assert size == (PANEL[0] * COLUMNS, PANEL[1] * 2)


PANELS: list[Panel] = [
    Histogram("length", list(range(21)), list(range(20))),
    *(Bars(f"title {n}", {f"a rather long name {n} {m}": m for m in range(9)}) for n in range(8)),
]


def test_equal_numbers_are_equal_bytes_in_another_process_too():
    code = "from tests.governance.test_plots import *; import hashlib; print(hashlib.sha256(draw(PANELS)).hexdigest())"
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert there == hashlib.sha256(draw(PANELS)).hexdigest()


def test_even_nine_full_panels_are_a_small_picture():
    assert len(draw(PANELS)) < MOST_BYTES


@pytest.mark.parametrize("name", ["$x_2$", "\\frac{", "<script>", "日本語", ""], ids=repr)
def test_a_name_is_drawn_as_it_is_written(name: str):
    assert draw([Bars("by name", {name: 1})]).startswith(b"\x89PNG")


def test_markdown_holds_the_picture_itself():
    said = as_markdown(b"png", "counts")
    assert said == f"![counts](data:image/png;base64,{base64.b64encode(b'png').decode()})"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (9_999, "9,999"), (12_345, "12.3k"), (2_752_708, "2.75M"), (0.12345, "0.123"), (3e9, "3G"), (7.0, "7")],
)
def test_numbers_are_short(value: float, said: str):
    assert number(value) == said


def test_a_long_name_is_cut_with_a_mark():
    assert shortened("zip_entropy:over_budget", 10) == "zip_entro…"
    assert shortened("minhash") == "minhash"
