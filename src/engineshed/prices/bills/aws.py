"""AWS: Cost and Usage Report 2.0 of Data Exports (and the legacy report under its Athena names), with resource ids.

Columns and what they mean: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html and its pages
on line item, bill, reservation, savings plan and resource tags columns. `identity_line_item_id` is unique only within
one export, so a later export replaces days, not lines. Tags show up once they are activated as cost allocation tags:
`engineshed:token` of EMR clusters, `engineshed-token` of machines that Databricks starts, and AWS's own
`aws:elasticmapreduce:job-flow-id`. Hours under a savings plan or a reservation count with their effective cost; the
plan's own fees and negations belong to nobody's run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from engineshed.model.billing import BillLine, Part
from engineshed.prices.bills.tables import Row, rows_of

NEEDED = (
    "bill_payer_account_id", "line_item_line_item_type", "line_item_usage_start_date", "line_item_product_code",
    "line_item_usage_type", "line_item_resource_id", "line_item_unblended_cost", "line_item_currency_code",
)  # fmt: skip

_EFFECTIVE = {
    "SavingsPlanCoveredUsage": "savings_plan_savings_plan_effective_cost",
    "DiscountedUsage": "reservation_effective_cost",
}
_OF_NO_RUN = ("SavingsPlanNegation", "SavingsPlanUpfrontFee", "SavingsPlanRecurringFee", "RIFee")
_TELLING = (
    "identity_line_item_id", "line_item_line_item_type", "line_item_usage_start_date", "line_item_usage_end_date",
    "line_item_usage_account_id", "line_item_product_code", "line_item_usage_type", "line_item_operation",
    "line_item_resource_id", "line_item_line_item_description",
)  # fmt: skip
_CLUSTER = re.compile(r"\bj-[0-9A-Z]{8,}\b")


def read(path: Path, exported_at: datetime) -> Iterable[BillLine]:
    """The lines that charge for use. Raises SettingInvalid."""
    for row in rows_of(path):
        if row.text("line_item_line_item_type") not in _OF_NO_RUN:
            yield _line(row, exported_at)


def _line(row: Row, exported_at: datetime) -> BillLine:
    if row.text("line_item_currency_code") != "USD":
        row.wrong("line_item_currency_code", f"is {row.text('line_item_currency_code')!r}, the ledger keeps dollars")
    tags = _tags(row)
    cluster = _CLUSTER.search(tags.get("aws_elasticmapreduce_job_flow_id") or row.text("line_item_resource_id"))
    return BillLine(
        account=f"aws:{row.text('bill_payer_account_id')}",
        day=row.day("line_item_usage_start_date", exported_at),
        identity="|".join(row.text(column) for column in _TELLING),
        part=_part(row),
        usd=_cost(row),
        what=f"{row.text('line_item_product_code')} {row.text('line_item_usage_type')}",
        token=tags.get("engineshed_token", ""),
        engine="emr",
        run_id=cluster.group() if cluster else "",
    )


def _cost(row: Row) -> Decimal:
    return row.amount(_EFFECTIVE.get(row.text("line_item_line_item_type"), "line_item_unblended_cost"))


def _part(row: Row) -> Part:
    product, use = row.text("line_item_product_code"), row.text("line_item_usage_type")
    if product == "ElasticMapReduce":
        return Part.SURCHARGE
    return Part.STORAGE if product == "AmazonS3" or "EBS:" in use else Part.COMPUTE


def _tags(row: Row) -> Mapping[str, str]:
    """By names without their prefix, in the one spelling to which AWS brings some of them."""
    apart = {name: row.text(name) for name in row.cells if str(name).startswith("resource_tags_")}
    found = {**apart, **row.mapping("resource_tags"), **row.mapping("tags")}
    return {_plain(name): row.word("resource_tags", value) for name, value in found.items() if value}


def _plain(name: str) -> str:
    short = re.sub(r"[^a-z0-9]+", "_", name.lower())
    for prefix in ("resource_tags_", "resourcetags_", "user_"):
        short = short.removeprefix(prefix)
    return short
