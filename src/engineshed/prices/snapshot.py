"""A dated price list in a file: the one that is shipped, or one of your own.

Every price has its source and date. Refused, naming the entry: an amount below zero or with other than decimal digits,
another currency than US dollars, an entry that stands there twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engineshed.model.errors import SettingInvalid
from engineshed.ports.prices import InstanceType, Price, PriceUnknown

SHIPPED = "aws.json"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ListedPrice(_Closed):
    """US dollars of one unit of `item` for an hour."""

    item: str = Field(min_length=1)
    market: str = ""
    region: str = ""
    usd_per_hour: Decimal = Field(ge=0)
    source: str = Field(min_length=1)
    as_of: date


class Machine(_Closed):
    """A machine that `platforms` can run on, in every region that has its price."""

    name: str = Field(min_length=1)
    platforms: tuple[str, ...]
    vcpus: int = Field(gt=0)
    memory_gib: Decimal = Field(gt=0)
    storage_gib: int = Field(default=0, ge=0)
    architecture: Literal["x86_64", "arm64"]
    dbus_per_hour: Mapping[str, Decimal] = {}


class PriceList(_Closed):
    """The file."""

    version: Literal[1]
    currency: Literal["USD"]
    prices: tuple[ListedPrice, ...]
    machines: tuple[Machine, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> PriceList:
        seen: set[tuple[str, str, str]] = set()
        for price in self.prices:
            key = (price.item, price.market, price.region)
            if key in seen:
                raise ValueError(f"{price.item} ({price.market}) in {price.region} stands there twice")
            seen.add(key)
        return self


class SnapshotPrices:
    """A book made of a price list. `place` says where it was read, for people."""

    def __init__(self, listed: PriceList, place: str) -> None:
        self._place = place
        self._machines = listed.machines
        self._prices = {(p.item, p.market, p.region): p for p in listed.prices}

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """The listed price. Raises PriceUnknown saying how to get it."""
        found = self._prices.get((item, market, region))
        if found is None:
            named = " ".join(filter(None, (item, market and f"({market})", region and f"in {region}")))
            raise PriceUnknown(
                f"no price is known for {named}: add it to the file that price_list names, or state it under `prices`"
                " in platform.yaml."
            )
        return Price(
            item=item,
            market=market,
            usd_per_hour=found.usd_per_hour,
            source=found.source,
            as_of=found.as_of,
            region=region,
        )

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """Machines of that platform whose price on demand is known there."""
        return tuple(
            InstanceType(
                name=m.name,
                vcpus=m.vcpus,
                memory_bytes=int(m.memory_gib * 2**30),
                architecture=m.architecture,
                storage_bytes=m.storage_gib * 2**30,
                dbus_per_hour=m.dbus_per_hour,
            )
            for m in sorted(self._machines, key=lambda m: m.name)
            if platform in m.platforms and (f"ec2:{m.name}", "on_demand", region) in self._prices
        )

    def all(self) -> Sequence[Price]:
        """Every price, by item, market and region."""
        return tuple(self.price(*key) for key in sorted(self._prices))


def read_list(path: Path) -> PriceList:
    """The price list in a file. Raises SettingInvalid naming file, entry and fact."""
    try:
        return parse_list(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"price list {path} cannot be read ({error}): name another in price_list.") from error


def parse_list(text: str, place: str) -> PriceList:
    """The price list in a text. Raises SettingInvalid."""
    try:
        return PriceList.model_validate(json.loads(text, parse_float=Decimal))
    except json.JSONDecodeError as error:
        raise SettingInvalid(f"price list {place} is no JSON: {error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "(top)"
        raise SettingInvalid(f"price list {place}: {where}: {first['msg']}.") from None


def shipped_list() -> PriceList:
    """The list that comes with engineshed."""
    text = resources.files("engineshed.prices").joinpath("data", SHIPPED).read_text(encoding="utf-8")
    return parse_list(text, f"engineshed/prices/data/{SHIPPED}")


def to_text(listed: PriceList) -> str:
    """The file's text: amounts with all their digits, one entry a line."""
    plain: dict[str, Any] = listed.model_dump(mode="json")
    lines = [f'{{"version": {plain["version"]}, "currency": {json.dumps(plain["currency"])},']
    for name in ("prices", "machines"):
        rows = ",\n  ".join(json.dumps(row, sort_keys=True) for row in plain[name])
        lines.append(f' "{name}": [\n  {rows}\n ]' + ("," if name == "prices" else "}"))
    return "\n".join(lines) + "\n"
