"""The picture of who links to whom: paints a scene with its title, legend and notes."""

from __future__ import annotations

import math
from typing import Final

import pyarrow as pa
from matplotlib.collections import CircleCollection, LineCollection, PolyCollection
from matplotlib.colors import to_rgba

from web_graph.pictures.canvas import INK, PAPER, SOFT_INK, Sheet, pixels
from web_graph.pictures.legend import draw_legend
from web_graph.pictures.naming import drawable, shortened
from web_graph.pictures.network import Node, read_network
from web_graph.pictures.palette import BOTH_WAYS, colour_of
from web_graph.pictures.scene import HEIGHT_PX, WIDTH_PX, Scene, compose

MAX_PNG_BYTES: Final = 300_000
_MAX_TITLE_CHARS: Final = 74
_MAX_SUBTITLE_CHARS: Final = 125


def draw_network(edges: pa.Table, degrees: pa.Table, *, title: str, subtitle: str, width_px: int = WIDTH_PX) -> bytes:
    """Who links to whom as a PNG of 1600 x 1100 pixels, or of that shape and another width, and at most 300 kB; equal
    tables give equal bytes.

    Raises ValueError for an edge whose domain is not in `degrees`.
    """
    return _sheet(edges, degrees, title, subtitle).png(MAX_PNG_BYTES, width_px / WIDTH_PX)


def draw_network_svg(edges: pa.Table, degrees: pa.Table, *, title: str, subtitle: str) -> str:
    """The same picture as SVG."""
    return _sheet(edges, degrees, title, subtitle).svg()


def _sheet(edges: pa.Table, degrees: pa.Table, title: str, subtitle: str) -> Sheet:
    network = read_network(edges, degrees)
    sheet = Sheet(WIDTH_PX, HEIGHT_PX)
    sheet.text(36, 26, shortened(drawable(title), _MAX_TITLE_CHARS), 38, bold=True)
    sheet.text(36, 78, shortened(drawable(subtitle), _MAX_SUBTITLE_CHARS), 21, color=SOFT_INK)
    if network.links:
        scene = compose(network)
        _curves(sheet, scene)
        _nodes(sheet, scene)
        _labels(sheet, scene)
    else:
        sheet.text(WIDTH_PX / 2, 500, "Nobody links to anybody here.", 30, ha="center", color=SOFT_INK)
    draw_legend(sheet, network)
    return sheet


def _curves(sheet: Sheet, scene: Scene) -> None:
    # Light links first: the heavy ones and those both ways lie on top.
    ordered = sorted(scene.curves, key=lambda curve: (curve.link.reciprocal, curve.link.weight))
    colours = [
        to_rgba(BOTH_WAYS, 0.72)
        if curve.link.reciprocal
        else to_rgba(colour_of(scene.network.nodes[curve.link.source].group), 0.42)
        for curve in ordered
    ]
    heads = [(*colour[:3], min(1.0, colour[3] + 0.3)) for colour in colours]
    widths = pixels([curve.width for curve in ordered])
    lines = LineCollection([curve.line for curve in ordered], colors=colours, linewidths=widths, capstyle="butt")
    sheet.axes.add_collection(lines, autolim=False)
    sheet.axes.add_collection(
        PolyCollection([curve.head for curve in ordered], facecolors=heads, linewidths=0, zorder=2.1), autolim=False
    )


def _nodes(sheet: Sheet, scene: Scene) -> None:
    nodes = scene.network.nodes
    sheet.axes.add_collection(
        CircleCollection(
            [math.pi * pixels([r])[0] ** 2 for r in scene.radii],
            offsets=scene.at,
            offset_transform=sheet.axes.transData,
            facecolors=[_fill(node) for node in nodes],
            edgecolors=[colour_of(node.group) if _unread(node) else PAPER for node in nodes],
            linewidths=pixels([3.0 if _unread(node) else 1.5 for node in nodes]),
            zorder=3,
        ),
        autolim=False,
    )


def _fill(node: Node) -> str:
    return PAPER if _unread(node) else colour_of(node.group)


def _unread(node: Node) -> bool:
    return node.pages == 0


def _labels(sheet: Sheet, scene: Scene) -> None:
    for label in scene.labels:
        middle = (label.box.left + label.box.right) / 2
        centre = (label.box.top + label.box.bottom) / 2
        sheet.text(
            middle,
            centre,
            label.text,
            label.size_px,
            ha="center",
            va="center",
            bold=label.bold,
            halo=True,
            color=INK,
            zorder=4,
        )
