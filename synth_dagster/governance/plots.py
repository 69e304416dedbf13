"""Small pictures of counts: bars and histograms side by side in one PNG, for the Dagster UI and for reports.

A picture shows aggregates only, so it may stand in the event log. Equal numbers give equal bytes. Everything is drawn
on one surface in pixels, because the axes of a plot library cost more than all bars: a picture takes about a
twentieth of a second.
"""

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = (320, 176)  # pixels
COLUMNS = 3
MOST_BARS = 6
DPI = 100  # three panels are as wide as the dialog in which Dagster shows them
MARGIN, TITLE, ROW = 14, 26, 21
LABEL, NUMBER = 150, 44  # the widths left and right of a bar
LONGEST_LABEL = 22
COLOURS = 32
INK, PALE, BAR, TRACK = "#1f2433", "#6b7280", "#4f6bed", "#eef0f6"


@dataclass(frozen=True, slots=True)
class Bars:
    """Names with how many there are, largest first; what does not fit becomes one bar of the others."""

    title: str
    values: Mapping[str, float]
    as_given: bool = False  # in the order given, as for the steps of a funnel

    def rows(self) -> list[tuple[str, float]]:
        """What is drawn: at most six bars."""
        rows = list(self.values.items())
        if not self.as_given:
            rows.sort(key=lambda row: (-row[1], row[0]))
        if len(rows) <= MOST_BARS:
            return rows
        rest = rows[MOST_BARS - 1 :]
        return [*rows[: MOST_BARS - 1], (f"{len(rest)} others", sum(value for _, value in rest))]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values fall between each two neighbouring edges."""

    title: str
    edges: Sequence[float]
    counts: Sequence[int]


Panel: TypeAlias = Bars | Histogram


def draw(panels: Sequence[Panel], *, columns: int = COLUMNS) -> bytes:
    """The panels as one PNG, some in a row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(columns, len(panels)) or 1
    width, height = PANEL[0] * columns, PANEL[1] * max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    surface = _Surface(axes)
    for place, panel in enumerate(panels):
        corner = (place % columns * PANEL[0], place // columns * PANEL[1])
        (_bars if isinstance(panel, Bars) else _histogram)(surface, panel, *corner)  # type: ignore[arg-type]
    surface.fill()
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it would quote a letter that the font lacks into the log
        canvas.draw()
    return _png(canvas.buffer_rgba())


def data_uri(png: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def as_markdown(png: bytes, title: str) -> str:
    """A picture inside Markdown, as the Dagster UI shows it."""
    return f"![{title}]({data_uri(png)})"


# ------------------------------------------------------------------------------------------------------ how it is drawn


def _png(pixels: memoryview) -> bytes:
    """The pixels with 32 colours: a third of the size, and nobody sees it."""
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels)).convert("RGB")
    image = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.putpalette([255 if level > 250 else level for level in image.getpalette() or []])  # white became 253
    image.save(file, format="PNG")
    return file.getvalue()


class _Surface:
    """Rectangles and words at pixels from the upper left; the rectangles of a colour are drawn at once."""

    def __init__(self, axes: "Axes") -> None:
        self._axes = axes
        self._corners: dict[str, list[list[tuple[float, float]]]] = {}

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        self._corners.setdefault(colour, []).append(corners)

    def write(self, x: float, y: float, words: str, *, colour: str = INK, size: float = 8, at: str = "left") -> None:
        # a name may hold a dollar sign, which would begin a formula
        self._axes.text(x, y, words, color=colour, fontsize=size, ha=at, va="center", parse_math=False)

    def fill(self) -> None:
        from matplotlib.collections import PolyCollection

        for colour, corners in sorted(self._corners.items(), key=lambda item: item[0] != TRACK):  # a track lies below
            self._axes.add_collection(PolyCollection(corners, facecolors=colour, edgecolors="none"), autolim=False)


def _bars(surface: _Surface, panel: Bars, left: float, top: float) -> None:
    surface.write(left + MARGIN, top + MARGIN, panel.title, size=9)
    rows = panel.rows()
    largest = max((value for _, value in rows), default=0) or 1
    track = PANEL[0] - 2 * MARGIN - LABEL - NUMBER
    for place, (name, value) in enumerate(rows):
        x, y = left + MARGIN, top + MARGIN + TITLE + place * ROW
        surface.write(x, y, shortened(name))
        surface.box(x + LABEL, y - 6, track, 12, TRACK)
        surface.box(x + LABEL, y - 6, track * max(0, value) / largest, 12, BAR)
        surface.write(left + PANEL[0] - MARGIN, y, number(value), colour=PALE, at="right")
    if not rows:
        surface.write(left + MARGIN, top + MARGIN + TITLE, "none", colour=PALE)


def _histogram(surface: _Surface, panel: Histogram, left: float, top: float) -> None:
    surface.write(left + MARGIN, top + MARGIN, panel.title, size=9)
    x, width = left + MARGIN, PANEL[0] - 2 * MARGIN
    floor, height = top + PANEL[1] - 30, PANEL[1] - 30 - MARGIN - TITLE
    largest = max(panel.counts, default=0)
    if not largest or panel.edges[-1] <= 0:
        surface.write(x, top + MARGIN + TITLE, f"all {number(largest)} are 0" if largest else "none", colour=PALE)
        return
    step = width / len(panel.counts)
    surface.box(x, floor, width, 1, PALE)
    surface.write(left + PANEL[0] - MARGIN, top + MARGIN, f"most {number(largest)}", colour=PALE, at="right")
    for place, count in enumerate(panel.counts):
        surface.box(x + place * step + 1, floor - height * count / largest, step - 2, height * count / largest, BAR)
    last = len(panel.edges) - 1
    middle = [(last // 2, "center")] if last > 1 else []
    for place, at in ((0, "left"), *middle, (last, "right")):
        surface.write(x + place * step, floor + 12, number(panel.edges[place]), colour=PALE, at=at)


# ------------------------------------------------------------------------------------------------------- the sums below


def histogram(title: str, values: Sequence[float], *, bins: int = 20) -> Histogram:
    """Equally wide bins from 0 to the largest value; of whole numbers never narrower than one."""
    import numpy as np

    largest = max(values, default=0)
    if largest <= 0:
        return Histogram(title, [0, 0], [len(values)])
    bins = max(1, min(bins, int(largest))) if all(float(value).is_integer() for value in values) else bins
    counts, edges = np.histogram(np.asarray(values, dtype=float), bins=bins, range=(0, largest))
    assert all(low < high for low, high in pairwise(edges)), "edges rise"
    return Histogram(title, edges.tolist(), counts.tolist())


def shortened(name: str, most: int = LONGEST_LABEL) -> str:
    """A name that fits beside its bar."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def number(value: float) -> str:
    """A count in full up to four digits, then in thousands and millions; a share in three digits."""
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (size if mark != 'k' else 1e3):.3g}{mark}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"
