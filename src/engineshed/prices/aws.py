"""A price list made new from AWS: what machines, EMR and disks cost today, asked of the Price List API and of EC2.

The list says what is asked for: each of its entries that is AWS's, in its region. Refuses to guess: where AWS names no
price, or several, the entry stays as it was, with its old date. Units of Databricks and stated prices stay, too.

Source: AWS Billing User Guide, "Using the AWS Price List Query API"; EC2 API Reference, DescribeSpotPriceHistory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from engineshed.prices.snapshot import ListedPrice, PriceList

Clients = Callable[[str, str], Any]
"""A boto3 client by service and region."""

PRICING_REGION = "us-east-1"
"""One of the few regions where the Price List API answers; it knows the prices of all."""
HOURS_A_MONTH = Decimal(730)
_HOURLY_DIGITS = Decimal("0.000000000001")
_LINUX = {"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "capacitystatus": "Used"}
_EMR = {"productFamily": "Elastic Map Reduce Instance", "softwareType": "EMR"}


class _NoPrice(Exception):
    """AWS names no price for an entry, or several; the text says which."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """listed: the new list. kept: entries that stay as they were -> why. asked: how many of its entries are AWS's."""

    listed: PriceList
    kept: dict[str, str]
    asked: int


def clients() -> Clients:
    """Clients with the credentials that boto3 finds."""
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str) -> Any:
        if (service, region) not in made:
            make: Any = boto3.session.Session(region_name=region).client
            made[service, region] = make(service)
        return made[service, region]

    return client


def refresh(listed: PriceList, client: Clients, now: datetime) -> Refreshed:
    """The list with AWS's prices of `now`. An entry that AWS does not answer stays, and is named with the reason."""
    prices, kept, asked = [], {}, 0
    for entry in listed.prices:
        source = _SOURCES.get((entry.item.partition(":")[0], entry.market))
        if source is None:
            prices.append(entry)
            continue
        asked += 1
        try:
            usd, origin = source(entry, client, now)
        except (_NoPrice, ClientError, BotoCoreError) as error:
            kept[" ".join(filter(None, (entry.item, entry.market, entry.region)))] = str(error)
            prices.append(entry)
        else:
            new = {"usd_per_hour": usd, "source": origin, "as_of": now.date()}
            prices.append(entry.model_copy(update=new))
    return Refreshed(listed.model_copy(update={"prices": tuple(prices)}), kept, asked)


def _machine(entry: ListedPrice, client: Clients, now: datetime) -> tuple[Decimal, str]:
    return _listed(client, "AmazonEC2", "Hrs", {"instanceType": _name(entry), "regionCode": entry.region, **_LINUX})


def _surcharge(entry: ListedPrice, client: Clients, now: datetime) -> tuple[Decimal, str]:
    asked = {"instanceType": _name(entry), "regionCode": entry.region, **_EMR}
    return _listed(client, "ElasticMapReduce", "Hrs", asked)


def _disk(entry: ListedPrice, client: Clients, now: datetime) -> tuple[Decimal, str]:
    asked = {"productFamily": "Storage", "volumeApiName": _name(entry), "regionCode": entry.region}
    usd, origin = _listed(client, "AmazonEC2", "GB-Mo", asked)
    return (usd / HOURS_A_MONTH).quantize(_HOURLY_DIGITS), f"{origin}: {usd.normalize():f} a GiB and month of 730 hours"


def _spot(entry: ListedPrice, client: Clients, now: datetime) -> tuple[Decimal, str]:
    """The median over the zones of what each asks now: EC2 answers the price in force when the span began."""
    pages = client("ec2", entry.region).get_paginator("describe_spot_price_history")
    asked = {"InstanceTypes": [_name(entry)], "ProductDescriptions": ["Linux/UNIX"], "StartTime": now}
    latest: dict[str, tuple[datetime, Decimal]] = {}
    for page in pages.paginate(**asked):
        for said in page["SpotPriceHistory"]:
            seen = said["Timestamp"], Decimal(said["SpotPrice"])
            latest[said["AvailabilityZone"]] = max(seen, latest.get(said["AvailabilityZone"], seen))
    if not latest:
        raise _NoPrice("EC2 names no spot price of it")
    return median(usd for _, usd in latest.values()), f"EC2 spot price history, median over {len(latest)} zones"


_SOURCES: dict[tuple[str, str], Callable[[ListedPrice, Clients, datetime], tuple[Decimal, str]]] = {
    ("ec2", "on_demand"): _machine,
    ("ec2", "spot"): _spot,
    ("emr", ""): _surcharge,
    ("ebs", ""): _disk,
}


def _name(entry: ListedPrice) -> str:
    return entry.item.partition(":")[2]


def _listed(client: Clients, service: str, unit: str, asked: dict[str, str]) -> tuple[Decimal, str]:
    """The one price on demand of what fits, and where it stands."""
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in asked.items()]
    pages = client("pricing", PRICING_REGION).get_paginator("get_products")
    found: set[Decimal] = set()
    published = ""
    for page in pages.paginate(ServiceCode=service, FormatVersion="aws_v1", Filters=filters):
        for text in page["PriceList"]:
            product = json.loads(text)
            published = max(published, product.get("publicationDate", "")[:10])
            found |= set(_on_demand(product, unit))
    if len(found) != 1:
        raise _NoPrice(f"the price list of {service} names {len(found) or 'no'} prices of it")
    return found.pop(), f"AWS price list {service}, published {published}"


def _on_demand(product: dict[str, Any], unit: str) -> Iterator[Decimal]:
    """Prices above zero: reserved capacity that nobody uses has one of zero."""
    for term in product["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = Decimal(dimension["pricePerUnit"].get("USD", "0"))
            if dimension["unit"] == unit and usd > 0:
                yield usd
