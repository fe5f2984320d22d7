"""A sheet in pixels on Matplotlib's object interface: no window, no global figure, the same bytes each time.

Text is never read as mathematics, fonts and sizes are always given, so that settings of a user's machine do not show.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from matplotlib import patheffects, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image, ImageColor

from web_graph.pictures.naming import FONT
from web_graph.pictures.palette import ALL

DPI: Final = 100
PAPER: Final = "#fbfaf6"
INK: Final = "#22262b"
SOFT_INK: Final = "#5d646c"
_POINTS_PER_PIXEL: Final = 72 / DPI
_PALETTES: Final = (256, 128, 64, 32)


class Sheet:
    """Width by height pixels; y grows downwards."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor=PAPER)
        self.axes: Axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set(xlim=(0, width_px), ylim=(height_px, 0))
        self.axes.set_axis_off()

    def text(self, x: float, y: float, text: str, size_px: float, **style: Any) -> None:
        """Text with its top left corner at (x, y), or as `ha` and `va` say; `halo` sets it off from lines."""
        halo = style.pop("halo", False)
        bold = style.pop("bold", False)
        self.axes.text(
            x,
            y,
            text,
            fontproperties=_font(bold),
            fontsize=size_px * _POINTS_PER_PIXEL,
            parse_math=False,
            path_effects=[patheffects.withStroke(linewidth=3.2, foreground=PAPER)] if halo else None,
            **{"color": INK, "ha": "left", "va": "top", **style},
        )

    def png(self, max_bytes: int, scale: float = 1.0) -> bytes:
        """The sheet, `scale` times as large, as PNG with a palette of as many colours as `max_bytes` allows.

        Raises ValueError where even the smallest palette is too large.
        """
        self.figure.set_dpi(DPI * scale)
        canvas: Any = FigureCanvasAgg(self.figure)  # Matplotlib's own types leave the canvas's methods open
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        for colours in _PALETTES:
            out = io.BytesIO()
            reduced = _reduced(image, colours)
            reduced.save(out, format="PNG", optimize=True)
            if out.tell() <= max_bytes:
                return out.getvalue()
        raise ValueError(f"The picture takes {out.tell():,} bytes, more than {max_bytes:,}: draw fewer links.")

    def svg(self) -> str:
        """The sheet as SVG, letters as outlines."""
        out = io.StringIO()
        with rc_context({"svg.hashsalt": "web_graph", "svg.fonttype": "path"}):
            canvas: Any = FigureCanvasSVG(self.figure)
            canvas.print_svg(out, metadata={"Date": None, "Creator": None})
        return out.getvalue()


def _reduced(image: Image.Image, colours: int) -> Image.Image:
    """The image in so many colours, those of the legend unchanged, so that it can be read by them."""
    kept = [ImageColor.getrgb(colour)[:3] for colour in dict.fromkeys((PAPER, INK, *ALL))]
    mixed = image.quantize(colours - len(kept), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = (mixed.getpalette() or [])[: 3 * (colours - len(kept))]
    first = len(palette) // 3
    indices = np.array(mixed)
    pixel = np.asarray(image).astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    for number, (red, green, blue) in enumerate(kept):
        indices[pixel == red * 65536 + green * 256 + blue] = first + number
    reduced = Image.fromarray(indices, mode="P")
    reduced.putpalette([*palette, *(value for colour in kept for value in colour)])
    return reduced


def pixels(lengths: Sequence[float]) -> list[float]:
    """Lengths in pixels as points, which line widths are given in."""
    return [length * _POINTS_PER_PIXEL for length in lengths]


@lru_cache(maxsize=4096)
def text_size(text: str, size_px: float, bold: bool = False) -> tuple[float, float]:
    """Width and height in pixels of one line of text."""
    font = FontProperties(family=FONT, weight="bold" if bold else "normal", size=size_px * _POINTS_PER_PIXEL)
    renderer = _measure()
    width, height, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
    # A line is at least as high as "lp", which is how Matplotlib lays it out too.
    _, line, _ = renderer.get_text_width_height_descent("lp", font, ismath=False)
    return float(width), float(max(height, line))


def _font(bold: bool) -> FontProperties:
    return FontProperties(family=FONT, weight="bold" if bold else "normal")


@cache
def _measure() -> Any:
    canvas: Any = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=DPI))
    return canvas.get_renderer()
