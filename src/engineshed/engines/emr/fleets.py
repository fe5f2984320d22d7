"""Which machines a run is offered: by cores, memory, disk, architecture and price, never by a type's name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from engineshed.engines.emr.settings import EmrSettings
from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType, PriceBook, PriceUnknown

_GIB = 2**30
_YARN_SHARE = 0.75
"""Of a machine's memory that YARN gives to containers; the rest is the system's."""
_OVERHEAD = 1.10
"""Memory of a container over that of its JVM, by Spark's default."""
_HOURS_A_MONTH = Decimal(730)


@dataclass(frozen=True, slots=True)
class Priced:
    """A machine type with what an hour of one costs in a market. as_of: of the oldest price in it."""

    type: InstanceType
    compute: Decimal
    surcharge: Decimal
    storage: Decimal
    as_of: date

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.compute + self.surcharge + self.storage


def workers_wanted(kind: InstanceType, resources: Resources) -> int:
    """How many machines of the type hold the executors; 0 where not even one fits."""
    usable_gib = kind.memory_bytes / _GIB * _YARN_SHARE
    by_memory = int(usable_gib // (resources.executor_memory_gib * _OVERHEAD))
    fit = min(kind.vcpus // resources.executor_cores, by_memory)
    return 0 if fit < 1 else -(-max(1, resources.executors) // fit)


def holds_driver(kind: InstanceType, resources: Resources) -> bool:
    """Whether the primary, on which the driver runs in client mode, is large enough."""
    return (
        kind.vcpus >= resources.driver_cores
        and kind.memory_bytes / _GIB * _YARN_SHARE >= resources.driver_memory_gib * _OVERHEAD
    )


def disk_gib(kind: InstanceType, settings: EmrSettings, resources: Resources) -> int:
    """EBS that a machine of that type gets: none where its own disks are enough."""
    wanted = max(settings.machine.disk_gib, round(resources.disk_gib))
    return 0 if kind.storage_bytes >= wanted * _GIB else wanted


def priced(
    kinds: Iterable[InstanceType], market: str, settings: EmrSettings, resources: Resources, book: PriceBook
) -> tuple[list[Priced], list[str]]:
    """Those whose price is known, and for each other why not."""
    found, unknown = [], []
    for kind in kinds:
        try:
            gib = disk_gib(kind, settings, resources) + settings.machine.root_gib
            compute = book.price(f"ec2:{kind.name}", market, settings.region)
            surcharge = book.price(f"emr:{kind.name}", "", settings.region)
            storage = book.price(f"ebs:{settings.machine.disk_type}", "", settings.region)
            found.append(
                Priced(
                    type=kind,
                    compute=compute.usd_per_hour,
                    surcharge=surcharge.usd_per_hour,
                    storage=gib * storage.usd_per_hour,
                    as_of=min(compute.as_of, surcharge.as_of, storage.as_of),
                )
            )
        except PriceUnknown as error:
            unknown.append(str(error))
    return found, unknown


def cheapest(candidates: Sequence[Priced], counts: Mapping[str, int], most: int) -> list[Priced]:
    """The types of one fleet: those for which the whole work is cheapest, at most twice as dear as the best."""
    ranked = sorted(candidates, key=lambda one: (one.total * counts[one.type.name], one.type.name))
    if not ranked:
        return []
    limit = 2 * ranked[0].total * counts[ranked[0].type.name]
    return [one for one in ranked if one.total * counts[one.type.name] <= limit][:most]
