"""Runs: made once per token, cancelled, timed out, retried, repaired, deleted, and forgotten after sixty days."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.databricks import verdicts
from engineshed.testing.databricks.endings import CANCELED, TIMED_OUT, Ending
from engineshed.testing.databricks.faults import Mischief
from engineshed.testing.databricks.records import JobRun, TaskRun
from engineshed.testing.databricks.references import filled
from engineshed.testing.databricks.refusals import invalid
from engineshed.testing.databricks.tasks import Tasks

RETENTION = timedelta(days=60)


class Runs:
    """All runs of the workspace, and which of them may go on."""

    def __init__(self, agenda: Agenda, tasks: Tasks, mischief: Callable[[], Mischief]) -> None:
        self._agenda, self._tasks, self._mischief = agenda, tasks, mischief
        self._run_ids = itertools.count(610_000_000_000_001)
        self.runs: dict[int, JobRun] = {}
        self.by_token: dict[str, int] = {}
        self.made: list[JobRun] = []
        self.on_run_over: Callable[[JobRun], None] = lambda run: None
        tasks.on_over = self._task_over
        tasks.on_forgotten = lambda task: self.forget(task.run)

    def of_token(self, token: str) -> JobRun | None:
        """The run that was made with that token. Raises Refusal when it has been deleted."""
        run_id = self.by_token.get(token)
        if run_id is None:
            return None
        if run_id not in self.runs:
            raise invalid(f"The run with idempotency token '{token}' has been deleted.")
        return self.runs[run_id]

    def make(self, run: JobRun) -> JobRun:
        """Take it in; it starts by `go`."""
        self.runs[run.run_id] = run
        self.made.append(run)
        if run.idempotency_token:
            self.by_token[run.idempotency_token] = run.run_id
        return run

    def next_id(self) -> int:
        """A new run's id; runs of tasks have ids of their own."""
        return next(self._run_ids)

    def go(self, run: JobRun) -> None:
        """Start its tasks."""
        if run.queued:
            run.queued, run.queued_until = "", self._agenda.now
        seconds = run.settings.get("timeout_seconds")
        if seconds:
            run.deadline = self._agenda.after(seconds, lambda: self.end(run, TIMED_OUT))
        run.attempts += [self._attempt(run, spec) for spec in run.settings["tasks"]]
        self._advance(run)

    def _attempt(self, run: JobRun, spec: Mapping[str, Any]) -> TaskRun:
        work = spec.get("spark_python_task") or spec.get("python_wheel_task") or {}
        parameters = run.overriding.get("python_params") or work.get("parameters") or ()
        task = TaskRun(self.next_id(), run, spec)
        task.parameters = filled(parameters, _values(task))
        return task

    def find(self, run_id: int) -> JobRun:
        """Raises Refusal for one that is not there."""
        run = self.runs.get(run_id)
        if run is None or self._agenda.now - run.submitted_at > RETENTION:
            raise invalid(f"Run {run_id} does not exist.")
        return run

    def visible(self) -> list[JobRun]:
        """Those that are not forgotten."""
        return [run for run in self.runs.values() if self._agenda.now - run.submitted_at <= RETENTION]

    def find_task(self, run_id: int) -> TaskRun:
        """The attempt with that id, a single task's also by the id of its run. Raises Refusal."""
        for run in self.runs.values():
            for task in run.attempts:
                if task.run_id == run_id:
                    return task
        run = self.find(run_id)
        if len(run.settings["tasks"]) > 1:
            raise invalid(
                "Retrieving the output of runs with multiple tasks is not supported. Ask for the task's own run."
            )
        if not run.attempts:
            raise invalid(f"Run {run_id} has not started.")
        return run.tasks[0]

    def end(self, run: JobRun, ending: Ending = CANCELED) -> None:
        """Ask for its end; nothing happens to one that is over."""
        if run.over or run.cancelled is not None:
            return
        run.cancelled, run.queued = ending, ""
        for task in run.attempts:
            self._tasks.end(task, ending)
        self._settle(run)

    def forget(self, run: JobRun) -> None:
        """The platform knows nothing of it any more; its tasks end."""
        self.end(run)
        self.runs.pop(run.run_id, None)

    def repair(self, run: JobRun, keys: Sequence[str], overriding: Mapping[str, Any]) -> int:
        """Run those tasks anew within the same run; the id of the repair."""
        repair_id = self.next_id()
        if not run.repairs:
            run.repairs.append(_pass(run, "ORIGINAL", run.run_id, [t.run_id for t in run.attempts]))
        run.ended_at, run.cancelled, run.overriding = None, None, {**run.overriding, **overriding}
        again = [self._attempt(run, task.spec) for task in run.tasks if task.key in keys]
        run.attempts += again
        run.repairs.append(_pass(run, "REPAIR", repair_id, [task.run_id for task in again]))
        self._advance(run)
        return repair_id

    def _advance(self, run: JobRun) -> None:
        """Start what may start; skip what never will."""
        for task in run.tasks:
            if task.state != "BLOCKED" or run.cancelled is not None:
                continue
            allowed = verdicts.may_start(task)
            if isinstance(allowed, Ending):
                task.verdict = task.ending = allowed
                task.state, task.started_at, task.ended_at = "TERMINATED", self._agenda.now, self._agenda.now
                self._advance(run)
            elif allowed:
                self._tasks.start(task, self._mischief().of_task())
        self._settle(run)

    def _task_over(self, task: TaskRun) -> None:
        run = task.run
        if self._to_retry(task):
            task.state = "TERMINATED"
            again = self._attempt(run, task.spec)
            again.attempt, again.original_run_id = task.attempt + 1, task.original_run_id or task.run_id
            again.state = "WAITING"
            run.attempts.append(again)
            delay_s = (task.spec.get("min_retry_interval_millis") or 0) / 1000
            self._agenda.after(delay_s, lambda: self._retry(again))
        self._release(task)
        self._advance(run)

    def _to_retry(self, task: TaskRun) -> bool:
        most = int(task.spec.get("max_retries") or 0)
        if task.run.cancelled is not None or task.ending is None or most in (0, task.attempt):
            return False
        timed_out = task.ending.result == "TIMEDOUT" and task.spec.get("retry_on_timeout")
        return task.ending.result == "FAILED" or bool(timed_out)

    def _retry(self, task: TaskRun) -> None:
        if task.state == "WAITING" and task.run.cancelled is None:
            self._tasks.start(task, self._mischief().of_task())

    def _release(self, task: TaskRun) -> None:
        """A job cluster goes when no task that is still to run shares it."""
        cluster = task.cluster
        if cluster is None:
            return
        key = task.spec.get("job_cluster_key")
        sharing = [t for t in task.run.tasks if key and t.spec.get("job_cluster_key") == key]
        if task.run.cancelled is not None or all(t.over for t in sharing):
            self._tasks.release(cluster)

    def _settle(self, run: JobRun) -> None:
        if run.over or not all(task.over for task in run.tasks):
            return
        run.ended_at = self._agenda.now
        if run.deadline is not None:
            run.deadline.cancel()
        for item in run.repairs:
            item.setdefault("ended_at", run.ended_at)
        self.on_run_over(run)


def _values(task: TaskRun) -> dict[str, str]:
    """What a task's parameters may refer to."""
    run = task.run
    declared = {p["name"]: p["default"] for p in run.settings.get("parameters") or ()}
    given = {**declared, **(run.overriding.get("job_parameters") or {})}
    ids = {"job.id": run.job_id, "job.run_id": run.run_id, "task.run_id": task.run_id, "job_id": run.job_id}
    values = {**ids, "run_id": task.run_id, "job.name": run.name, "task.name": task.key}
    return {**{k: str(v) for k, v in values.items()}, **{f"job.parameters.{k}": str(v) for k, v in given.items()}}


def _pass(run: JobRun, kind: str, number: int, task_runs: list[int]) -> dict[str, Any]:
    return {"type": kind, "id": number, "task_run_ids": task_runs, "run": run.run_id}
