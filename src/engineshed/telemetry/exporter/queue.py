"""What Dagster's instance says now: runs that wait, slots of pools. Gauges only; nothing of it is kept.

Uses DagsterInstance, which is pinned, and of its event log storage `get_concurrency_infos`, stable but unmarked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dagster as dg

from engineshed.telemetry import metrics as m
from engineshed.telemetry.series import SeriesSet

_RUNS_LOOKED_AT = 1000


def instance_gauges() -> Callable[[Mapping[str, str], datetime], SeriesSet]:
    """Looks at the instance of $DAGSTER_HOME, opened at the first look and kept."""
    opened: list[dg.DagsterInstance] = []

    def look(teams: Mapping[str, str], now: datetime) -> SeriesSet:
        if not opened:
            opened.append(dg.DagsterInstance.get())
        return queue_gauges(opened[0], teams, now)

    return look


def queue_gauges(instance: dg.DagsterInstance, teams: Mapping[str, str], now: datetime) -> SeriesSet:
    """Queued runs by code location, the oldest one's age, the slots of each pool.

    teams: code location -> team, as facts have told.
    """
    series = SeriesSet()
    waiting = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), limit=_RUNS_LOOKED_AT)
    for record in waiting:
        location = _location(record.dagster_run)
        team = record.dagster_run.tags.get("team") or teams.get(location, "")
        series.add(m.QUEUED, team=team, code_location=location)
        age_s = (now - record.create_timestamp.astimezone(UTC)).total_seconds()
        series.highest(m.QUEUE_OLDEST, max(0.0, age_s))
    if not waiting:
        series.add(m.QUEUE_OLDEST, 0.0)
    for pool in sorted(instance.event_log_storage.get_concurrency_keys()):
        info = instance.event_log_storage.get_concurrency_info(pool)
        series.add(m.POOL_SLOTS, float(info.slot_count), pool=pool, state="limit")
        series.add(m.POOL_SLOTS, float(info.active_slot_count), pool=pool, state="claimed")
        series.add(m.POOL_SLOTS, float(info.pending_step_count), pool=pool, state="pending")
    return series


def _location(run: dg.DagsterRun) -> str:
    origin = run.remote_job_origin
    return "" if origin is None else str(origin.repository_origin.code_location_origin.location_name)
