"""A Databricks workspace on this machine, and benches whose drivers run there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from engineshed.model.staged import Artefact, Staged
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.testing.bench import Bench

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
