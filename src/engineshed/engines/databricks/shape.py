"""The machines of one offer, as a value that `render` reads back. JSON in `Offer.shape`. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What runs the job.

    compute: which of the settings' ways. most_workers: above `workers` where they scale. market: of the machines that
    may be spot; empty where it plays no part. disk_gib: EBS of each machine. dbus_per_hour: of serverless, as the
    settings state it.
    """

    compute: int
    kind: str
    node_type: str = ""
    driver_node_type: str = ""
    workers: int = 0
    most_workers: int = 0
    market: str = ""
    first_on_demand: int = 1
    photon: bool = False
    disk_gib: int = 0

    def to_json(self) -> dict[str, Any]:
        """For `Offer.shape`."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Shape:
        """What `to_json` gave."""
        return cls(**plain)

    @property
    def machines(self) -> int:
        """Driver and most workers."""
        return 1 + max(self.workers, self.most_workers)

    @property
    def on_demand(self) -> int:
        """How many of them are never spot; all where the market is not."""
        return min(self.first_on_demand, self.machines) if self.market == "spot" else self.machines

    @property
    def name(self) -> str:
        """Stable for the same machines."""
        count = f"{self.workers}..{self.most_workers}" if self.most_workers > self.workers else str(self.workers)
        driver = f"{self.driver_node_type} + " if self.driver_node_type != self.node_type else "1 + "
        machines = f"{driver}{count} x {self.node_type}" if self.most_workers or self.workers else self.driver_node_type
        return " ".join(filter(None, (machines, self.market, "photon" if self.photon else "")))


def memory_for_spark_gib(instance: InstanceType) -> float:
    """What an executor or driver has of a machine's memory.

    Source: kb.databricks.com, "Spark UI shows less than total node memory": (memory * 0.97 - 4800 MB) * 0.8.
    """
    return max(0.0, (instance.memory_bytes / _GIB * 0.97 - 4800 / 1024) * 0.8)


def fits_driver(resources: Resources, instance: InstanceType) -> bool:
    """Whether the job's driver has room there."""
    room_gib = memory_for_spark_gib(instance)
    return instance.vcpus >= resources.driver_cores and room_gib >= resources.driver_memory_gib


def executors_on(resources: Resources, instance: InstanceType) -> int:
    """How many of the job's executors a machine is worth: Databricks runs one on each, as large as the machine."""
    by_memory = math.floor(memory_for_spark_gib(instance) / resources.executor_memory_gib)
    return max(0, min(instance.vcpus // resources.executor_cores, by_memory))


def workers_for(resources: Resources, instance: InstanceType) -> int | None:
    """How many of those machines hold what the job asks for; None where not one of its executors fits."""
    if resources.executors == 0:
        return 0
    each = executors_on(resources, instance)
    return math.ceil(resources.executors / each) if each else None


def resources_of(shape: Shape, by_name: Mapping[str, InstanceType], asked: Resources) -> Resources:
    """What a run on that shape really gets; what was asked for where the machines are not known."""
    driver, worker = by_name.get(shape.driver_node_type), by_name.get(shape.node_type)
    if driver is None or worker is None:
        return asked
    return Resources(
        driver_cores=driver.vcpus,
        driver_memory_gib=_rounded(memory_for_spark_gib(driver)),
        executors=max(shape.workers, shape.most_workers),
        executor_cores=worker.vcpus,
        executor_memory_gib=_rounded(memory_for_spark_gib(worker)),
        disk_gib=max(float(shape.disk_gib), worker.storage_bytes / _GIB),
    )


def _rounded(gib: float) -> float:
    return max(0.25, float(round(Decimal(gib), 1)))
