"""From a job's cores and memory to what its pods request. Pure.

A pod's memory is what the job asked for, whole: heap and overhead are cut from it, so that quota and bill hold what the
declaration says. Refuses pods too small for a Spark JVM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engineshed.engines.kubernetes.settings import DynamicAllocation, KubernetesBlock, KubernetesSettings
from engineshed.model.errors import JobInvalid
from engineshed.model.resources import Resources

LEAST_OVERHEAD_MIB = 384
"""Spark's own minimum (`spark.executor.minMemoryOverhead`)."""

LEAST_HEAP_MIB = 450
"""Less is refused by Spark itself ("System memory must be at least 471859200")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSize:
    """One pod. Memory is MiB; `cpu_m` is the request in thousandths of a core, `cores` what Spark is told."""

    cores: int
    cpu_m: int
    memory_mib: int
    heap_mib: int

    @property
    def overhead_mib(self) -> int:
        """What is not heap."""
        return self.memory_mib - self.heap_mib

    def resources(self) -> dict[str, Mapping[str, str]]:
        """Requests and limits of the container."""
        memory = f"{self.memory_mib}Mi"
        return {
            "requests": {"cpu": f"{self.cpu_m}m", "memory": memory},
            "limits": {"cpu": str(self.cores), "memory": memory},
        }


def pod_size(cores: int, memory_gib: float, settings: KubernetesSettings, what: str) -> PodSize:
    """The pod of so many cores and so much memory. Raises JobInvalid naming `what`."""
    memory_mib = round(memory_gib * 1024)
    overhead_mib = max(LEAST_OVERHEAD_MIB, math.ceil(memory_mib * settings.memory_overhead_ratio))
    if memory_mib - overhead_mib < LEAST_HEAP_MIB:
        raise JobInvalid(
            f"resources.{what}_memory_gib is {memory_gib:g}: with {overhead_mib} MiB of overhead Spark is left less "
            f"than the {LEAST_HEAP_MIB} MiB that it needs: give at least "
            f"{math.ceil((LEAST_HEAP_MIB + overhead_mib) / 102.4) / 10:g}."
        )
    cpu_m = max(1, math.ceil(Decimal(cores) * settings.cpu_request_ratio * 1000))
    return PodSize(cores=cores, cpu_m=cpu_m, memory_mib=memory_mib, heap_mib=memory_mib - overhead_mib)


def driver_size(resources: Resources, settings: KubernetesSettings) -> PodSize:
    """The driver's pod. Raises JobInvalid."""
    return pod_size(resources.driver_cores, resources.driver_memory_gib, settings, "driver")


def executor_size(resources: Resources, settings: KubernetesSettings) -> PodSize:
    """One executor's pod. Raises JobInvalid."""
    return pod_size(resources.executor_cores, resources.executor_memory_gib, settings, "executor")


def allocation(resources: Resources, block: KubernetesBlock, settings: KubernetesSettings) -> DynamicAllocation | int:
    """How many executors: a fixed number, or a range. What the job says of either goes before the settings."""
    if block.dynamic_allocation is not None:
        return block.dynamic_allocation
    if block.executors is not None:
        return block.executors
    if settings.dynamic_allocation is not None and resources.executors:
        return settings.dynamic_allocation
    return resources.executors
