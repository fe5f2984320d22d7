"""Links as bent arrows from the rim of one node to the rim of another, led around the nodes between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from web_graph.pictures.layout import Points
from web_graph.pictures.network import Link, Network

_BENDS: Final = (0.14, -0.14, 0.3, -0.3, 0.45, -0.45)
_SAMPLES: Final = 40
_MAX_SAG: Final = 130.0
_CLEARANCE: Final = 4.0
_HEAD_ASPECT: Final = 0.72


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One link: the line and, at its end, the head's triangle. `width` is in pixels."""

    link: Link
    line: Points
    head: Points
    width: float


def draw_curves(network: Network, at: Points, radii: Sequence[float]) -> list[Curve]:
    """Curves in the order of the links."""
    heaviest = max((link.weight for link in network.links), default=1)
    rims = np.asarray(radii, dtype=np.float64) + _CLEARANCE
    curves = []
    for link in network.links:
        # The two links of a pair bend to the same hand, which lays them side by side.
        bends = [bend for bend in _BENDS if bend > 0] if link.reciprocal else list(_BENDS)
        paths = [_path(at[link.source], at[link.target], bend) for bend in bends]
        others = np.delete(np.arange(len(at)), [link.source, link.target])
        hits = [_hits(path, at[others], rims[others]) for path in paths]
        path = paths[hits.index(min(hits))]
        width = line_width(link.weight, heaviest)
        curves.append(_arrow(link, path, radii[link.source], radii[link.target], width))
    return curves


def line_width(weight: int, heaviest: int) -> float:
    """Pixels, by the logarithm of the weight: 1.5 for one link, 8 for the heaviest of a large graph."""
    return 1.5 + 6.5 * math.log(max(weight, 1)) / math.log(max(heaviest, 20))


def _path(start: Points, end: Points, bend: float) -> Points:
    """A quadratic Bézier curve from centre to centre."""
    way = end - start
    length = max(float(np.hypot(*way)), 1e-9)
    sag = math.copysign(min(abs(bend) * length, _MAX_SAG * abs(bend) / 0.3), bend)
    control = (start + end) / 2 + np.array([-way[1], way[0]]) / length * sag
    t = np.linspace(0.0, 1.0, _SAMPLES)[:, None]
    path: Points = (1 - t) ** 2 * start + 2 * (1 - t) * t * control + t**2 * end
    return path


def _hits(path: Points, centres: Points, rims: Points) -> int:
    gap = np.sqrt(((path[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2))
    return int((gap < rims[None, :]).any(axis=0).sum())


def _arrow(link: Link, path: Points, source_radius: float, target_radius: float, width: float) -> Curve:
    from_source = np.sqrt(((path - path[0]) ** 2).sum(axis=1))
    to_target = np.sqrt(((path - path[-1]) ** 2).sum(axis=1))
    room = max(float(to_target[0]) - source_radius - target_radius, 1.0)
    head = min(9.0 + 1.7 * width, 0.6 * room)
    start = _cross(path, from_source, source_radius + 1.5)
    tip = _cross(path[::-1], to_target[::-1], target_radius + 2.5)
    neck = _cross(path[::-1], to_target[::-1], target_radius + 2.5 + head * 0.9)
    inner = path[(from_source > source_radius + 2.5) & (to_target > target_radius + 2.5 + head)]
    along = (tip - neck) / max(float(np.hypot(*(tip - neck))), 1e-9)
    across = np.array([-along[1], along[0]]) * head * _HEAD_ASPECT / 2
    base = tip - along * head
    return Curve(
        link=link,
        line=np.vstack([start, inner, neck]),
        head=np.vstack([tip, base + across, base - across]),
        width=width,
    )


def _cross(path: Points, distance: Points, radius: float) -> Points:
    """Where a path that starts at a node's centre leaves a circle around it."""
    i = int(np.argmax(distance >= radius))
    if i == 0:
        i = len(path) // 2
    share = (radius - distance[i - 1]) / max(distance[i] - distance[i - 1], 1e-9)
    point: Points = path[i - 1] + (path[i] - path[i - 1]) * share
    return point
