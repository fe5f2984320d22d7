"""What an hour of requested cores and memory costs. Pure.

Where node classes are stated, a node's price is split into a part for its cores and one for its memory (`cpu_share`):
pods that fill a node cost its price, whatever their shape. Otherwise the price book is asked for `pod-cpu` and
`pod-memory-gib`. Refuses to price a class that the settings no longer state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from engineshed.engines.kubernetes.metering import CPU, MEMORY
from engineshed.engines.kubernetes.settings import NAME, NodeClass
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.usage import Usage
from engineshed.ports.prices import PriceBook, PriceUnknown

_MICRO_USD = Decimal("0.000001")


def usd_per_hour(item: str, classes: Sequence[NodeClass], book: PriceBook) -> tuple[Decimal, str]:
    """The price of one unit of an item of the bill, and where it comes from. Raises PriceUnknown."""
    kind, _, name = item.partition(":")
    if not name:
        price = book.price(item)
        return price.usd_per_hour, f"{price.source}, {price.as_of}"
    for known in classes:
        if known.name == name:
            part = known.cpu_share if kind == CPU else 1 - known.cpu_share
            units = known.cores if kind == CPU else known.memory_gib
            return known.usd_per_hour * part / units, f"engines.{NAME}.nodes.{name}"
    raise PriceUnknown(f"no price of {item!r}: state the node class {name!r} in engines.{NAME}.nodes.")


def rates(
    cores: Decimal, memory_gib: Decimal, node_class: NodeClass | None, classes: Sequence[NodeClass], book: PriceBook
) -> Rates | None:
    """What so many cores and GiB cost an hour; None when the book has no price."""
    suffix = f":{node_class.name}" if node_class else ""
    try:
        cpu_usd, source = usd_per_hour(f"{CPU}{suffix}", classes, book)
        memory_usd, _ = usd_per_hour(f"{MEMORY}{suffix}", classes, book)
    except PriceUnknown:
        return None
    return Rates(compute_usd_per_hour=cores * cpu_usd + memory_gib * memory_usd, source=source)


def cost(usage: Usage, classes: Sequence[NodeClass], book: PriceBook) -> Cost:
    """Pod hours times prices, to the millionth of a dollar. Raises PriceUnknown."""
    compute_usd = Decimal(0)
    for interval in usage.intervals:
        microseconds = max(0, (interval.end - interval.start) // timedelta(microseconds=1))
        hours = Decimal(microseconds) / 3_600_000_000
        price, _ = usd_per_hour(interval.item, classes, book)
        compute_usd += hours * Decimal(str(interval.quantity)) * price
    basis = Basis.METERED if usage.complete else Basis.ESTIMATED
    return Cost(compute_usd=compute_usd.quantize(_MICRO_USD), basis=basis)
