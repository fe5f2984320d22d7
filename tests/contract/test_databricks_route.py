"""The whole route on a workspace in virtual time: cancels, evictions, spot, trouble, and what Dagster is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import DRIVER, NEW_CLUSTER, ONE_WORKER, VOLUME, SmallBook, engine_settings

from engineshed.channels.volumes import build as build_channel
from engineshed.engines.databricks import build
from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import RunCancelled, RunFailed
from engineshed.model.failure import FailureClass
from engineshed.model.job import Mode, SparkJob
from engineshed.ports.engine import Surroundings
from engineshed.ports.step import RunState
from engineshed.running.exchange import Exchange
from engineshed.running.order import Order
from engineshed.running.route import finish
from engineshed.running.shed import Cadence, Shed
from engineshed.running.staging import Staging
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store
from engineshed.testing.clock import VirtualClock
from engineshed.testing.databricks import (
    CallFault,
    CallTrouble,
    DatabricksDouble,
    Faults,
    RunFault,
    RunTrouble,
    Script,
    raised,
)
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.steps import Interrupted, RecordedStep


@dataclass
class World:
    """All that survives a worker's death, and the clock."""

    double: DatabricksDouble
    clock: VirtualClock
    shed: Shed
    order: Order

    def attempts(self, step: RecordedStep) -> list[Attempt]:
        return list(self.shed.ledger.attempts(step.key))

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        """Once, when so much time has passed."""
        due = [self.clock.now() + timedelta(seconds=seconds)]

        def look() -> None:
            if due and self.clock.now() >= due[0]:
                due.clear()
                do()

        self.clock.on_sleep = look


class Speaking:
    """A script that says something every minute, as the relay ships it."""

    def __init__(self, double: DatabricksDouble, *, minutes: int = 10, fails: str = "") -> None:
        self._double, self._minutes, self._fails = double, minutes, fails

    def __call__(self, task: TaskRun) -> Script:
        exception = {"name": "ValueError", "message": self._fails, "stack": []} if self._fails else None
        lines = [self._said("opened", {"extras": {}})]
        lines += [self._said("log", {"message": f"minute {n}", "level": "INFO"}) for n in range(1, self._minutes)]
        lines.append(self._said("closed", {"exception": exception} if exception else None))
        deeds = tuple((60.0 * number, self._put(number + 1, line)) for number, line in enumerate(lines))
        lasts_s = 60.0 * self._minutes + 1
        if self._fails:
            return Script(lasts_s=lasts_s, deeds=deeds, ends=raised(f"ValueError: {self._fails}", self._fails))
        return Script(lasts_s=lasts_s, deeds=deeds)

    def _said(self, method: str, params: Mapping[str, Any] | None) -> str:
        return json.dumps({"__dagster_pipes_version": "0.1", "method": method, "params": params}) + "\n"

    def _put(self, number: int, line: str) -> Callable[[TaskRun], None]:
        def put(task: TaskRun) -> None:
            channel = json.loads(task.parameters[1])
            folder = self._double.platform.storage.local(channel["messages"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:012}.jsonl").write_text(line)

        return put


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble() as started:
        started.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", started.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", started.token)
        yield started


@pytest.fixture
def make_world(double: DatabricksDouble, tmp_path: Path) -> Callable[..., World]:
    def make(*compute: Mapping[str, Any], script: Speaking | None = None, faults: Faults | None = None) -> World:
        double.renew(scripts=script or Speaking(double), faults=faults)
        clock = double.clock
        assert isinstance(clock, VirtualClock)
        exchange = open_store(f"{VOLUME}/exchange", {})
        surroundings = Surroundings(home=str(tmp_path), python="python", clock=clock, exchange=exchange)
        datasets = Datasets(open_store(str(tmp_path / "data"), {}), clock)
        payload = tmp_path / "edges.py"
        payload.write_text("print('payload')\n")
        shed = Shed(
            engines={"databricks": build(engine_settings(double.host, *compute), surroundings)},
            channels={"volumes": build_channel({}, surroundings)},
            ledger=open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"),
            datasets=datasets,
            sources=datasets,
            staging=Staging(open_store(str(tmp_path / "staging"), {}), DRIVER),
            exchange=Exchange(exchange, DRIVER, clock),
            prices=SmallBook(),
            clock=clock,
            cadence=Cadence(messages_s=15, status_s=15, run_state_s=15, lease_s=120, drain_s=60, cancel_s=120),
        )
        job = SparkJob(name="edges", script=str(payload), resources=ONE_WORKER)
        order = Order(asset="edges", job=job, mode=Mode.FULL, team="web", code_location="web_graph")
        return World(double, clock, shed, order)

    return make


MINUTES = [f"minute {number}" for number in range(1, 10)]


def test_a_good_run_is_heard_whole_and_billed(make_world: Callable[..., World]) -> None:
    world, step = make_world(), RecordedStep()
    result = finish(step, world.order, world.shed)
    assert [text for _, text, _ in step.spoken] == MINUTES
    assert result.cost is not None
    assert result.cost.total_usd > Decimal("0.01")
    assert len(world.double.books.submissions) == 1


def test_a_cancelled_run_is_cancelled_on_both_sides_and_never_a_success(make_world: Callable[..., World]) -> None:
    """The client of today swallows the cancel: the foreign run is CANCELED, Dagster's a success with its asset."""
    world, step = make_world(), RecordedStep()

    def cancel() -> None:
        step.state = RunState.CANCELLING

    world.at(500, cancel)
    with pytest.raises(RunCancelled):
        finish(step, world.order, world.shed)
    (attempt,) = world.attempts(step)
    assert attempt.settlement is not None
    assert attempt.settlement.outcome is Outcome.CANCELLED
    assert attempt.launch is not None
    run = world.double.books.run(int(attempt.launch.native_id))
    assert run.ended_at is not None
    assert [task.ending.code for task in run.tasks if task.ending] == ["USER_CANCELED"]
    world.clock.on_sleep = lambda: None
    world.clock.sleep(600)
    assert world.double.books.billing_now() == ()


def test_an_evicted_worker_leaves_the_run_and_its_successor_hears_the_rest(make_world: Callable[..., World]) -> None:
    world, evicted = make_world(), RecordedStep("run-1")

    def evict() -> None:
        raise Interrupted

    world.at(500, evict)
    with pytest.raises(Interrupted):
        finish(evicted, world.order, world.shed)
    world.clock.on_sleep = lambda: None
    successor = RecordedStep("run-2", root_run_id="run-1")
    result = finish(successor, world.order, world.shed)
    assert result.adopted
    assert len(world.double.books.submissions) == 1
    assert sorted({text for _, text, _ in (*evicted.spoken, *successor.spoken)}) == sorted(MINUTES)


def test_a_driver_lost_to_spot_goes_to_the_next_offer_under_a_new_token(make_world: Callable[..., World]) -> None:
    lost = Faults(runs=(RunFault(trouble=RunTrouble.DRIVER_LOST, at_s=100),))
    both = {**NEW_CLUSTER, "markets": ["spot", "on_demand"], "first_on_demand": 0}
    world, step = make_world(both, faults=lost), RecordedStep()
    result = finish(step, world.order, world.shed)
    first, second = world.attempts(step)
    assert first.settlement is not None
    assert first.settlement.failure is not None
    print([attempt.intent.offer for attempt in (first, second)])
    assert first.settlement.failure.failure_class is FailureClass.SPOT_LOSS
    assert (first.intent.offer, second.intent.offer) == ("1 + 1 x m5.large spot", "1 + 1 x m5.large on_demand")
    assert first.intent.token != second.intent.token == result.token
    assert first.settlement.cost is not None
    assert first.settlement.cost.total_usd > 0


def test_user_code_stops_at_once_with_its_own_words(make_world: Callable[..., World], double: DatabricksDouble) -> None:
    world, step = make_world(script=Speaking(double, fails="no such crawl")), RecordedStep()
    with pytest.raises(RunFailed, match="no such crawl"):
        finish(step, world.order, world.shed)
    assert len(world.double.books.submissions) == 1


@pytest.mark.parametrize("trouble", [CallTrouble.UNAVAILABLE, CallTrouble.THROTTLED, CallTrouble.LOST_REPLY])
def test_trouble_of_half_an_hour_while_watching_fails_nothing(
    trouble: CallTrouble, make_world: Callable[..., World]
) -> None:
    fault = CallFault(trouble=trouble, on="(runs/get|fs/files|fs/dir)", after=40, times=0, lasting_s=1800)
    world, step = make_world(faults=Faults(calls=(fault,))), RecordedStep()
    finish(step, world.order, world.shed)
    assert [text for _, text, _ in step.spoken] == MINUTES


@pytest.mark.parametrize("trouble", [CallTrouble.LOST_REPLY, CallTrouble.LOST_REQUEST, CallTrouble.UNAVAILABLE])
def test_a_submit_in_trouble_makes_one_run(trouble: CallTrouble, make_world: Callable[..., World]) -> None:
    fault = CallFault(trouble=trouble, on="runs/submit", times=2)
    world, step = make_world(faults=Faults(calls=(fault,))), RecordedStep()
    finish(step, world.order, world.shed)
    assert len(world.double.books.submissions) == 1
