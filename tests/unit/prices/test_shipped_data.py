"""The shipped list as data: positive, ordered, complete for what it names."""

from __future__ import annotations

import pytest

from engineshed.prices.snapshot import SnapshotPrices, shipped_list

LISTED = shipped_list()
BOOK = SnapshotPrices(LISTED, "shipped")
REGIONS = sorted({price.region for price in LISTED.prices})


def test_every_price_is_positive_and_dated() -> None:
    assert all(price.usd_per_hour > 0 for price in LISTED.prices)


@pytest.mark.parametrize("region", REGIONS)
def test_spot_is_below_on_demand_and_larger_machines_cost_more(region: str) -> None:
    kinds = sorted(BOOK.instances("emr", region), key=lambda kind: kind.vcpus)
    assert kinds
    on_demand = [BOOK.price(f"ec2:{kind.name}", "on_demand", region).usd_per_hour for kind in kinds]
    assert on_demand == sorted(on_demand)
    for kind, usd in zip(kinds, on_demand, strict=True):
        assert BOOK.price(f"ec2:{kind.name}", "spot", region).usd_per_hour < usd
        assert BOOK.price(f"emr:{kind.name}", "", region).usd_per_hour < usd


@pytest.mark.parametrize("region", REGIONS)
def test_disks_and_units_of_databricks_are_priced(region: str) -> None:
    for item in ("ebs:gp3", "dbu:PREMIUM_JOBS_COMPUTE"):
        BOOK.price(item, "", region)
