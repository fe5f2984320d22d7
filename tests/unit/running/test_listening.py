"""The watch on channels that stumble: away and back, broken, refused, and floods whose watchers die."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engineshed.model.errors import AccessDenied, ChannelBusy, ChannelError, RunFailed
from engineshed.model.fact import FactKind
from engineshed.model.message import Batch
from engineshed.ports.channel import Channel, Reader
from engineshed.running.route import finish
from engineshed.testing.platform import Script
from engineshed.testing.steps import RecordedStep

from .conftest import World


class Stumbling:
    """A channel whose reader raises while the clock stands between two moments."""

    def __init__(self, inner: Channel, world: World, error: Exception, start_s: float, end_s: float) -> None:
        self._inner, self._clock, self._error = inner, world.clock, error
        self._start_s, self._end_s = start_s, end_s
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def reader(self, address: str) -> Reader:
        self._reader = self._inner.reader(address)
        return self

    def poll(self, cursor: str) -> Batch:
        if self._start_s <= self._clock.monotonic_s() < self._end_s:
            self.asked += 1
            raise self._error
        return self._reader.poll(cursor)


def stumbling(world: World, error: Exception, start_s: float, end_s: float) -> Stumbling:
    channel = Stumbling(world.shed.channels["files"], world, error, start_s, end_s)
    world.shed = replace(world.shed, channels={"files": channel})  # type: ignore[dict-item]
    return channel


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 60.0), (4.0, 64.0), (9.5, 300.0)])
def test_a_store_that_is_away_for_minutes_loses_nothing(world: World, start_s: float, end_s: float) -> None:
    channel = stumbling(world, ChannelBusy("the store is away"), start_s, end_s)
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert [text for _, text, _ in step.spoken] == [f"line {n}" for n in range(1, 6)]
    assert result.warnings == ()
    assert [w for w in step.warnings if "Messages cannot be read now" in w] == step.warnings
    assert len(step.warnings) == 1
    assert channel.asked < (end_s - start_s) / 4 + 10, "a store in trouble must not be flooded with requests"
    kinds = {fact.kind for _, fact in world.shed.ledger.facts()}
    assert FactKind.CHANNEL_BROKEN not in kinds


def test_a_store_that_never_comes_back_is_not_waited_for_for_ever(world: World) -> None:
    stumbling(world, ChannelBusy("the store is away"), 5.0, 1e9)
    result = finish(RecordedStep(), world.order, world.shed)
    assert "the message channel broke" in result.warnings[0], "the tables were sealed: the result is taken"
    assert 600 < world.clock.monotonic_s() < 700


def test_a_broken_channel_is_said_once_and_recorded(world: World) -> None:
    stumbling(world, ChannelError("a number is missing"), 5.0, 1e9)
    step = RecordedStep()
    finish(step, world.order, world.shed)
    assert [w for w in step.warnings if "broken: a number is missing" in w] == step.warnings[:1]
    assert FactKind.CHANNEL_BROKEN in {fact.kind for _, fact in world.shed.ledger.facts()}


def test_access_that_is_lost_in_mid_run_is_raised_at_once(world: World) -> None:
    stumbling(world, AccessDenied("the role lost its rights"), 5.0, 1e9)
    with pytest.raises(AccessDenied, match="lost its rights"):
        finish(RecordedStep(), world.order, world.shed)
    assert world.clock.monotonic_s() < 5.5


def test_a_failed_run_still_tells_what_its_driver_said(world: World) -> None:
    world.platform.script = Script(exception="boom")
    stumbling(world, ChannelBusy("the store is away"), 5.0, 40.0)
    with pytest.raises(RunFailed, match="boom"):
        finish(RecordedStep(), world.order, world.shed)


class Dies(RecordedStep):
    """A body that is gone after so many messages, before it could save how far it was."""

    def __init__(self, run_id: str, after: int) -> None:
        super().__init__(run_id)
        self._left = after

    def message(self, message, *, repeated):
        super().message(message, repeated=repeated)
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 3, 6])
def test_a_watcher_that_dies_in_a_flood_leaves_no_unmarked_double(world: World, after: int) -> None:
    world.platform.script = Script(lines=8_000, lasts_s=0)
    first = Dies("run-1", after)
    with pytest.raises(KeyboardInterrupt):
        finish(first, world.order, world.shed)
    world.clock.sleep(60)
    second = RecordedStep("run-1")
    finish(second, world.order, world.shed)
    heard = lines([text for _, text, _ in first.spoken])
    anew = lines([text for _, text, repeated in second.spoken if not repeated])
    again = lines([text for _, text, repeated in second.spoken if repeated])
    assert len(set(heard + anew)) == len(heard + anew), "a line came twice and was not marked"
    assert {*heard, *anew, *again} == {f"line {n}" for n in range(1, 8_001)}


def lines(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.splitlines() if not line.endswith(" messages]")]
