"""Which ways there are to run a job in the workspace, priced.

New clusters are made of the machines of the price book: those on which the job fits, the cheapest of each market first.
Of pools and clusters that are there, the workspace is asked what they are made of; serverless is priced by what the
settings say that it takes. Refuses a job of which no machine holds a single executor, and settings that serverless has
no room for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engineshed.engines.databricks import pricing
from engineshed.engines.databricks.names import NAME
from engineshed.engines.databricks.runtimes import SERVERLESS_CONF
from engineshed.engines.databricks.settings import (
    Autoscale,
    DatabricksBlock,
    DatabricksSettings,
    Existing,
    NewCluster,
    Pool,
    Serverless,
)
from engineshed.engines.databricks.shape import Shape, fits_driver, resources_of, workers_for
from engineshed.model.errors import EngineError
from engineshed.model.job import SparkJob
from engineshed.model.money import Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.ports.prices import InstanceType, PriceBook, PriceUnknown

Ask = Callable[[str, str], Mapping[str, Any]]
"""(`pool` or `existing`, id) -> what the workspace says of it."""

_COLD_START_S = {"new_cluster": 300.0, "pool": 90.0, "existing": 5.0, "serverless": 30.0}
_GIB = 2**30
_LEAST_DISK_GIB, _MOST_DISK_GIB = 100, 4096


def offers(
    job: SparkJob, block: DatabricksBlock, settings: DatabricksSettings, book: PriceBook, ask: Ask
) -> Sequence[Offer | Rejection]:
    """One answer or more for each way of the settings that the job allows."""
    answers: list[Offer | Rejection] = []
    for number, compute in enumerate(settings.compute):
        if not block.compute or compute.kind in block.compute:
            answers += _Ways(job, block, settings, book, ask, number).of(compute)
    if answers:
        return tuple(answers)
    asked, there = ", ".join(block.compute), ", ".join(one.kind for one in settings.compute)
    reason = f"the job allows {asked} only, and engines.{NAME}.compute has {there}"
    return (Rejection(engine=NAME, code="not_allowed", reason=reason),)


class _Ways:
    """Answers for one job and one way."""

    def __init__(
        self,
        job: SparkJob,
        block: DatabricksBlock,
        settings: DatabricksSettings,
        book: PriceBook,
        ask: Ask,
        number: int,
    ) -> None:
        self._job, self._block, self._settings, self._book = job, block, settings, book
        self._ask, self._number = ask, number
        self._instances = pricing.by_name(book, settings.region)

    def of(self, compute: NewCluster | Pool | Existing | Serverless) -> list[Offer | Rejection]:
        """All answers of the way."""
        if isinstance(compute, Serverless):
            return [self._serverless(compute)]
        if isinstance(compute, Pool):
            return [self._pool(compute)]
        if isinstance(compute, Existing):
            return [self._existing(compute)]
        if self._block.new_cluster.get("node_type_id"):
            return [self._offer(self._stated(compute))]
        return list(self._new_clusters(compute))

    def _new_clusters(self, compute: NewCluster) -> Iterator[Offer | Rejection]:
        fitting = list(self._fitting(compute))
        if not fitting:
            yield self._none_fits(compute)
            return
        for market in compute.markets:
            shapes = [shape for shape in fitting if shape.market == market]
            for shape in sorted(shapes, key=self._dearness)[: compute.most_offers]:
                yield self._offer(shape)

    def _fitting(self, compute: NewCluster) -> Iterator[Shape]:
        resources = self._job.resources
        named = compute.node_types or tuple(self._instances)
        candidates = [self._instances[name] for name in named if name in self._instances]
        for instance in candidates:
            workers = workers_for(resources, instance) if self._block.workers is None else self._block.workers
            driver = self._driver(compute, instance, candidates)
            if instance.architecture != compute.architecture or workers is None or driver is None:
                continue
            for market in compute.markets:
                shape = Shape(
                    compute=self._number,
                    kind=compute.kind,
                    node_type=instance.name if workers else driver,
                    driver_node_type=driver,
                    market=market,
                    first_on_demand=compute.first_on_demand,
                    photon=compute.photon,
                    disk_gib=self._disk_gib(instance, compute.disk_gib),
                    **self._count(workers, compute.autoscale),
                )
                # Where all machines are on demand anyway, spot is no way of its own.
                if market != "spot" or shape.on_demand < shape.machines:
                    yield shape

    def _count(self, workers: int, autoscale: Autoscale | None) -> dict[str, int]:
        scale = self._block.autoscale or autoscale
        if scale is None or self._block.workers is not None or workers == 0:
            return {"workers": workers, "most_workers": workers}
        return {"workers": scale.min, "most_workers": scale.max}

    def _driver(self, compute: NewCluster, worker: InstanceType, candidates: Sequence[InstanceType]) -> str | None:
        if compute.driver_node_type:
            return compute.driver_node_type
        if fits_driver(self._job.resources, worker):
            return worker.name
        large = [
            one
            for one in candidates
            if one.architecture == compute.architecture and fits_driver(self._job.resources, one)
        ]
        return min(large, key=lambda one: (self._usd(one.name), one.vcpus, one.name)).name if large else None

    def _disk_gib(self, instance: InstanceType, stated: int) -> int:
        """EBS of a machine: none where its own disk does; a machine without a disk of its own must have some."""
        asked = self._job.resources.disk_gib
        if instance.storage_bytes and instance.storage_bytes >= asked * _GIB:
            return 0
        return min(max(stated, _LEAST_DISK_GIB, round(asked)), _MOST_DISK_GIB)

    def _stated(self, compute: NewCluster) -> Shape:
        """The shape of a cluster that the job states itself."""
        spec = self._block.new_cluster
        aws: Mapping[str, Any] = spec.get("aws_attributes") or {}
        scale: Mapping[str, Any] = spec.get("autoscale") or {}
        availability = str(aws.get("availability") or "")
        market = "spot" if availability.startswith("SPOT") else "on_demand"
        workers = int(scale.get("min_workers") or spec.get("num_workers") or 0)
        return Shape(
            compute=self._number,
            kind=compute.kind,
            node_type=str(spec["node_type_id"]),
            driver_node_type=str(spec.get("driver_node_type_id") or spec["node_type_id"]),
            workers=workers,
            most_workers=int(scale.get("max_workers") or workers),
            market=market,
            first_on_demand=int(aws.get("first_on_demand", 1)),
            photon=spec.get("runtime_engine") == "PHOTON" or (compute.photon and "runtime_engine" not in spec),
            disk_gib=int(aws.get("ebs_volume_count") or 0) * int(aws.get("ebs_volume_size") or 0),
        )

    def _pool(self, compute: Pool) -> Offer | Rejection:
        try:
            pool = self._ask("pool", compute.pool)
            driver = self._ask("pool", compute.driver_pool) if compute.driver_pool else pool
        except EngineError as error:
            return self._rejection("no_answer", f"pool {compute.pool}: {error}")
        node_type = str(pool["node_type_id"])
        known = self._instances.get(node_type)
        workers = self._block.workers
        if workers is None:
            workers = workers_for(self._job.resources, known) if known else self._job.resources.executors
        if workers is None:
            return self._rejection("does_not_fit", f"no executor of the job fits {node_type} of pool {compute.pool}")
        availability = str((pool.get("aws_attributes") or {}).get("availability") or "SPOT")
        shape = Shape(
            compute=self._number,
            kind=compute.kind,
            node_type=node_type,
            driver_node_type=str(driver["node_type_id"]),
            market="spot" if availability.startswith("SPOT") else "on_demand",
            first_on_demand=0,
            photon=compute.photon,
            **self._count(workers, compute.autoscale),
        )
        return self._offer(shape, f"{shape.name} of pool {compute.pool}")

    def _existing(self, compute: Existing) -> Offer | Rejection:
        try:
            cluster = self._ask("existing", compute.cluster)
        except EngineError as error:
            return self._rejection("no_answer", f"cluster {compute.cluster}: {error}")
        scale: Mapping[str, Any] = cluster.get("autoscale") or {}
        aws: Mapping[str, Any] = cluster.get("aws_attributes") or {}
        workers = int(scale.get("min_workers") or cluster.get("num_workers") or 0)
        node_type = str(cluster.get("node_type_id") or "")
        shape = Shape(
            compute=self._number,
            kind=compute.kind,
            node_type=node_type,
            driver_node_type=str(cluster.get("driver_node_type_id") or node_type),
            workers=workers,
            most_workers=int(scale.get("max_workers") or workers),
            market="spot" if str(aws.get("availability") or "").startswith("SPOT") else "on_demand",
            first_on_demand=int(aws.get("first_on_demand", 1)),
            photon=cluster.get("runtime_engine") == "PHOTON",
        )
        return self._offer(shape, f"cluster {compute.cluster}")

    def _serverless(self, compute: Serverless) -> Offer | Rejection:
        conf = {**self._settings.conf, **self._job.conf, **self._block.conf}
        unfit = sorted(set(conf) - SERVERLESS_CONF)
        if unfit:
            known = ", ".join(sorted(SERVERLESS_CONF))
            return self._rejection("unsupported_conf", f"serverless takes {known} only, and not {', '.join(unfit)}")
        name = f"serverless {compute.environment_version} {compute.performance.lower()}"
        return Offer(
            engine=NAME,
            name=name,
            resources=self._job.resources,
            rates=self._serverless_rates(compute),
            cold_start_s=self._cold_start_s(compute.kind),
            shape=Shape(compute=self._number, kind=compute.kind).to_json(),
        )

    def _serverless_rates(self, compute: Serverless) -> Rates | None:
        if compute.dbus_per_hour is None:
            return None
        try:
            unit = self._book.price(
                f"dbu:{pricing.sku(self._settings.tier, compute.kind, photon=False)}", "", self._settings.region
            )
        except PriceUnknown:
            return None
        return Rates(
            surcharge_usd_per_hour=compute.dbus_per_hour * unit.usd_per_hour,
            source=f"{compute.dbus_per_hour:g} DBUs an hour by engines.{NAME}.compute; {unit.source}, {unit.as_of}",
            as_of=unit.as_of,
        )

    def _offer(self, shape: Shape, name: str = "") -> Offer:
        return Offer(
            engine=NAME,
            name=name or shape.name,
            resources=resources_of(shape, self._instances, self._job.resources),
            rates=pricing.rates(shape, self._settings.tier, self._settings.region, self._book),
            cold_start_s=self._cold_start_s(shape.kind),
            spot=shape.market == "spot" and shape.on_demand < shape.machines,
            shape=shape.to_json(),
        )

    def _cold_start_s(self, kind: str) -> float:
        stated: Mapping[str, float] = {str(name): seconds for name, seconds in self._settings.cold_start_s.items()}
        return stated.get(kind, _COLD_START_S[kind])

    def _dearness(self, shape: Shape) -> tuple[bool, Decimal, int, str]:
        priced = pricing.rates(shape, self._settings.tier, self._settings.region, self._book)
        usd = priced.total_usd_per_hour if priced else Decimal(0)
        return priced is None, usd, shape.machines, shape.name

    def _usd(self, node_type: str) -> Decimal:
        try:
            return self._book.price(f"ec2:{node_type}", "on_demand", self._settings.region).usd_per_hour
        except PriceUnknown:
            return Decimal("Infinity")

    def _none_fits(self, compute: NewCluster) -> Rejection:
        if not self._instances:
            return self._rejection(
                "no_machines",
                f"the price book knows no machines of {NAME}"
                + (f" in {self._settings.region}" if self._settings.region else "")
                + ": refresh its Databricks prices, or let the job state a new_cluster",
            )
        resources = self._job.resources
        return self._rejection(
            "does_not_fit",
            f"no machine ({', '.join(compute.node_types) or compute.architecture}) holds an executor of "
            f"{resources.executor_cores} cores and {resources.executor_memory_gib:g} GiB and a driver of "
            f"{resources.driver_cores} cores and {resources.driver_memory_gib:g} GiB: ask for less, or name larger",
        )

    def _rejection(self, code: str, reason: str) -> Rejection:
        return Rejection(engine=NAME, code=code, reason=reason, offer=self._settings.compute[self._number].kind)
