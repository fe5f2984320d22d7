"""A worker that dies at any call of the route, before or after: its successor ends with one submission, one commit.

Death is an exception that no handler of the route may catch; what survives is what a real death leaves: the ledger, the
stores, the channel and the platform.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engineshed.model.job import Mode
from engineshed.running.route import finish
from engineshed.running.shed import Shed
from engineshed.testing.steps import RecordedStep

from .conftest import World


class Killed(BaseException):
    """SIGKILL."""


class Mortal:
    """Counts the calls through it and its like, and dies at one of them; dead, it does nothing any more."""

    def __init__(self, inner: Any, death: Death) -> None:
        self._inner, self._death = inner, death

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._death.strike(name, "before")
            answer = value(*args, **kwargs)
            self._death.strike(name, "after")
            return answer

        return call


class Death:
    """Comes at the nth strike."""

    def __init__(self, nth: int) -> None:
        self._left = nth
        self.at = ""
        self.dead = False

    def strike(self, name: str, when: str) -> None:
        """Die, or come one closer to it."""
        if self.dead:
            raise Killed
        self._left -= 1
        if self._left == 0:
            self.dead, self.at = True, f"{when} {name}"
            raise Killed


def _mortal(shed: Shed, death: Death) -> Shed:
    return replace(
        shed,
        engines={name: Mortal(engine, death) for name, engine in shed.engines.items()},
        channels={name: Mortal(channel, death) for name, channel in shed.channels.items()},
        ledger=Mortal(shed.ledger, death),
        datasets=Mortal(shed.datasets, death),
        staging=Mortal(shed.staging, death),
    )


def _dies(world: World, step: RecordedStep, nth: int) -> Death:
    death = Death(nth)
    try:
        finish(step, world.order, _mortal(world.shed, death))
    except Killed:
        assert death.dead
    return death


def test_one_submission_and_one_result_wherever_the_worker_dies(make_world: Callable[..., World]) -> None:
    struck: list[str] = []
    for nth in range(1, 2000):
        world = make_world()
        first = RecordedStep("run-1")
        death = _dies(world, first, nth)
        if not death.dead:
            break
        struck.append(death.at)
        successor = RecordedStep("run-2", root_run_id="run-1")
        result = finish(successor, world.order, world.shed)
        where = f"death {nth}, {death.at}"
        assert len(world.platform.submissions) == 1, where
        history = world.shed.datasets.history("edges", None, Mode.FULL)
        assert [c.token for c in history] == [result.token], where
        assert not world.shed.ledger.live_attempts(), where
        _all_lines_arrived(
            first, successor, result.published != () and "returning its recorded" in str(successor.lines), where
        )
    else:
        pytest.fail("the route never ended")
    for name in ("record_intent", "submit", "record_launch", "publish", "settle"):
        assert {f"before {name}", f"after {name}"} <= set(struck), f"no death {name} was tried"


def _all_lines_arrived(first: RecordedStep, second: RecordedStep, recorded: bool, where: str) -> None:
    """None lost; what was handed on twice is marked."""
    by_first = {n for n, _, _ in first.spoken}
    by_second = [n for n, _, _ in second.spoken]
    assert by_first | set(by_second) == {2, 3, 4, 5, 6}, where
    twice = [n for n, _, repeated in second.spoken if n in by_first and not repeated]
    assert not twice, f"{where}: lines {twice} were repeated without a mark"
    assert not (recorded and by_second), where


def test_two_deaths_in_a_row_change_nothing(make_world: Callable[..., World]) -> None:
    for nth in range(5, 120, 13):
        world = make_world()
        _dies(world, RecordedStep("run-1"), nth)
        world.clock.sleep(7)
        _dies(world, RecordedStep("run-2", root_run_id="run-1"), nth // 2 + 1)
        result = finish(RecordedStep("run-3", root_run_id="run-1"), world.order, world.shed)
        assert len(world.platform.submissions) == 1
        assert len(world.shed.datasets.history("edges", None, Mode.FULL)) == 1
        assert result.published
