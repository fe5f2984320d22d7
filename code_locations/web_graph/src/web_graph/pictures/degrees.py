"""How many domains have how many partners: the degree distribution as bars, for people, not for power laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from web_graph.pictures.canvas import INK, SOFT_INK, Sheet, text_size
from web_graph.pictures.palette import GROUPS

MAX_PNG_BYTES: Final = 80_000
_WIDTH_PX: Final = 900
_HEIGHT_PX: Final = 440
_FLOOR: Final = 352.0
_CEILING: Final = 112.0
_LEFT: Final = 36.0
_SERIES: Final = (("in_degree", "linked to by", GROUPS[0]), ("out_degree", "linking to", GROUPS[1]))


def draw_degrees(degrees: pa.Table) -> bytes:
    """The number of domains by the number of others that link to them, and that they link to, as a PNG of at most
    80 kB. Bars stand for 0, 1, 2, 3-4, 5-8 and so on others.
    """
    values = {column: [value or 0 for value in degrees[column].to_pylist()] for column, _, _ in _SERIES}
    bins = degree_bins(max((value for column in values.values() for value in column), default=0))
    counts = {column: [sum(low <= v <= high for v in values[column]) for low, high in bins] for column in values}
    sheet = Sheet(_WIDTH_PX, _HEIGHT_PX)
    sheet.text(_LEFT, 22, "How many others link to a domain, and how many it links to", 22, bold=True)
    _legend(sheet)
    _bars(sheet, bins, counts)
    sheet.axes.add_line(Line2D([_LEFT, _WIDTH_PX - _LEFT], [_FLOOR] * 2, color=INK, linewidth=1))
    sheet.text(_WIDTH_PX / 2, _FLOOR + 44, "number of other domains", 16, ha="center", color=SOFT_INK)
    return sheet.png(MAX_PNG_BYTES)


def degree_bins(most: int) -> list[tuple[int, int]]:
    """First and last degree of each bar: each but the first three is twice as wide as the one before."""
    bins = [(0, 0), (1, 1), (2, 2)]
    while bins[-1][1] < most:
        last = bins[-1][1]
        bins.append((last + 1, 2 * last))
    return bins


def _legend(sheet: Sheet) -> None:
    x = _LEFT
    for _, meaning, colour in _SERIES:
        text = f"domains {meaning} so many others"
        sheet.axes.add_patch(Rectangle((x, 66), 14, 14, facecolor=colour, edgecolor="none"))
        sheet.text(x + 22, 73, text, 16, va="center_baseline", color=SOFT_INK)
        x += 22 + text_size(text, 16)[0] + 30


def _bars(sheet: Sheet, bins: Sequence[tuple[int, int]], counts: dict[str, list[int]]) -> None:
    tallest = max((count for column in counts.values() for count in column), default=0) or 1
    step = (_WIDTH_PX - 2 * _LEFT) / len(bins)
    width = min(60.0, step * 0.4)
    for i, (low, high) in enumerate(bins):
        middle = _LEFT + step * (i + 0.5)
        for side, (column, _, colour) in enumerate(_SERIES):
            count = counts[column][i]
            height = (_FLOOR - _CEILING - 24) * count / tallest
            left = middle + (side - 1) * width + (2 * side - 1)
            sheet.axes.add_patch(Rectangle((left, _FLOOR - height), width, height, facecolor=colour, edgecolor="none"))
            sheet.text(left + width / 2, _FLOOR - height - 4, f"{count:,}", 15, ha="center", va="bottom")
        name = f"{low}" if low == high else f"{low}–{high}"
        sheet.text(middle, _FLOOR + 10, name, 16, ha="center", color=INK)
