"""What a price book must answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar, Protocol

from engineshed.model.errors import EngineshedError
from engineshed.model.failure import FailureClass


class PriceUnknown(EngineshedError):
    """The book has no price for the item: the offer is rejected, the plan goes on."""

    failure_class: FailureClass = FailureClass.CONFIGURATION
    transient: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per hour of one unit of `item`, with its origin.

    item: `node` (this machine), `ec2:m6i.xlarge`, `emr:m6i.xlarge` (the surcharge), `ebs:gp3` (a GiB), `dbu:JOBS` (one
    DBU), `pod-cpu`. market: `on_demand`, `spot` or empty where there is none. region: empty where it plays no part.
    """

    item: str
    market: str
    usd_per_hour: Decimal
    source: str
    as_of: date
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """A machine that a cloud rents out. `storage_bytes` counts its own disks; 0: it has none.

    dbus_per_hour: Databricks units that an hour of it takes, by runtime engine (`standard`, `photon`).
    """

    name: str
    vcpus: int
    memory_bytes: int
    architecture: str
    storage_bytes: int = 0
    dbus_per_hour: Mapping[str, Decimal] = field(default_factory=dict)


class PriceBook(Protocol):
    """Prices with source and date, and the machines that can be had for them."""

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """The price of one unit for an hour. Raises PriceUnknown naming item, market, region and where to add it."""
        ...

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """What `platform` (`emr`, `databricks`) can run on there, by name; empty where this book knows none."""
        ...
