"""Where names go: beside their node, never on another name, on another node or outside the frame.

The most linked nodes choose first; a name without room is left out, and the picture counts on its neighbours' names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from web_graph.pictures.canvas import text_size
from web_graph.pictures.curves import Curve
from web_graph.pictures.layout import Box, Points
from web_graph.pictures.network import Network

_GAP: Final = 4.0
_LARGE_PX: Final = 27.0
_SMALL_PX: Final = 19.5
_FURTHER: Final = 11.0
_AIR: Final = 2.0  # free pixels around each name


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name at its place. `box` is the room of its letters."""

    node: int
    text: str
    size_px: float
    bold: bool
    box: Box


def font_sizes(network: Network) -> list[float]:
    """Letter height in pixels for each node, by the share of links it receives."""
    most = max((node.in_weight for node in network.nodes), default=0) or 1
    return [_SMALL_PX + (_LARGE_PX - _SMALL_PX) * math.sqrt(node.in_weight / most) for node in network.nodes]


def is_bold(network: Network) -> list[bool]:
    """Whether a node is one of the eighth that is linked most."""
    ordered = network.importance()
    strong = set(ordered[: max(1, len(ordered) // 8)])
    return [i in strong for i in range(len(network.nodes))]


def place_labels(
    network: Network, at: Points, radii: Sequence[float], curves: Sequence[Curve], frame: Box
) -> list[Label]:
    """Labels of as many nodes as have room, the most linked first."""
    sizes, bold = font_sizes(network), is_bold(network)
    taken = np.array([[x - r, y - r, x + r, y + r] for (x, y), r in zip(at, radii, strict=True)]).reshape(-1, 4)
    lines = np.vstack([curve.line for curve in curves]) if curves else np.zeros((0, 2))
    placed: list[Label] = []
    for i in network.importance():
        name = network.nodes[i].name
        width, height = text_size(name, sizes[i], bold[i])
        others = np.delete(taken, i, axis=0)
        best: tuple[float, Box] | None = None
        for preference, box in enumerate(_candidates(at[i], radii[i], width, height)):
            aired = Box(box.left - _AIR, box.top - _AIR, box.right + _AIR, box.bottom + _AIR)
            if not box.within(frame) or _touches(aired, others):
                continue
            cost = preference * 1.5 + _crossings(aired, lines)
            if best is None or cost < best[0]:
                best = (cost, box)
        if best is not None:
            box = best[1]
            placed.append(Label(node=i, text=name, size_px=sizes[i], bold=bold[i], box=box))
            taken = np.vstack([taken, [box.left, box.top, box.right, box.bottom]])
    return placed


def _candidates(centre: Points, radius: float, width: float, height: float) -> Iterator[Box]:
    x, y = float(centre[0]), float(centre[1])
    for away in (0.0, _FURTHER):
        for left, top in _corners(x, y, radius + _GAP + away, radius * 0.7 + _GAP + away, width, height):
            yield Box(left, top, left + width, top + height)


def _corners(
    x: float, y: float, reach: float, slant: float, width: float, height: float
) -> tuple[tuple[float, float], ...]:
    """Top left corners around a node, the best first."""
    return (
        (x - width / 2, y + reach),
        (x - width / 2, y - reach - height),
        (x + reach, y - height / 2),
        (x - reach - width, y - height / 2),
        (x + slant, y + slant - height / 3),
        (x - slant - width, y + slant - height / 3),
        (x + slant, y - slant - height * 2 / 3),
        (x - slant - width, y - slant - height * 2 / 3),
        (x - width * 0.25, y + reach),
        (x - width * 0.75, y + reach),
        (x - width * 0.25, y - reach - height),
        (x - width * 0.75, y - reach - height),
    )


def _touches(box: Box, others: Points) -> bool:
    apart = (
        (others[:, 0] >= box.right)
        | (others[:, 2] <= box.left)
        | (others[:, 1] >= box.bottom)
        | (others[:, 3] <= box.top)
    )
    return not bool(apart.all())


def _crossings(box: Box, lines: Points) -> float:
    inside = (lines[:, 0] > box.left) & (lines[:, 0] < box.right) & (lines[:, 1] > box.top) & (lines[:, 1] < box.bottom)
    return float(inside.sum())
