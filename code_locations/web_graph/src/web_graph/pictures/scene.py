"""A network laid out on the sheet: circles, curves and names, as values that a test can measure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from web_graph.pictures.canvas import text_size
from web_graph.pictures.curves import Curve, draw_curves
from web_graph.pictures.labels import Label, font_sizes, is_bold, place_labels
from web_graph.pictures.layout import Box, Points, place
from web_graph.pictures.network import Network

WIDTH_PX: Final = 1600
HEIGHT_PX: Final = 1100
FRAME: Final = Box(36, 118, WIDTH_PX - 36, 930)
_MIN_RADIUS: Final = 6.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything of the network at its place, in pixels."""

    network: Network
    at: Points
    radii: tuple[float, ...]
    curves: tuple[Curve, ...]
    labels: tuple[Label, ...]


def compose(network: Network, frame: Box = FRAME) -> Scene:
    """Lays out a network within the frame."""
    radii = [radius(node.in_weight, network) for node in network.nodes]
    letters = [
        text_size(node.name, size, bold)
        for node, size, bold in zip(network.nodes, font_sizes(network), is_bold(network), strict=True)
    ]
    # Many nodes: names may have to go, so circles alone keep their distance.
    named = len(network.nodes) <= 110
    sizes = [
        (max(2 * r, width) + 10, 2 * r + height + 10) if named else (2 * r + 10, 2 * r + 10)
        for r, (width, height) in zip(radii, letters, strict=True)
    ]
    at = place(network, sizes, frame)
    if named and len(at):
        # The boxes were placed around circle and name below it: the circle is the upper part.
        at = at - [[0.0, (height + 2) / 2] for _, height in letters]
    curves = draw_curves(network, at, radii)
    labels = place_labels(network, at, radii, curves, frame)
    return Scene(network=network, at=at, radii=tuple(radii), curves=tuple(curves), labels=tuple(labels))


def radius(in_weight: int, network: Network) -> float:
    """Pixels; the area grows with the links received, down to a dot that is still seen."""
    most = max((node.in_weight for node in network.nodes), default=0) or 1
    largest = 38.0 * min(1.0, math.sqrt(90 / max(len(network.nodes), 1)))
    return max(_MIN_RADIUS, largest * math.sqrt(in_weight / most))
