"""Where nodes lie: forces first, then spread over the frame, then apart until neither nodes nor labels collide.

All lengths are pixels, y grows downwards. Nothing here draws; the only randomness has a fixed seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from web_graph.pictures.network import Network

Points: TypeAlias = NDArray[np.float64]

_SEED: Final = 11
_FORCE_STEPS: Final = 400
_PART_STEPS: Final = 240
_EVENNESS: Final = 0.45  # 0: as the forces left it; 1: evenly spread by rank in both directions
_BETWEEN_GROUPS: Final = 0.3  # pull of a link between groups, within one it is 1


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def overlap(self, other: Box) -> float:
        """The common area."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide * high if wide > 0 and high > 0 else 0.0

    def within(self, other: Box) -> bool:
        """Whether no part of it lies outside."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def place(network: Network, sizes: Sequence[tuple[float, float]], frame: Box) -> Points:
    """A centre for each node. `sizes` are width and height that a node needs with its label."""
    count = len(network.nodes)
    centre = np.array([(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2])
    if count < 2:
        return np.tile(centre, (count, 1))
    free = _forces(network, frame.width / frame.height)
    return _apart(_spread(free, frame), np.asarray(sizes, dtype=np.float64), frame)


def _forces(network: Network, aspect: float) -> Points:
    """Repulsion between all nodes, attraction along links, gravity: a unit of length is a typical link."""
    count = len(network.nodes)
    pull = np.zeros((count, count))
    for link in network.links:
        a, b = network.nodes[link.source], network.nodes[link.target]
        same = a.group is not None and a.group == b.group
        strength = (0.5 + 0.25 * math.log1p(link.weight)) * (1.0 if same else _BETWEEN_GROUPS)
        pull[link.source, link.target] += strength
        pull[link.target, link.source] += strength
    mass = 1.0 + 0.22 * (pull > 0).sum(axis=1) ** 0.8
    repel = mass[:, None] * mass[None, :]
    at = _start(network, aspect)
    for step in range(_FORCE_STEPS):
        apart = at[:, None, :] - at[None, :, :]
        distance = np.sqrt((apart**2).sum(axis=2)) + 1e-6
        strength = repel / distance**2 - pull * distance
        force = (apart / distance[:, :, None] * np.clip(strength, -20, 20)[:, :, None]).sum(axis=1)
        force -= 0.35 * mass[:, None] * at * np.array([1 / aspect, 1.0])
        length = np.sqrt((force**2).sum(axis=1, keepdims=True)) + 1e-9
        heat = 0.6 * (1 - step / _FORCE_STEPS)
        at = at + force / length * np.minimum(length * 0.05, heat)
    return at


def _start(network: Network, aspect: float) -> Points:
    """Each group around a place of its own on an ellipse, so that groups need not pass through one another."""
    random = np.random.default_rng(_SEED)
    groups = sorted({-1 if node.group is None else node.group for node in network.nodes})
    angle = {group: 2 * math.pi * i / len(groups) for i, group in enumerate(groups)}
    radius = 0.5 * math.sqrt(len(network.nodes))
    at = random.normal(scale=0.6, size=(len(network.nodes), 2))
    for i, node in enumerate(network.nodes):
        turn = angle[-1 if node.group is None else node.group]
        at[i] += (radius * aspect * math.cos(turn), radius * math.sin(turn))
    return at


def _spread(at: Points, frame: Box) -> Points:
    """Fills the frame: halfway between the forces' own distances and an even spread."""
    low = np.array([frame.left, frame.top])
    room = np.array([frame.width, frame.height])
    extent = np.ptp(at, axis=0)
    share = np.where(extent > 1e-9, (at - at.min(axis=0)) / np.where(extent > 1e-9, extent, 1.0), 0.5)
    ranks = np.argsort(np.argsort(at, axis=0, kind="stable"), axis=0, kind="stable") / (len(at) - 1)
    # Two nodes need not sit in opposite corners: few nodes use the middle of the frame.
    used = min(1.0, 0.45 + 0.55 * len(at) / 12)
    mixed = (1 - _EVENNESS) * share + _EVENNESS * ranks
    filled: Points = low + room * ((mixed - 0.5) * used + 0.5)
    return filled


def _apart(at: Points, sizes: Points, frame: Box) -> Points:
    """Pushes overlapping boxes apart along the shorter way, within the frame as far as there is room."""
    half = sizes / 2
    low = np.array([frame.left, frame.top]) + half
    high = np.maximum(np.array([frame.right, frame.bottom]) - half, low)
    at = np.clip(at, low, high)
    reach = half[:, None, :] + half[None, :, :]
    others = ~np.eye(len(at), dtype=np.bool_)
    above = np.triu(np.ones((len(at), len(at)), dtype=np.bool_), 1)
    # A tie must fall the same way for both partners, hence the sign by position in the list.
    tie = np.where(above, -1.0, 1.0)
    for _ in range(_PART_STEPS):
        gap = at[:, None, :] - at[None, :, :]
        excess = reach - np.abs(gap)
        collides = np.logical_and(excess[:, :, 0] > 0, excess[:, :, 1] > 0) & others
        if not collides.any():
            break
        axis = np.argmin(excess, axis=2)
        for way in (0, 1):
            push = np.where(collides & (axis == way), excess[:, :, way], 0.0)
            sign = np.where(gap[:, :, way] == 0, tie, np.sign(gap[:, :, way]))
            at[:, way] += 0.3 * (push * sign).sum(axis=1)
        at = np.clip(at, low, high)
    return at
