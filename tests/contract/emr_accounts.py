"""An account of EMR on this machine, and benches whose drivers run on its clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from engineshed.model.job import SparkJob
from engineshed.model.staged import Staged
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.running.staging import Staging
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench

DRIVER = Path(__file__).parents[2] / "spark" / "driver" / "engineshed_driver.py"
_GIB = 2**30


class SmallBook:
    """Prices of two machines, in dollars that are easily added up."""

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """See PriceBook."""
        prices = {
            ("ec2:m5.xlarge", "on_demand"): "0.20", ("ec2:m5.xlarge", "spot"): "0.08", ("emr:m5.xlarge", ""): "0.05",
            ("ec2:m5.2xlarge", "on_demand"): "0.40", ("ec2:m5.2xlarge", "spot"): "0.15", ("emr:m5.2xlarge", ""): "0.10",
            ("ebs:gp3", ""): "0.0001",
        }  # fmt: skip
        usd = prices.get((item, market))
        if usd is None:
            raise PriceUnknown(f"no price of {item} ({market}): give this book one.")
        return Price(item=item, market=market, usd_per_hour=Decimal(usd), source="this test", as_of=date(2026, 11, 1))

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """See PriceBook."""
        if platform != "emr":
            return ()
        return tuple(
            InstanceType(name=name, vcpus=cores, memory_bytes=gib * _GIB, architecture="x86_64")
            for name, cores, gib in (("m5.xlarge", 4, 16), ("m5.2xlarge", 8, 32))
        )


@dataclass(kw_only=True)
class EmrBench(Bench):
    """Drivers share this machine's folders; code and context go by the bucket."""

    def stage(self, source: str) -> Staged:
        """In the exchange, driver and relay beside it."""
        here = super().stage(source)
        job = SparkJob(name="contract", script=here.script.uri)
        return Staging(open_store(self.exchange, self.exchange_access), DRIVER).stage(job)


def engine_settings(endpoint_url: str, **more: Any) -> Mapping[str, Any]:
    """Settings of the engine for that account."""
    return {"region": "us-east-1", "endpoint_url": endpoint_url, "spot": False, "managed_scaling": False, **more}
