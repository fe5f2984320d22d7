"""`engineshed prices refresh`: the real boto3 asks, and what it is told is in force for the next run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.integration.prices.aws_prices import AwsPrices, aws_prices, machine, product

from engineshed.cli import cli
from engineshed.ports.prices import Price
from engineshed.running.opening import listed_prices
from engineshed.running.premises import read_platform
from engineshed.testing.emr import Neighbours

REGION, OTHER = "us-east-1", "eu-west-1"
MACHINE = {"name": "m6a.large", "platforms": ["emr"], "vcpus": 2, "memory_gib": "8", "architecture": "x86_64"}
OLD = {"source": "an old list", "as_of": "2020-01-01"}
TODAY = datetime.now(UTC).date()


def entry(item: str, market: str = "", region: str = REGION) -> dict[str, str]:
    return {"item": item, "market": market, "region": region, "usd_per_hour": "9", **OLD}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsPrices]:
    """AWS, with what else is in its list beside what is looked for."""
    with aws_prices() as known:
        known.products = [
            machine("m6a.large", REGION, "0.0864"),
            machine("m6a.large", REGION, "0.1784", operatingSystem="Windows"),
            machine("m6a.large", REGION, "0.0950", tenancy="Dedicated"),
            machine("m6a.large", REGION, "0.5664", preInstalledSw="SQL Std"),
            machine("m6a.large", REGION, "0.0000", capacitystatus="AllocatedCapacityReservation"),
            machine("m6a.large", OTHER, "0.0963"),
            machine("m6a.xlarge", REGION, "0.1728"),
            product("ElasticMapReduce", "0.0216", instanceType="m6a.large", regionCode=REGION, softwareType="EMR",
                    productFamily="Elastic Map Reduce Instance"),
            product("ElasticMapReduce", "0.0700", instanceType="m6a.large", regionCode=REGION, softwareType="MapR M5",
                    productFamily="Elastic Map Reduce Instance"),
            product("AmazonEC2", "0.08", "GB-Mo", volumeApiName="gp3", regionCode=REGION, productFamily="Storage"),
            product("AmazonEC2", "0.005", "IOPS-Mo", volumeApiName="gp3", regionCode=REGION,
                    productFamily="System Operation"),
        ]  # fmt: skip
        known.spot = {(REGION, "m6a.large"): {"us-east-1a": "0.0300", "us-east-1b": "0.0400", "us-east-1c": "0.0900"}}
        for name in ("PRICING", "EC2"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", known.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield known


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """platform.yaml, which names a list of seven old prices."""
    items = [("ec2:m6a.large", "on_demand"), ("ec2:m6a.large", "spot"), ("emr:m6a.large", ""), ("ebs:gp3", "")]
    prices = [entry(*item) for item in items]
    prices += [entry("ec2:m6a.large", "on_demand", OTHER), entry("ec2:m6a.large", "spot", OTHER), entry("dbu:JOBS")]
    listed = {"version": 1, "currency": "USD", "prices": prices, "machines": [MACHINE]}
    (tmp_path / "prices.json").write_text(json.dumps(listed))
    return settle(tmp_path, monkeypatch, price_list=str(tmp_path / "prices.json"))


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch, **platform: Any) -> Path:
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump(platform))
    monkeypatch.setenv("ENGINESHED_PLATFORM", str(path))
    return path


def refresh(*options: str) -> Result:
    return CliRunner().invoke(cli, ["prices", "refresh", *options])


def in_force(platform: Path) -> dict[tuple[str, str, str], Price]:
    return {(p.item, p.market, p.region): p for p in listed_prices(read_platform(platform)).all()}


def test_every_kind_of_price_is_asked_where_it_stands(aws: AwsPrices, place: Path) -> None:
    done = refresh()
    assert done.exit_code == 0, done.output
    found = in_force(place)
    usd = {key: price.usd_per_hour for key, price in found.items()}
    assert usd["ec2:m6a.large", "on_demand", REGION] == Decimal("0.0864")
    assert usd["ec2:m6a.large", "on_demand", OTHER] == Decimal("0.0963")
    assert usd["ec2:m6a.large", "spot", REGION] == Decimal("0.04"), "the median of the zones"
    assert usd["emr:m6a.large", "", REGION] == Decimal("0.0216")
    assert usd["ebs:gp3", "", REGION] == Decimal("0.000109589041")
    told = found["emr:m6a.large", "", REGION]
    assert (told.as_of, told.source) == (TODAY, "AWS price list ElasticMapReduce, published 2026-11-20")
    assert [kind.name for kind in listed_prices(read_platform(place)).instances("emr", REGION)] == ["m6a.large"]


def test_what_aws_does_not_answer_stays_with_its_date_and_is_named(aws: AwsPrices, place: Path) -> None:
    done = refresh()
    assert "ec2:m6a.large spot eu-west-1: EC2 names no spot price of it" in done.stderr
    assert "5 of 6 prices of AWS are new, of 7 in all" in done.stdout
    found = in_force(place)
    for key in (("ec2:m6a.large", "spot", OTHER), ("dbu:JOBS", "", REGION)):
        assert (found[key].usd_per_hour, found[key].as_of.isoformat()) == (Decimal(9), OLD["as_of"])


def test_several_prices_are_none(aws: AwsPrices, place: Path) -> None:
    aws.products += [machine("m6a.large", REGION, price) for price in ("0.0865", "0.0866")]
    done = refresh()
    assert "ec2:m6a.large on_demand us-east-1: the price list of AmazonEC2 names 3 prices of it" in done.stderr
    assert in_force(place)["ec2:m6a.large", "on_demand", REGION].usd_per_hour == Decimal(9)


def test_a_missing_right_is_said_once_and_nothing_is_written(aws: AwsPrices, place: Path) -> None:
    before = place.with_name("prices.json").read_bytes()
    aws.denied, aws.spot = {"AWSPriceListService.GetProducts"}, {}
    done = refresh()
    assert done.exit_code == 1
    assert done.stderr.count("AccessDeniedException") == 1
    assert "Nothing was written" in done.stderr
    assert place.with_name("prices.json").read_bytes() == before


def test_a_list_in_a_bucket_is_the_shipped_one_until_it_is_written(
    aws: AwsPrices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Neighbours() as account:
        account.make_bucket("platform")
        store = {"endpoint_url": account.endpoint_url, "region": REGION}
        address = "s3://platform/engineshed/prices.json"
        platform = settle(tmp_path, monkeypatch, price_list=address, price_store=store)
        shipped = in_force(platform)
        done = refresh()
        assert done.exit_code == 0, done.output
        new = in_force(platform)
    assert new.keys() == shipped.keys()
    assert shipped["ec2:m6a.large", "on_demand", REGION].source != new["ec2:m6a.large", "on_demand", REGION].source
    assert new["ec2:m6a.large", "on_demand", REGION].as_of == TODAY
    assert new["ec2:m6a.8xlarge", "spot", REGION] == shipped["ec2:m6a.8xlarge", "spot", REGION], "AWS knows none here"


def test_without_a_place_for_the_list_nothing_is_asked(
    aws: AwsPrices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(tmp_path, monkeypatch)
    done = refresh()
    assert done.exit_code != 0
    assert "set price_list in platform.yaml" in str(done.exception)
    assert aws.asked == []
    elsewhere = tmp_path / "new.json"
    assert refresh("--to", str(elsewhere)).exit_code == 0
    assert json.loads(elsewhere.read_text())["version"] == 1
