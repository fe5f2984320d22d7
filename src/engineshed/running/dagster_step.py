"""Dagster behind the port `Step`: the one place that reads its run, its partitions and its event log.

Refuses to trust snapshots: `context.run.status` is stale inside a step, so the run is read anew each time. A
signal waits while Dagster's storage is read or written. Uses
public names of Dagster, and three that are stable but unmarked: `instance.all_logs`, `run_retries_enabled`,
`op_handle`.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

import dagster as dg

from engineshed.model.launch import LaunchKey
from engineshed.model.message import Message
from engineshed.model.partition import PartitionSelection
from engineshed.ports.step import RunState
from engineshed.processes.undisturbed import undisturbed
from engineshed.running.selection import selection_of

_OBSERVE_EVERY_S = 10.0

_STATES: Mapping[dg.DagsterRunStatus, RunState] = {
    dg.DagsterRunStatus.QUEUED: RunState.RUNNING,
    dg.DagsterRunStatus.NOT_STARTED: RunState.RUNNING,
    dg.DagsterRunStatus.MANAGED: RunState.RUNNING,
    dg.DagsterRunStatus.STARTING: RunState.RUNNING,
    dg.DagsterRunStatus.STARTED: RunState.RUNNING,
    dg.DagsterRunStatus.SUCCESS: RunState.FINISHED,
    dg.DagsterRunStatus.FAILURE: RunState.FAILED,
    dg.DagsterRunStatus.CANCELING: RunState.CANCELLING,
    dg.DagsterRunStatus.CANCELED: RunState.CANCELLING,
}


class DagsterStep:
    """One body of one Dagster step."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._body_id = f"{context.run.run_id}:{uuid.uuid4().hex[:12]}"
        self._selection = selection_of(context)
        self._key: LaunchKey = LaunchKey(
            root_run_id=context.run.root_run_id or context.run.run_id,
            step_key=str(context.op_execution_context.op_handle),
            partition_keys=self._selection.keys,
        )
        self._observed_s = 0.0

    @property
    def key(self) -> LaunchKey:
        """Root run, step, partition keys."""
        return self._key

    @property
    def run_id(self) -> str:
        """The Dagster run of this body."""
        run_id: str = self._context.run.run_id
        return run_id

    @property
    def body_id(self) -> str:
        """Unique per body: a resumed run has the same run id."""
        return self._body_id

    @property
    def selection(self) -> PartitionSelection:
        """The partitions of this run."""
        return self._selection

    @property
    def interrupts(self) -> tuple[type[BaseException], ...]:
        """Dagster's interrupt is no Exception."""
        return (dg.DagsterExecutionInterruptedError, KeyboardInterrupt)

    def successor_expected(self) -> bool:
        """True when run retries or run resumption would start another worker for this run."""
        instance, tags = self._context.instance, self._context.run.tags
        if instance.run_monitoring_enabled and instance.run_monitoring_max_resume_run_attempts > 0:
            return True
        if not instance.run_retries_enabled:
            return False
        allowed = int(tags.get("dagster/max_retries", instance.run_retries_max_retries))
        return int(tags.get("dagster/retry_number", "0")) < allowed

    def run_state(self) -> RunState:
        """Read anew from the instance."""
        try:
            with undisturbed():
                run = self._context.instance.get_run_by_id(self._context.run.run_id)
        except Exception:  # noqa: BLE001  # whatever the storage raises, the run's state is simply not known
            return RunState.UNREADABLE
        if run is None:
            return RunState.CANCELLING
        state = _STATES[run.status]
        if state is RunState.FAILED and run.tags.get("dagster/will_retry") == "true":
            return RunState.WILL_RETRY
        return state

    def delivered(self, run_id: str) -> bool:
        """True when that run's log holds this step's success, or when the run is gone."""
        instance = self._context.instance
        with undisturbed():
            if instance.get_run_by_id(run_id) is None:
                return True
            events = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        return any(entry.dagster_event and entry.dagster_event.step_key == self._key.step_key for entry in events)

    def info(self, text: str) -> None:
        """To the run's log."""
        self._log("info", text)

    def warning(self, text: str) -> None:
        """To the run's log."""
        self._log("warning", text)

    def event(self, text: str, metadata: Mapping[str, Any]) -> None:
        """To the run's log, the facts below the text."""
        lines = [
            text,
            *(f"{key}: {value}" if "\n" not in str(value) else f"{value}" for key, value in metadata.items()),
        ]
        self.info("\n".join(lines))

    def message(self, message: Message, *, repeated: bool) -> None:
        """Log lines to the run's log, stream text to the compute log."""
        if message.method == "log":
            level, text = str(message.params.get("level", "info")).lower(), str(message.params.get("message", ""))
            self._log(level, f"[repeated?] {text}" if repeated else text)
        else:
            self.stream(str(message.params.get("text", "")))

    def _log(self, level: str, text: str) -> None:
        with undisturbed():
            self._context.log.log(level, text)

    def stream(self, text: str) -> None:
        """To the step's own output, which Dagster keeps as its compute log."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def progress(self, report: Mapping[str, Any]) -> None:
        """A log line, and at most every ten seconds an observation with plottable numbers."""
        self.info(f"progress: {describe_progress(report)}")
        numbers = {k: v for k, v in report.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        now_s = time.monotonic()
        if now_s - self._observed_s < _OBSERVE_EVERY_S or numbers.keys() <= {"elapsed_s"}:
            return
        self._observed_s = now_s
        for asset_key in sorted(self._context.selected_asset_keys):
            observation = dg.AssetObservation(
                asset_key=asset_key,
                partition=self._selection.keys[0] if len(self._selection.keys) == 1 else None,
                metadata={f"progress/{k}": v for k, v in numbers.items()},
            )
            with undisturbed():
                self._context.log_event(observation)


def describe_progress(report: Mapping[str, Any]) -> str:
    """One line: `stages 2/5, tasks 40/80, 12.3 MB read, 31 s`; before there is work to count, `alive, 1 s`."""
    parts = [
        f"{name} {report[done]}" + (f"/{report[total]}" if report.get(total) is not None else "")
        for name, done, total in (("stages", "stages_done", "stages_total"), ("tasks", "tasks_done", "tasks_total"))
        if report.get(done) is not None
    ]
    if report.get("input_bytes"):
        parts.append(f"{report['input_bytes'] / 1e6:.1f} MB read")
    if report.get("rows"):
        parts.append(f"{report['rows']:,} rows")
    if report.get("note"):
        parts.append(str(report["note"]))
    if not parts:
        parts.append("alive")
    if report.get("elapsed_s") is not None:
        parts.append(f"{report['elapsed_s']:.0f} s")
    return ", ".join(parts)
