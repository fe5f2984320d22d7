"""What metered machines cost, by part. Pure."""

from __future__ import annotations

from decimal import Decimal

from engineshed.model.money import Basis, Cost
from engineshed.model.usage import Usage
from engineshed.ports.prices import PriceBook

SHARED = "emr-cluster-shared"
_PARTS = {"ec2": "compute_usd", "emr": "surcharge_usd", "ebs": "storage_usd"}


def cost(usage: Usage, region: str, book: PriceBook) -> Cost:
    """At the book's prices in the clusters' region. Raises PriceUnknown."""
    parts = dict.fromkeys(_PARTS.values(), Decimal(0))
    for interval in usage.intervals:
        if interval.item == SHARED:
            continue
        seconds = Decimal(str(max(0.0, (interval.end - interval.start).total_seconds())))
        price = book.price(interval.item, interval.market, region).usd_per_hour
        parts[_PARTS[interval.item.partition(":")[0]]] += price * Decimal(str(interval.quantity)) * seconds / 3600
    return Cost(**parts, basis=Basis.METERED)
