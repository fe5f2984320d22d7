"""Databricks: `system.billing.usage` with a table of prices, `system.billing.list_prices` or the account's own.

Columns: https://docs.databricks.com/aws/en/admin/system-tables/billing and .../pricing. Corrections are rows of their
own (`record_type` RETRACTION with a negative quantity, then RESTATEMENT), so all rows are added up. A structure is JSON
in CSV (`to_json(usage_metadata)`). DBUs are the surcharge; the machines below are on the cloud's own bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from engineshed.model.billing import BillLine, Part
from engineshed.prices.bills.tables import Row, rows_of

NEEDED = ("record_id", "workspace_id", "sku_name", "usage_date", "usage_end_time", "usage_quantity", "usage_metadata")
PRICES_NEEDED = ("sku_name", "currency_code", "price_start_time", "pricing")

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SkuPrice:
    """Dollars for a unit of a SKU from `start` up to `end`."""

    sku: str
    cloud: str
    start: datetime
    end: datetime
    usd: Decimal


def read_prices(path: Path) -> Iterable[SkuPrice]:
    """The prices in dollars. Raises SettingInvalid."""
    for row in rows_of(path):
        if row.text("currency_code") != "USD":
            continue
        end = row.moment("price_end_time") if row.text("price_end_time") else _NEVER
        yield SkuPrice(row.text("sku_name"), row.text("cloud"), row.moment("price_start_time"), end, _unit(row))


def read(path: Path, prices: Sequence[SkuPrice]) -> Iterable[BillLine]:
    """The usage at its prices. Raises SettingInvalid, also where a SKU has no price at the time of its use."""
    for row in rows_of(path):
        meta, tags = row.mapping("usage_metadata"), row.mapping("custom_tags")
        yield BillLine(
            account=f"databricks:{row.text('workspace_id')}",
            day=row.moment("usage_date").date(),
            identity=row.text("record_id") or row.wrong("record_id", "is empty"),
            part=Part.SURCHARGE,
            usd=row.amount("usage_quantity") * _price(row, prices),
            what=row.text("sku_name"),
            token=str(tags.get("engineshed-token") or ""),
            engine="databricks",
            run_id=str(meta.get("job_run_id") or ""),
        )


def _price(row: Row, prices: Sequence[SkuPrice]) -> Decimal:
    sku, cloud, used = row.text("sku_name"), row.text("cloud"), row.moment("usage_end_time")
    found = [p.usd for p in prices if p.sku == sku and cloud in ("", p.cloud) and p.start <= used < p.end]
    if len(set(found)) != 1:
        row.wrong(
            "sku_name", f"{sku} has {len(set(found))} prices at {used:%Y-%m-%d %H:%M}, not one, in the files given"
        )
    return found[0]


def _unit(row: Row) -> Decimal:
    pricing: dict[str, Any] = row.mapping("pricing")
    said = (pricing.get("effective_list") or {}).get("default") or pricing.get("default")
    try:
        return Decimal(str(said))
    except ArithmeticError:
        row.wrong("pricing", f"has no price in effective_list.default or default ({pricing})")
