"""What the route tells in facts: one of each kind, with the very write that it tells of, whatever dies in between."""

from __future__ import annotations

from typing import Any

import pytest

from engineshed.model.errors import RunFailed
from engineshed.model.fact import Fact, FactKind
from engineshed.running.route import finish
from engineshed.storage.ledger import SqlLedger
from engineshed.telemetry import metrics as m
from engineshed.telemetry.counting import Counting
from engineshed.testing.platform import Script
from engineshed.testing.steps import RecordedStep

from .conftest import World


def told(world: World) -> list[Fact]:
    return [fact for _, fact in world.shed.ledger.facts(limit=10_000)]


def counted(world: World) -> Counting:
    counting = Counting()
    counting.take(told(world))
    return counting


def test_a_good_run_is_told_from_intent_to_settlement(world: World) -> None:
    finish(RecordedStep(), world.order, world.shed)
    kinds = [fact.kind for fact in told(world)]
    assert [kinds.count(kind) for kind in (FactKind.INTENDED, FactKind.SUBMITTED, FactKind.SETTLED)] == [1, 1, 1]
    settled = next(fact for fact in told(world) if fact.kind is FactKind.SETTLED)
    assert settled.labels["transport"] == "files"
    assert settled.data["cost"]["basis"]
    assert settled.data["lost"] == 0
    assert settled.data["messages"] > 0
    counting = counted(world)
    whose = {"team": "web", "code_location": "web_graph", "asset_group": "", "engine": "virtual"}
    assert counting.series.value(m.ATTEMPTS, **whose, outcome="succeeded", error_class="") == 1
    assert counting.live == {}


def test_a_failed_run_is_told_with_its_class_and_its_cost(world: World) -> None:
    world.platform.script = Script(exception="ValueError")
    with pytest.raises(RunFailed):
        finish(RecordedStep(), world.order, world.shed)
    settled = next(fact for fact in told(world) if fact.kind is FactKind.SETTLED)
    assert (settled.data["outcome"], settled.data["class"]) == ("failed", "user_code")
    assert "cost" in settled.data


class Died(BaseException):
    """The worker, at once."""


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        ("record_intent", FactKind.INTENDED),
        ("record_launch", FactKind.SUBMITTED),
        ("settle", FactKind.SETTLED),
    ],
)
def test_no_death_comes_between_a_write_and_its_fact(
    world: World, write: str, kind: FactKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(SqlLedger, write)

    def then_dies(*words: Any, **named: Any) -> Any:
        real(*words, **named)
        raise Died

    monkeypatch.setattr(SqlLedger, write, then_dies)
    with pytest.raises(Died):
        finish(RecordedStep(), world.order, world.shed)
    assert [fact.kind for fact in told(world)].count(kind) == 1
    monkeypatch.undo()
    finish(RecordedStep(), world.order, world.shed)
    kinds = [fact.kind for fact in told(world)]
    assert [kinds.count(each) for each in (FactKind.INTENDED, FactKind.SUBMITTED, FactKind.SETTLED)] == [1, 1, 1]
