"""How far the partitions of a chunk are, by Dagster's record of runs.

A run that was created and never started counts as none: asked for again under its run key, Dagster starts that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from engineshed.model.backfill import BACKFILL_TAG, Backfill
from engineshed.planning.backfill_guard import Progress

TRY_TAG = "engineshed/backfill_try"
_PARTITION_TAG = "dagster/partition"


def progress_of(instance: dg.DagsterInstance, backfill: Backfill, keys: Iterable[str]) -> dict[str, Progress]:
    """Of each of the partitions."""
    return {key: _progress(_runs(instance, backfill, key), backfill) for key in keys}


def _runs(instance: dg.DagsterInstance, backfill: Backfill, key: str) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(tags={BACKFILL_TAG: backfill.id, _PARTITION_TAG: key}))


def _progress(runs: Sequence[dg.DagsterRun], backfill: Backfill) -> Progress:
    started = [run for run in runs if run.status is not dg.DagsterRunStatus.NOT_STARTED]
    if any(run.status is dg.DagsterRunStatus.SUCCESS for run in started):
        return Progress.MADE
    ids = {run.run_id for run in runs}
    if any(not run.is_finished or _announced(run, ids) for run in started):
        return Progress.LIVE
    if any(run.tags.get(TRY_TAG) == str(backfill.tries) for run in started):
        return Progress.FAILED
    return Progress.NONE


def _announced(run: dg.DagsterRun, ids: set[str]) -> bool:
    """Whether a retry of it will come that is not there yet."""
    child = run.tags.get("dagster/auto_retry_run_id")
    return run.tags.get("dagster/will_retry") == "true" and (child is None or child not in ids)
