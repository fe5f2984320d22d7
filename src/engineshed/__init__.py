"""engineshed: a Spark asset is declared once; where each partition runs is decided, explained and booked.

The public names. They are loaded on first use, so that whatever needs none of them starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engineshed.assets import (
        DataCheck,
        Engineshed,
        Finding,
        PartitionTables,
        SparkAssetComponent,
        backfill_sensor,
        cost_report,
        has_rows,
        is_unique,
        no_dangling,
        publish_tables,
        read_premises,
        spark_asset,
    )
    from engineshed.assets.reading import open_table as open
    from engineshed.model.job import Mode, SampleInput, SparkJob
    from engineshed.model.objective import Objective
    from engineshed.model.resources import Resources

_HOMES = {
    "DataCheck": "engineshed.assets.checks:DataCheck",
    "Engineshed": "engineshed.assets.resource:Engineshed",
    "Finding": "engineshed.assets.checks:Finding",
    "Mode": "engineshed.model.job:Mode",
    "Objective": "engineshed.model.objective:Objective",
    "PartitionTables": "engineshed.assets.checks:PartitionTables",
    "Resources": "engineshed.model.resources:Resources",
    "SampleInput": "engineshed.model.job:SampleInput",
    "SparkAssetComponent": "engineshed.assets.component:SparkAssetComponent",
    "SparkJob": "engineshed.model.job:SparkJob",
    "backfill_sensor": "engineshed.assets.backfill_sensor:backfill_sensor",
    "cost_report": "engineshed.assets.cost_report:cost_report",
    "has_rows": "engineshed.assets.checks:has_rows",
    "is_unique": "engineshed.assets.checks:is_unique",
    "no_dangling": "engineshed.assets.checks:no_dangling",
    "open": "engineshed.assets.reading:open_table",
    "read_premises": "engineshed.assets.resource:read_premises",
    "publish_tables": "engineshed.assets.publishing:publish_tables",
    "spark_asset": "engineshed.assets.spark_asset:spark_asset",
}

__all__ = [
    "DataCheck",
    "Engineshed",
    "Finding",
    "Mode",
    "Objective",
    "PartitionTables",
    "Resources",
    "SampleInput",
    "SparkAssetComponent",
    "SparkJob",
    "backfill_sensor",
    "cost_report",
    "has_rows",
    "is_unique",
    "no_dangling",
    "open",
    "publish_tables",
    "read_premises",
    "spark_asset",
]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _HOMES[name].split(":")
    except KeyError:
        raise AttributeError(f"module 'engineshed' has no attribute {name!r}") from None
    return getattr(importlib.import_module(module), attribute)
