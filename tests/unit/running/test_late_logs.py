"""The driver's output as the watch copies it: not at every look, and of a failed run also when it comes late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engineshed.model.errors import RunFailed
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Launch
from engineshed.model.status import State, Status
from engineshed.ports.engine import Capabilities, LogChunk
from engineshed.running.route import finish
from engineshed.testing.platform import Script, VirtualEngine
from engineshed.testing.steps import RecordedStep

from .conftest import World

LATE_S = 300.0


class Delivering(VirtualEngine):
    """Its output is there so long after the submit."""

    delivered_s = 120.0
    look_s = 0.0
    asked = looked = 0

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(transports=("files",), logs=True, logs_late_s=LATE_S, look_s=self.look_s)

    def status(self, launch: Launch) -> Status:
        self.looked += 1
        return super().status(launch)

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        self.asked += 1
        if self._platform.clock.monotonic_s() < self.delivered_s or cursor:
            return LogChunk("", cursor)
        return LogChunk("java.lang.OutOfMemoryError\n", "all")


def delivering(world: World, failure: FailureClass | None, *, exception: str = "") -> Delivering:
    engine = Delivering(world.platform)
    world.shed = replace(world.shed, engines={"virtual": engine})
    if failure is not None:
        ended = Failure(failure, "exit_code", "the driver ended with 137")
        world.platform.script = Script(ends=State.FAILED, failure=ended, exception=exception, closes=bool(exception))
    return engine


def test_what_a_failed_driver_printed_last_is_waited_for(world: World) -> None:
    delivering(world, FailureClass.USER_CODE)
    step = RecordedStep()
    with pytest.raises(RunFailed):
        finish(step, world.order, world.shed)
    assert step.streamed == "java.lang.OutOfMemoryError\n"
    assert 120 < world.clock.monotonic_s() < 200, "once it has come, half a minute of silence is the end"


def test_output_that_never_comes_is_not_waited_for_for_ever(world: World) -> None:
    delivering(world, FailureClass.USER_CODE).delivered_s = 1e9
    step = RecordedStep()
    with pytest.raises(RunFailed):
        finish(step, world.order, world.shed)
    assert LATE_S < world.clock.monotonic_s() < LATE_S + 30


@pytest.mark.parametrize(
    ("failure", "exception"), [(None, ""), (FailureClass.SPOT_LOSS, ""), (FailureClass.USER_CODE, "boom")]
)
def test_nothing_is_waited_for_where_nobody_needs_it(
    world: World, failure: FailureClass | None, exception: str
) -> None:
    """A good run; one that goes to the next offer at once; one whose driver has said why."""
    delivering(world, failure, exception=exception)
    if failure is None:
        finish(RecordedStep(), world.order, world.shed)
    else:
        with pytest.raises(RunFailed):
            finish(RecordedStep(), world.order, world.shed)
    assert world.clock.monotonic_s() < 30


@pytest.mark.parametrize(("look_s", "most"), [(0.0, 75), (5.0, 20)])
def test_a_platform_is_asked_no_more_often_than_it_likes(world: World, look_s: float, most: int) -> None:
    engine = delivering(world, None)
    engine.look_s = look_s
    world.platform.script = Script(lasts_s=60)
    finish(RecordedStep(), world.order, world.shed)
    assert engine.asked < most
    assert engine.looked < most
