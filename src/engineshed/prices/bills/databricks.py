"""Databricks: `system.billing.usage` with a table of prices, `system.billing.list_prices` or the account's own.

Columns: https://docs.databricks.com/aws/en/admin/system-tables/billing and .../pricing. Corrections are rows of their
own (`record_type` RETRACTION with a negative quantity, then RESTATEMENT), so all rows are added up. A structure is JSON
in CSV (`to_json(usage_metadata)`). DBUs are the surcharge; the machines below are on the cloud's own bill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

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


Prices = Mapping[str, Sequence[SkuPrice]]
"""By SKU."""


def read_prices(paths: Iterable[Path]) -> Prices:
    """The prices in dollars; those in other currencies are passed over. Raises SettingInvalid."""
    prices: dict[str, list[SkuPrice]] = defaultdict(list)
    for row in (row for path in paths for row in rows_of(path)):
        if row.text("currency_code") == "USD":
            end = row.moment("price_end_time") if row.text("price_end_time") else _NEVER
            price = SkuPrice(row.text("sku_name"), row.text("cloud"), row.moment("price_start_time"), end, _unit(row))
            prices[price.sku].append(price)
    return prices


def read(path: Path, exported_at: datetime, prices: Prices) -> Iterable[BillLine]:
    """The usage at its prices. Raises SettingInvalid, also where a SKU has no price at the time of its use."""
    for row in rows_of(path):
        meta, tags = row.mapping("usage_metadata"), row.mapping("custom_tags")
        yield BillLine(
            account=f"databricks:{row.text('workspace_id')}",
            day=row.day("usage_date", exported_at),
            identity=row.text("record_id") or row.wrong("record_id", "is empty"),
            part=Part.SURCHARGE,
            usd=row.amount("usage_quantity") * _price(row, prices),
            what=row.text("sku_name"),
            token=row.word("custom_tags", tags.get("engineshed-token")),
            engine="databricks",
            run_id=row.word("usage_metadata", meta.get("job_run_id")),
        )


def _price(row: Row, prices: Prices) -> Decimal:
    # By the end of the use, as Databricks' own queries join the two tables.
    sku, cloud, used = row.text("sku_name"), row.text("cloud"), row.moment("usage_end_time")
    found = {p.usd for p in prices.get(sku, ()) if cloud in ("", p.cloud) and p.start <= used < p.end}
    if len(found) != 1:
        row.wrong(
            "sku_name",
            f"{sku} has {len(found)} prices in dollars at {used:%Y-%m-%d %H:%M}, not one, in the files given",
        )
    return found.pop()


def _unit(row: Row) -> Decimal:
    pricing = row.mapping("pricing")
    effective = pricing.get("effective_list")
    said = (effective if isinstance(effective, dict) else pricing).get("default", pricing.get("default"))
    return row.number("pricing", row.word("pricing", said))
