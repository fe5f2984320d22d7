"""The real route under a real Dagster instance, with drivers that run as relays on this machine.

Nothing is shared between launcher and driver but the S3 server: code, context and messages go through it, as with an
engine whose drivers are elsewhere. The instance keeps its events in SQLite, the ledger too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
from benchmarks.apparatus.s3 import BUCKET, REGION

from engineshed.channels.objects import ObjectChannel
from engineshed.model.job import Mode, SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import State, Status
from engineshed.model.usage import Usage
from engineshed.ports.engine import Capabilities, Check, LogChunk
from engineshed.ports.prices import PriceBook
from engineshed.prices.own import OwnPrices
from engineshed.running.dagster_step import DagsterStep
from engineshed.running.driver_file import driver_file
from engineshed.running.exchange import Exchange
from engineshed.running.order import Order
from engineshed.running.result import Result
from engineshed.running.route import finish
from engineshed.running.shed import Shed
from engineshed.running.staging import Staging
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import LocalStore, open_store
from engineshed.testing.channel_contract import CONTEXT

DRIVER_FOLDER = Path(__file__).parents[2] / "spark" / "driver"


class RelayEngine:
    """Starts relays and knows those that it started itself; see `engineshed.ports.engine.Engine`."""

    name = "relays"
    capabilities = Capabilities(transports=("objects",), logs=False, beyond_machine=True)

    def __init__(self, folder: Path, access: Mapping[str, str]) -> None:
        self._folder, self._access = folder, dict(access)
        self._relays: dict[str, subprocess.Popen[bytes]] = {}

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        rates = Rates(compute_usd_per_hour=Decimal(0), source="benchmark")
        return (Offer(engine=self.name, name="one", resources=job.resources, rates=rates),)

    def render(self, work: Work) -> Request:
        staged = [work.staged.script, work.staged.driver, *work.staged.modules]
        files = [{"name": a.name, "sha256": a.sha256, "uri": a.uri} for a in staged]
        order = {
            "version": 1,
            "argv": [work.staged.script.name, *work.job.arguments],
            "staged": {"files": files, "access": self._access},
        }
        return Request(self.name, work.token, {"env": {**work.wiring.env, "ENGINESHED_RELAY": json.dumps(order)}})

    def submit(self, request: Request) -> Launch:
        scratch = str(self._folder / f"scratch-{uuid.uuid4().hex[:8]}")
        env = {**os.environ, **request.body["env"], "PYTHONPATH": str(DRIVER_FOLDER), "ENGINESHED_SCRATCH": scratch}
        with (self._folder / "relays.log").open("ab") as log:
            self._relays[request.token] = subprocess.Popen(
                [sys.executable, "-m", "engineshed_relay"], env=env, stdout=log, stderr=log
            )
        launch = self.find(request.token)
        assert launch is not None
        return launch

    def find(self, token: Token) -> Launch | None:
        relay = self._relays.get(token)
        if relay is None:
            return None
        return Launch(engine=self.name, token=token, native_id=str(relay.pid), submitted_at=SystemClock().now())

    def status(self, launch: Launch) -> Status:
        code = self._relays[launch.token].poll()
        state = State.RUNNING if code is None else State.SUCCEEDED if code == 0 else State.FAILED
        return Status(state=state, native=str(code), observed_at=SystemClock().now())

    def cancel(self, launch: Launch) -> None:
        self._relays[launch.token].terminate()

    def usage(self, launch: Launch) -> Usage:
        return Usage(intervals=())

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        return Cost(compute_usd=Decimal(0), basis=Basis.METERED)

    def owned(self, prefix: str) -> Iterable[Launch]:
        return []

    def links(self, launch: Launch) -> Mapping[str, str]:
        return {}

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        return LogChunk("", cursor)

    def settings(self) -> Mapping[str, object]:
        return {}

    def doctor(self) -> Sequence[Check]:
        return ()


def shed_for(folder: Path, s3: str) -> Shed:
    """A shed whose one engine starts relays and whose exchange is the S3 server."""
    clock, access = SystemClock(), {"endpoint_url": s3, "region": REGION}
    store = open_store(f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}", access)
    datasets = Datasets(LocalStore(folder / "data"), clock)
    return Shed(
        engines={RelayEngine.name: RelayEngine(folder, access)},
        channels={"objects": ObjectChannel(store, access, clock)},
        ledger=open_ledger(f"sqlite:///{folder / 'ledger.db'}"),
        datasets=datasets,
        sources=datasets,
        staging=Staging(LocalStore(folder / "staging"), driver_file()),
        exchange=Exchange(store, driver_file(), clock),
        prices=OwnPrices([]),
        clock=clock,
    )


def run(script: Path, shed: Shed, instance: dg.DagsterInstance, run_id: str) -> Result:
    """One step of one run, whose driver runs the script."""
    job = SparkJob(name="talk", script=str(script))
    order = Order(asset="talk", job=job, mode=Mode.FULL, team="bench", code_location="bench", pipes=dict(CONTEXT))
    results: list[Any] = []

    @dg.asset
    def talk(context):  # Dagster does not resolve the annotation of a local asset
        results.append(finish(DagsterStep(context), order, shed))

    dg.materialize([talk], instance=instance, run_config={}, tags={"bench": run_id})
    return results[0]
