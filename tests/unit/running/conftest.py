"""A shed in virtual time: a real SQLite ledger, real local stores and channels, and a platform that outlives its
callers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engineshed.channels.files import FileChannel
from engineshed.model.job import Mode, SparkJob
from engineshed.prices.own import OwnPrices
from engineshed.running.order import Order
from engineshed.running.shed import Cadence, Shed
from engineshed.running.staging import Staging
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store
from engineshed.testing.clock import VirtualClock
from engineshed.testing.platform import VirtualEngine, VirtualPlatform


@dataclass
class World:
    """All that survives a worker's death, and the clock."""

    clock: VirtualClock
    platform: VirtualPlatform
    shed: Shed
    order: Order


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Makes worlds, each in a folder of its own."""
    made = 0

    def make(*, tables: tuple[str, ...] = ("links",), engines: tuple[str, ...] = ("virtual",), **job: object) -> World:
        nonlocal made
        made += 1
        home = tmp_path / f"world-{made}"
        home.mkdir()
        script = home / "edges.py"
        script.write_text("print('payload')\n")
        clock = VirtualClock()
        platform = VirtualPlatform(clock)
        clock.on_sleep = platform.advance
        datasets = Datasets(open_store(str(home / "data"), {}), clock)
        shed = Shed(
            engines={name: VirtualEngine(platform, name) for name in engines},
            channels={"files": FileChannel(home / "channels")},
            ledger=open_ledger(f"sqlite:///{home / 'ledger.db'}"),
            datasets=datasets,
            sources=datasets,
            staging=Staging(open_store(str(home / "staging"), {}), script),
            prices=OwnPrices([]),
            clock=clock,
            cadence=Cadence(lease_s=6.0, drain_s=5.0),
        )
        order = Order(
            asset="edges",
            job=SparkJob(name="edges", script=str(script), tables=tables, **job),  # type: ignore[arg-type]
            mode=Mode.FULL,
            team="web",
            code_location="web_graph",
        )
        return World(clock, platform, shed, order)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One world."""
    return make_world()
