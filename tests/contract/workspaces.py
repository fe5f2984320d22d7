"""A Databricks workspace on this machine, and benches whose drivers run there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from databricks.sdk import WorkspaceClient

from engineshed.channels.objects import ObjectChannel
from engineshed.engines.databricks import build
from engineshed.engines.databricks.engine import DatabricksEngine
from engineshed.engines.databricks.settings import DatabricksSettings
from engineshed.model.errors import PlatformBusy
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.offer import Offer
from engineshed.model.request import Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, Staged
from engineshed.model.status import State, Status
from engineshed.ports.engine import Engine, Surroundings
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.processes.settings import checked
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench
from engineshed.testing.databricks import DatabricksDouble
from engineshed.workspace import Workspace

DRIVER = Path(__file__).parents[2] / "spark" / "driver" / "engineshed_driver.py"
VOLUME = "/Volumes/main/default/jobs"

NEW_CLUSTER = {"kind": "new_cluster", "runtime": "15.4", "node_types": ["m5.large"], "markets": ["on_demand"]}
"""The runtime whose Python is that of these tests."""


class SmallBook:
    """Prices of one machine, in dollars that are easily added up."""

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """See PriceBook."""
        prices = {"ec2": "0.10" if market == "on_demand" else "0.04", "ebs": "0.0001", "dbu": "0.15"}
        usd = prices.get(item.partition(":")[0])
        if usd is None:
            raise PriceUnknown(f"no price of {item}: give this book one.")
        return Price(
            item=item,
            market=market,
            usd_per_hour=Decimal(usd),
            source="this test",
            as_of=date(2026, 11, 1),
            region=region,
        )

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """See PriceBook."""
        dbus = {"standard": Decimal("0.34"), "photon": Decimal("0.68")}
        large = InstanceType(
            name="m5.large", vcpus=2, memory_bytes=8 * 2**30, architecture="x86_64", dbus_per_hour=dbus
        )
        return (large,) if platform == "databricks" else ()


def engine_settings(host: str, *compute: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    """Settings of the engine for that workspace."""
    return {"host": host, "compute": [dict(one) for one in compute or (NEW_CLUSTER,)], **more}


@dataclass(kw_only=True)
class WorkspaceBench(Bench):
    """Drivers share this machine's folders, save for /Volumes, /Workspace and /dbfs, which are the workspace's."""

    def stage(self, source: str) -> Staged:
        """On this machine, as where there is no exchange; the engine uploads it."""
        relay = DRIVER.with_name("engineshed_relay.py")
        sha256 = hashlib.sha256(relay.read_bytes()).hexdigest()
        return replace(super().stage(source), relay=Artefact(relay.name, sha256, str(relay)))


class SimulatedWorkspace:
    """An engine and a workspace in virtual time, for what would take hours or goes wrong. Nothing runs."""

    def __init__(self, double: DatabricksDouble, folder: Path, *compute: Mapping[str, Any], **more: Any) -> None:
        self.double, self.clock = double, double.clock
        self._folder, self._compute, self._more = folder, compute, more
        self.engine = self.build()
        self.store = open_store(f"{VOLUME}/exchange", {})
        self.channel = ObjectChannel(self.store, {}, self.clock, name="volumes")

    def build(self, workspace: Workspace | None = None) -> Engine:
        """The engine, as another process would have it; over a given client, where a test has one of its own."""
        settings = engine_settings(self.double.host, *self._compute, **self._more)
        surroundings = Surroundings(
            home=str(self._folder), python="python", clock=self.clock, code_location="web_graph"
        )
        if workspace is None:
            return build(settings, surroundings)
        return DatabricksEngine(checked(DatabricksSettings, settings, "here"), surroundings, workspace, "1.13.27")

    def client(self) -> WorkspaceClient:
        """The vendor's own, as a person has it."""
        return WorkspaceClient(host=self.double.host, token=self.double.token)

    def work(self, *, token: Token | None = None, timeout_s: float | None = None, **job: Any) -> Work:
        """A Work of a script that nobody runs."""
        token = token or Token(f"es-{uuid4().hex[:24]}")
        script = self._folder / "script.py"
        script.write_text("print('here')\n")
        asked = SparkJob(name="edges", script=str(script), timeout_s=timeout_s, **{"resources": ONE_WORKER, **job})
        (offer, *_) = (o for o in self.engine.offers(asked, SmallBook()) if isinstance(o, Offer))
        relay, driver = DRIVER.with_name("engineshed_relay.py"), DRIVER
        return Work(
            job=asked,
            offer=offer,
            token=token,
            wiring=self.channel.prepare(token, {}),
            staged=Staged(
                root=str(self._folder),
                digest="d",
                script=_artefact(script),
                driver=_artefact(driver),
                relay=_artefact(relay),
            ),
            tags={"engineshed/token": str(token), "dagster/run-id": "b7d1"},
        )

    def submit(self, **given: Any) -> Launch:
        """A run."""
        return self.engine.submit(self.engine.render(self.work(**given)))

    def ended(self, launch: Launch, *, every_s: float = 30.0, most_s: float = 24 * 3600) -> Status:
        """Its final status, asked for as a watcher does: an answer that says "busy" is asked again."""
        until = self.clock.monotonic_s() + most_s
        while self.clock.monotonic_s() < until:
            try:
                status = self.engine.status(launch)
            except PlatformBusy:
                status = None
            if status is not None and status.state.final:
                return status
            self.clock.sleep(every_s)
        raise AssertionError(f"run {launch.token} has not ended within {most_s:g} s")

    def until(self, launch: Launch, state: State) -> None:
        """Wait for a state."""
        for _ in range(1000):
            if self.engine.status(launch).state is state:
                return
            self.clock.sleep(5.0)
        raise AssertionError(f"run {launch.token} never was {state}")


ONE_WORKER = Resources(driver_cores=1, driver_memory_gib=1, executors=1, executor_cores=1, executor_memory_gib=1)


def _artefact(path: Path) -> Artefact:
    return Artefact(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), str(path))
