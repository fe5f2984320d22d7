"""The Dagster surface: what a data team imports. Dagster's pages and metrics show which version a location runs."""

from importlib.metadata import version

from dagster._core.libraries import DagsterLibraryRegistry

from engineshed.assets.backfill_sensor import backfill_sensor
from engineshed.assets.checks import DataCheck, Finding, PartitionTables, has_rows, is_unique, no_dangling
from engineshed.assets.component import SparkAssetComponent
from engineshed.assets.cost_report import cost_report
from engineshed.assets.overriding import RunOverride
from engineshed.assets.publishing import publish_tables
from engineshed.assets.reading import Opened, open_table
from engineshed.assets.resource import Engineshed, read_premises
from engineshed.assets.spark_asset import Illustrate, spark_asset

DagsterLibraryRegistry.register("engineshed", version("engineshed"), is_dagster_package=False)

__all__ = [
    "DataCheck",
    "Engineshed",
    "Finding",
    "Illustrate",
    "Opened",
    "PartitionTables",
    "RunOverride",
    "SparkAssetComponent",
    "backfill_sensor",
    "cost_report",
    "has_rows",
    "is_unique",
    "no_dangling",
    "open_table",
    "publish_tables",
    "read_premises",
    "spark_asset",
]
