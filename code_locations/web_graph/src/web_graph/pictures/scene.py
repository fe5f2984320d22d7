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
FRAME: Final = Box(30, 116, WIDTH_PX - 30, 922)
_MIN_RADIUS: Final = 6.5
_ALL_NAMED: Final = 110
_NAMED_IN_A_CROWD: Final = 60


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
    # In a crowd only the most linked get room for their name, the others a name where there happens to be room.
    named = set(network.importance()[: len(radii) if len(radii) <= _ALL_NAMED else _NAMED_IN_A_CROWD])
    rooms = [size if i in named else (0.0, 0.0) for i, size in enumerate(letters)]
    sizes = [(max(2 * r, width) + 10, 2 * r + height + 10) for r, (width, height) in zip(radii, rooms, strict=True)]
    at = place(network, sizes, frame)
    # A place is the middle of circle and name together: the circle is the upper part.
    at[:, 1] -= [height / 2 for _, height in rooms]
    curves = draw_curves(network, at, radii)
    labels = place_labels(network, at, radii, curves, frame)
    return Scene(network=network, at=at, radii=tuple(radii), curves=tuple(curves), labels=tuple(labels))


def radius(in_weight: int, network: Network) -> float:
    """Pixels; the area grows with the links received, down to a dot that is still seen."""
    most = max((node.in_weight for node in network.nodes), default=0) or 1
    largest = 36.0 * min(1.0, math.sqrt(90 / max(len(network.nodes), 1)))
    return max(_MIN_RADIUS, largest * math.sqrt(in_weight / most))
