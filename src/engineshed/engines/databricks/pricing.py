"""What machines, disks and Databricks units cost. Pure.

Compute is EC2, storage EBS, surcharge the DBUs: the columns of the bill. Items of usage are the book's own (`ec2:`,
`ebs:`), save for DBUs: `dbu:<SKU>:<node type>` counts machines, because how many DBUs an hour of one takes is the price
book's knowledge; `dbu:<SKU>` counts DBUs where they are known (serverless).

Refuses to guess: no price, or no DBUs of a machine, is PriceUnknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from engineshed.engines.databricks.names import NAME
from engineshed.engines.databricks.shape import Shape
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.prices import InstanceType, PriceBook, PriceUnknown

DISK = "ebs:gp3"
ROOT_DISK_GIB = 180
"""Of every machine, whatever is asked for: 30 GiB of the host and 150 GiB of the Spark container.

Source: docs.databricks.com, "Compute configuration reference", "Default EBS volumes".
"""

_MICRO_USD = Decimal("0.000001")
_SKUS = {
    "new_cluster": "JOBS_COMPUTE",
    "pool": "JOBS_COMPUTE",
    "existing": "ALL_PURPOSE_COMPUTE",
    "serverless": "JOBS_SERVERLESS_COMPUTE",
}
PHOTON = "_(PHOTON)"


def sku(tier: str, kind: str, *, photon: bool) -> str:
    """The SKU that a kind of compute is billed by. Source: the SKUs of `system.billing.list_prices`."""
    return f"{tier}_{_SKUS[kind]}{PHOTON if photon and kind != 'serverless' else ''}"


def dbus_per_hour(node_type: str, *, photon: bool, instances: Mapping[str, InstanceType]) -> Decimal:
    """DBUs that an hour of one machine takes. Raises PriceUnknown."""
    engine = "photon" if photon else "standard"
    known = instances.get(node_type)
    if known is None or engine not in known.dbus_per_hour:
        raise PriceUnknown(
            f"no DBUs of {node_type!r} with engine {engine}: refresh the price book's instances of {NAME}."
        )
    return known.dbus_per_hour[engine]


def rates(shape: Shape, tier: str, region: str, book: PriceBook) -> Rates | None:
    """What an hour of the whole shape costs at its largest; None when the book lacks a price of it."""
    instances = by_name(book, region)
    try:
        compute, storage, surcharge = Decimal(0), Decimal(0), Decimal(0)
        counts = _counts(shape)
        first = book.price(f"ec2:{shape.driver_node_type}", "on_demand", region)
        oldest = first.as_of
        for node_type, market, count in counts:
            machine, disk = book.price(f"ec2:{node_type}", market, region), book.price(DISK, "", region)
            dbus = dbus_per_hour(node_type, photon=shape.photon, instances=instances)
            unit = book.price(f"dbu:{sku(tier, shape.kind, photon=shape.photon)}", "", region)
            compute += count * machine.usd_per_hour
            storage += count * (ROOT_DISK_GIB + shape.disk_gib) * disk.usd_per_hour
            surcharge += count * dbus * unit.usd_per_hour
            oldest = min(oldest, machine.as_of, disk.as_of, unit.as_of)
    except PriceUnknown:
        return None
    return Rates(
        compute_usd_per_hour=compute,
        storage_usd_per_hour=storage,
        surcharge_usd_per_hour=surcharge,
        source=f"{first.source}, {first.as_of}",
        as_of=oldest,
    )


def by_name(book: PriceBook, region: str) -> dict[str, InstanceType]:
    """The machines that Databricks can run on there."""
    return {instance.name: instance for instance in book.instances(NAME, region)}


def cost(usage: Usage, region: str, book: PriceBook) -> Cost:
    """Hours times prices, to the millionth of a dollar. Raises PriceUnknown."""
    parts = {"ec2": Decimal(0), "ebs": Decimal(0), "dbu": Decimal(0)}
    instances = by_name(book, region)
    for interval in usage.intervals:
        parts[interval.item.partition(":")[0]] += _hours(interval) * _usd_per_hour(interval, region, book, instances)
    basis = Basis.METERED if usage.complete else Basis.ESTIMATED
    compute, storage, surcharge = (part.quantize(_MICRO_USD) for part in parts.values())
    return Cost(compute_usd=compute, storage_usd=storage, surcharge_usd=surcharge, basis=basis)


def _usd_per_hour(
    interval: UsageInterval, region: str, book: PriceBook, instances: Mapping[str, InstanceType]
) -> Decimal:
    quantity = Decimal(str(interval.quantity))
    kind, _, rest = interval.item.partition(":")
    if kind != "dbu":
        return quantity * book.price(interval.item, interval.market, region).usd_per_hour
    unit, _, node_type = rest.partition(":")
    if node_type:
        quantity *= dbus_per_hour(node_type, photon=unit.endswith(PHOTON), instances=instances)
    return quantity * book.price(f"dbu:{unit}", "", region).usd_per_hour


def _hours(interval: UsageInterval) -> Decimal:
    return Decimal(max(0, (interval.end - interval.start) // timedelta(microseconds=1))) / 3_600_000_000


def _counts(shape: Shape) -> list[tuple[str, str, int]]:
    """Node type, market and number: the driver, then workers on demand, then those of the market."""
    workers = shape.machines - 1
    on_demand_workers = max(0, shape.on_demand - 1)
    driver_market = "on_demand" if shape.on_demand else shape.market
    counts = [(shape.driver_node_type, driver_market, 1), (shape.node_type, "on_demand", on_demand_workers)]
    if shape.market == "spot":
        counts.append((shape.node_type, "spot", workers - on_demand_workers))
    return [(node_type, market, count) for node_type, market, count in counts if count]
