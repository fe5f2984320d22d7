"""Says of an attempt whether Dagster still has, or will have, a step for it: what the reaper asks before it ends a run.

Refuses to guess: a run that will be retried counts as living although its child is not there yet, and an instance that
forgets its runs (none is configured) is no witness at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg

from engineshed.model.attempt import Attempt
from engineshed.model.errors import SettingInvalid


@dataclass(frozen=True, slots=True)
class Orphaned:
    """Nobody will come for the attempt. `since`: when its last run ended (UTC). `why` is for people."""

    since: datetime
    why: str


class Runs(Protocol):
    """Who knows the runs."""

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """None while a run of the attempt's root group lives or is announced."""
        ...

    def cancel(self, attempt: Attempt) -> None:
        """Ask every run of the root group that lives to end, as a person would; its worker ends the foreign run."""
        ...


class DagsterRuns:
    """The runs of a Dagster instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        if instance.is_ephemeral:
            raise SettingInvalid(
                "this Dagster instance forgets its runs, so it cannot say which are over: set DAGSTER_HOME to the "
                "folder whose dagster.yaml names the platform's storage."
            )
        self._instance = instance

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """None while any run of the root group is not finished, or will be retried and has no child yet."""
        records = {record.dagster_run.run_id: record for record in self._group(attempt)}
        if not records:
            return Orphaned(attempt.intent.created_at, f"run {attempt.intent.run_id} was deleted")
        for record in records.values():
            run = record.dagster_run
            child = run.tags.get("dagster/auto_retry_run_id")
            announced = run.tags.get("dagster/will_retry") == "true" and (child is None or child not in records)
            if not run.is_finished or announced:
                return None
        last = max(records.values(), key=lambda record: record.end_time or 0.0)
        status = last.dagster_run.status.value
        return Orphaned(datetime.fromtimestamp(last.end_time or 0.0, UTC), f"run {last.dagster_run.run_id} is {status}")

    def cancel(self, attempt: Attempt) -> None:
        """The runs' own workers see it within seconds; runs that have none yet are cancelled at once."""
        for record in list(self._group(attempt)):
            run = record.dagster_run
            if run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED):
                self._instance.report_run_canceled(run)
            elif not run.is_finished and run.status is not dg.DagsterRunStatus.CANCELING:
                self._instance.report_run_canceling(run, message="The code location's release is uninstalled.")

    def _group(self, attempt: Attempt) -> Iterable[dg.RunRecord]:
        root, run = attempt.intent.key.root_run_id, attempt.intent.run_id
        yield from self._instance.get_run_records(dg.RunsFilter(run_ids=sorted({root, run})))
        yield from self._instance.get_run_records(dg.RunsFilter(tags={"dagster/root_run_id": root}))


@contextmanager
def dagster_runs() -> Iterator[DagsterRuns]:
    """The runs of the instance that DAGSTER_HOME names. Raises SettingInvalid where it names none."""
    try:
        instance = dg.DagsterInstance.get()
    except dg.DagsterError as error:
        raise SettingInvalid(
            f"no Dagster instance can say which runs are over: set DAGSTER_HOME to its folder. ({_first_line(error)})"
        ) from error
    with instance:
        yield DagsterRuns(instance)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
