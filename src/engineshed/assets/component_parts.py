"""From what an asset's YAML says to the parts that `spark_asset` takes: partitions, checks, policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from engineshed.assets.checks import DataCheck, has_rows, is_unique, no_dangling
from engineshed.running.asset_settings import (
    CheckSettings,
    DimensionSettings,
    HasRowsSettings,
    RetrySettings,
    SpanSettings,
    UniqueSettings,
)

_SPANS: Mapping[str, type[dg.TimeWindowPartitionsDefinition]] = {
    "hourly": dg.HourlyPartitionsDefinition,
    "daily": dg.DailyPartitionsDefinition,
    "weekly": dg.WeeklyPartitionsDefinition,
    "monthly": dg.MonthlyPartitionsDefinition,
}


def partitions_of(dimensions: Mapping[str, DimensionSettings] | None) -> dg.PartitionsDefinition[Any] | None:
    """Nothing, one dimension, or the product of two."""
    if dimensions is None:
        return None
    definitions = {name: _dimension(settings) for name, settings in dimensions.items()}
    if len(definitions) == 1:
        return next(iter(definitions.values()))
    return dg.MultiPartitionsDefinition(definitions)


def _dimension(settings: DimensionSettings) -> dg.PartitionsDefinition[Any]:
    kind, value = settings.chosen
    if not isinstance(value, SpanSettings):
        return dg.StaticPartitionsDefinition(value)
    return _SPANS[kind](start_date=value.start, end_date=value.end, timezone=value.timezone)  # type: ignore[call-arg]


def check_of(settings: CheckSettings) -> DataCheck:
    """The data check that is asked for."""
    _, asked = settings.chosen
    if isinstance(asked, HasRowsSettings):
        return has_rows(asked.table, at_least=asked.at_least, blocking=asked.blocking)
    if isinstance(asked, UniqueSettings):
        return is_unique(asked.table, asked.columns, blocking=asked.blocking)
    return no_dangling(
        asked.table,
        asked.column,
        of_table=asked.of_table,
        of_column=asked.of_column,
        of_asset=asked.of_asset,
        blocking=asked.blocking,
    )


def backfill_policy_of(backfill: str | None) -> dg.BackfillPolicy | None:
    """One run for a whole backfill, or a run for each partition."""
    if backfill is None:
        return None
    return dg.BackfillPolicy.single_run() if backfill == "single_run" else dg.BackfillPolicy.multi_run()


def retry_policy_of(retry: RetrySettings | None) -> dg.RetryPolicy | None:
    """Dagster's own retries of the step."""
    return None if retry is None else dg.RetryPolicy(max_retries=retry.max_retries, delay=retry.delay_s)


def automation_of(automation: str | None) -> dg.AutomationCondition[Any] | None:
    """A condition by name, or a cron schedule in UTC."""
    match automation:
        case None:
            return None
        case "eager":
            return dg.AutomationCondition.eager()
        case "on_missing":
            return dg.AutomationCondition.on_missing()
        case cron:
            return dg.AutomationCondition.on_cron(cron)
