"""A store that is away for a minute while a run is prepared, judged or settled costs a minute, not the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engineshed.model.errors import StoreBusy, StoreDenied
from engineshed.model.job import Mode
from engineshed.running.exchange import Exchange
from engineshed.running.route import finish
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import LocalStore
from engineshed.testing.clock import VirtualClock
from engineshed.testing.steps import RecordedStep

from .conftest import World
from .test_exchange import Elsewhere


class Away(LocalStore):
    """A folder that does not answer between two moments."""

    def __init__(self, root: str, clock: VirtualClock, start_s: float, end_s: float, error: type[Exception]) -> None:
        super().__init__(root)
        self.clock, self.start_s, self.end_s, self.error = clock, start_s, end_s, error

    def _path(self, key: str) -> Any:
        if self.start_s <= self.clock.monotonic_s() < self.end_s:
            raise self.error("the store is away.")
        return super()._path(key)

    def list(self, prefix: str, *, after: str = "") -> Any:
        self._path("any")
        return super().list(prefix, after=after)


@pytest.fixture
def with_store(make_world: Callable[..., World], tmp_path: Path) -> Callable[..., World]:
    def make(start_s: float, end_s: float, error: type[Exception] = StoreBusy) -> World:
        world = make_world()
        store = Away(str(tmp_path / "world-1" / "data"), world.clock, start_s, end_s, error)
        datasets = Datasets(store, world.clock)
        return replace(world, shed=replace(world.shed, datasets=datasets, sources=datasets))

    return make


@pytest.mark.parametrize("start_s", [0.0, 5.0])
def test_an_outage_before_the_launch_and_one_at_the_settling_are_waited_out(
    with_store: Callable[..., World], start_s: float
) -> None:
    world = with_store(start_s, start_s + 60)
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert [p.rows for p in result.published] == [{"links": 3}]
    assert len(world.platform.submissions) == 1
    assert step.warnings == ["the store is away. Will go on trying."]


def test_an_outage_without_end_ends_the_step_and_leaves_the_run_to_a_successor(
    with_store: Callable[..., World],
) -> None:
    world = with_store(5.0, 2_000.0)
    with pytest.raises(StoreBusy):
        finish(RecordedStep("run-1"), world.order, world.shed)
    world.clock.sleep(2_000)
    result = finish(RecordedStep("run-1"), world.order, world.shed)
    assert result.adopted
    assert len(world.platform.submissions) == 1
    assert world.shed.datasets.latest("edges", None, Mode.FULL) is not None


def test_refused_access_is_not_waited_for(with_store: Callable[..., World]) -> None:
    world = with_store(5.0, 2_000.0, StoreDenied)
    with pytest.raises(StoreDenied):
        finish(RecordedStep(), world.order, world.shed)
    assert world.clock.monotonic_s() < 15


def test_staging_waits_for_the_exchange(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(tables=())
    driver = tmp_path / "engineshed_driver.py"
    driver.write_text("driver")
    store = Away(str(tmp_path / "exchange"), world.clock, 0.0, 60.0, StoreBusy)
    exchange = Exchange(store, driver, world.clock)
    shed = replace(world.shed, exchange=exchange, engines={"far": Elsewhere(world.platform, "far")})
    step = RecordedStep()
    finish(step, world.order, shed)
    assert "Will go on trying" in step.warnings[0]
    assert list(store.list("staged/2026-01/"))
