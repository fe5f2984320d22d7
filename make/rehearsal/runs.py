"""The runs of the rehearsal: queued in a Dagster instance, taken up by workers, led along the route to whatever end."""

from __future__ import annotations

import itertools
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from make.rehearsal.cloud import RATES, Cloud, Rented, Size

from engineshed.channels.files import FileChannel
from engineshed.model.errors import EngineshedError
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import Mode, SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection
from engineshed.model.resources import Resources
from engineshed.model.status import State
from engineshed.ports.meter import Meter
from engineshed.ports.step import RunState
from engineshed.prices.own import OwnPrices
from engineshed.running.order import Order
from engineshed.running.orphans import DagsterRuns
from engineshed.running.reaping import Patience, Reaper
from engineshed.running.route import finish
from engineshed.running.shed import Cadence, Shed
from engineshed.running.staging import Staging
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import SqlLedger
from engineshed.storage.objects import open_store
from engineshed.testing.platform import Script
from engineshed.testing.steps import Interrupted, RecordedStep

GB = 10**9
CORES = 8

ASSETS = (
    # team, code location, group, asset, seconds, gigabytes read, the engines in question, the cheapest first
    ("web", "web_graph", "text", "edges", 38.0, 180, ("kubernetes", "emr")),
    ("web", "web_graph", "graph", "graph", 22.0, 40, ("kubernetes", "emr")),
    ("search", "search_index", "text", "postings", 30.0, 90, ("emr", "databricks")),
    ("search", "search_index", "rank", "page_rank", 26.0, 60, ("databricks", "emr")),
    ("registry", "company_registry", "seeds", "seed_list", 8.0, 1, ("local",)),
)
TEAMS = {team: location for team, location, *_ in ASSETS}
POOLS = {"kubernetes": 4, "emr": 3, "databricks": 2}

FATES = ("good",) * 22 + ("capacity", "spot_loss", "user_code", "adopted", "cancelled", "orphan", "platform", "flaky")


@dataclass(frozen=True, slots=True)
class Task:
    """One queued run, and what will become of it."""

    run: dg.DagsterRun
    asset: tuple[str, str, str, str, float, int, tuple[str, ...]]
    fate: str


class Killed(SystemClock):
    """A worker's clock: at the hour of its death, sleeping ends in an interrupt."""

    def __init__(self) -> None:
        self.dies_s = float("inf")

    def sleep(self, seconds: float) -> None:
        """Wait, or die."""
        if self.monotonic_s() > self.dies_s:
            self.dies_s = float("inf")
            raise Interrupted
        super().sleep(seconds)


@dg.op
def nothing() -> None:
    """Runs of the rehearsal are led by its own workers."""


@dg.job
def made() -> None:
    """What the queued runs are said to be of."""
    nothing()


def queued(instance: dg.DagsterInstance, team: str, location: str) -> dg.DagsterRun:
    """A run of a team's location that waits in the instance's queue."""
    server = GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name=location)
    origin = RemoteRepositoryOrigin(server, "__repository__").get_job_origin("made")
    return instance.create_run_for_job(
        made, status=dg.DagsterRunStatus.QUEUED, tags={"team": team}, remote_job_origin=origin
    )


class Queue:
    """Runs that wait in Dagster's instance, the oldest first."""

    def __init__(self, instance: dg.DagsterInstance, chance: random.Random) -> None:
        self._instance, self._chance, self._lock = instance, chance, threading.Lock()
        self._tasks: list[Task] = []
        self._fates = itertools.cycle(chance.sample(FATES, len(FATES)))
        for pool, slots in POOLS.items():
            instance.event_log_storage.set_concurrency_slots(pool, slots)

    def fill(self, until_s: float) -> None:
        """Queue runs at odd moments, more of them in the middle."""
        while time.monotonic() < until_s:
            self.put(self._chance.choice(ASSETS), next(self._fates))
            time.sleep(self._chance.expovariate(1 / 4.5))

    def put(self, asset: tuple[str, str, str, str, float, int, tuple[str, ...]], fate: str) -> None:
        """Queue one."""
        run = queued(self._instance, asset[0], asset[1])
        with self._lock:
            self._tasks.append(Task(run, asset, fate))

    def take(self) -> Task | None:
        """The oldest run; it waits no more."""
        with self._lock:
            task = self._tasks.pop(0) if self._tasks else None
        if task is not None:
            self.tell(task, "PIPELINE_STARTING")
            self.tell(task, "PIPELINE_START")
        return task

    def tell(self, task: Task, event: str) -> None:
        """What Dagster would note of the run."""
        name = task.run.job_name
        self._instance.report_dagster_event(dg.DagsterEvent(event_type_value=event, job_name=name), task.run.run_id)

    def claim(self, pool: str, task: Task, until_s: float) -> bool:
        """Wait for a slot of the pool; engines without one are open to all. False when the time is over."""
        storage, step = self._instance.event_log_storage, task.asset[3]
        while pool in POOLS and not storage.claim_concurrency_slot(pool, task.run.run_id, step).is_claimed:
            if time.monotonic() > until_s:
                return False
            time.sleep(0.5)
        return True

    def free(self, task: Task) -> None:
        """Give the slot back."""
        self._instance.event_log_storage.free_concurrency_slot_for_step(task.run.run_id, task.asset[3])


class Worker:
    """Leads one run after the other along the route, and meets the fate of each."""

    def __init__(
        self, queue: Queue, instance: dg.DagsterInstance, shed: Shed, cloud: Cloud, payload: Path, seed: int
    ) -> None:
        self._queue, self._instance, self._shed, self._cloud = queue, instance, shed, cloud
        self._payload, self._chance = payload, random.Random(seed)

    def work(self, until_s: float) -> None:
        """Until the end of the rehearsal."""
        while time.monotonic() < until_s:
            task = self._queue.take()
            if task is None:
                time.sleep(0.3)
                continue
            if not self._queue.claim(task.asset[6][0], task, until_s):
                return
            try:
                ended = self._lead(task)
            finally:
                self._queue.free(task)
            self._queue.tell(task, "PIPELINE_SUCCESS" if ended else "PIPELINE_FAILURE")
            if task.fate == "orphan":
                self._reap(task)

    def _lead(self, task: Task) -> bool:
        self._prepare(task)
        step = self._step(task)
        clock = self._shed.clock
        if task.fate in ("adopted", "orphan") and isinstance(clock, Killed):
            clock.dies_s = clock.monotonic_s() + 6
        if task.fate == "cancelled":
            threading.Timer(7, lambda: setattr(step, "state", RunState.CANCELLING)).start()
        try:
            with suppress(Interrupted):
                finish(step, self._order(task), self._shed)
                return True
            if task.fate == "orphan":
                return False
            finish(self._step(task), self._order(task), self._shed)
        except EngineshedError:
            return False
        return True

    def _step(self, task: Task) -> RecordedStep:
        return RecordedStep(task.run.run_id, step_key=task.asset[3], selection=_selection(task))

    def _prepare(self, task: Task) -> None:
        """What the platform will do with it."""
        *_, seconds, gigabytes, _ = task.asset
        good = Script(
            lasts_s=seconds * self._chance.uniform(0.7, 1.4), lines=12, rows=self._chance.randint(20, 90) * 1000
        )
        scripts = [good]
        if task.fate in ("capacity", "spot_loss", "platform"):
            failure = Failure(FailureClass(task.fate), task.fate, f"{task.fate} in the rehearsal")
            lasts_s = 3.0 if task.fate == "capacity" else seconds / 2
            scripts = [Script(lasts_s=lasts_s, ends=State.FAILED, closes=False, seals=False, failure=failure), good]
        elif task.fate == "user_code":
            scripts = [Script(lasts_s=seconds / 2, exception="no such column: dst")]
        if task.fate == "flaky":
            self._cloud.faults["status_busy"] = 3
        read = int(gigabytes * GB * self._chance.uniform(0.6, 1.5))
        spill = read // 12 if self._chance.random() < 0.3 else 0
        self._cloud.plan(scripts, Size(input_bytes=read, shuffle_bytes=read // 4, spill_bytes=spill))

    def _order(self, task: Task) -> Order:
        team, location, group, asset, seconds, _, engines = task.asset
        objective = Objective(preferred=engines, forbidden=frozenset(RATES) - set(engines))
        job = SparkJob(
            name=asset,
            script=str(self._payload),
            tables=("rows",),
            resources=Resources(executors=CORES - 1),
            expected_core_hours=seconds / 3600 * CORES,
        )
        return Order(
            asset=asset,
            job=job,
            mode=Mode.FULL,
            team=team,
            code_location=location,
            asset_group=group,
            selection=_selection(task),
            layers=(Layer("asset", objective, own=True),),
        )

    def _reap(self, task: Task) -> None:
        """As the team's CronJob does."""
        time.sleep(self._shed.cadence.lease_s)
        at_once = Patience(grace=timedelta(0), keep_finished=timedelta(0))
        Reaper(self._shed, team=task.asset[0], code_location=task.asset[1], patience=at_once).reap(
            DagsterRuns(self._instance)
        )


def _selection(task: Task) -> PartitionSelection:
    """A partition of its own: of two runs of one partition at a time only the later one publishes."""
    return PartitionSelection(keys=(task.run.run_id[:8],))


def worker(home: Path, ledger: SqlLedger, queue: Queue, instance: dg.DagsterInstance, meter: Meter, n: int) -> Worker:
    """One with a platform of its own; ledger and data are everybody's."""
    clock = Killed()
    cloud = Cloud(clock)
    chance = random.Random(n)
    datasets = Datasets(open_store(str(home / "data"), {}), clock)
    script = home / "payload.py"
    script.write_text("print('payload')\n", encoding="utf-8")
    shed = Shed(
        engines={name: Rented(cloud, name, chance) for name in RATES},
        channels={"files": FileChannel(home / "channels")},
        ledger=ledger,
        datasets=datasets,
        sources=datasets,
        staging=Staging(open_store(str(home / "staging"), {}), script),
        prices=OwnPrices([]),
        clock=clock,
        meter=meter,
        cadence=Cadence(lease_s=6.0, drain_s=5.0, run_state_s=2.0),
    )
    return Worker(queue, instance, shed, cloud, script, n)
