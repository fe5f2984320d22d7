"""Steps: queued, run in order, cancelled, and what a failure does to the cluster (ActionOnFailure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.emr.faults import Mischief, StepTrouble
from engineshed.testing.emr.hands import Hands, StepEnd
from engineshed.testing.emr.ids import Ids
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import Cluster, Step

_TERMINATES = ("TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW")


class Steps:
    """The steps of all clusters. `on_start` hears of each that starts, `on_failure` of a cluster that a failed step
    ends, `on_idle` of one that has nothing left to do.
    """

    def __init__(self, agenda: Agenda, pace: Pace, ids: Ids, hands: Hands, mischief: Mischief) -> None:
        self._agenda, self._pace, self._ids, self._hands, self._mischief = agenda, pace, ids, hands, mischief
        self.on_start: Callable[[Step], None] = lambda step: None
        self.on_failure: Callable[[Cluster], None] = lambda cluster: None
        self.on_idle: Callable[[Cluster], None] = lambda cluster: None

    def add(self, cluster: Cluster, configs: Sequence[Mapping[str, Any]], execution_role: str = "") -> list[Step]:
        """Queue them."""
        added = [
            Step(
                id=self._ids.new("s-"),
                number=len(cluster.steps) + offset,
                cluster=cluster,
                config=config,
                created_at=self._agenda.now,
                execution_role=execution_role,
            )
            for offset, config in enumerate(configs)
        ]
        cluster.steps += added
        if cluster.takes_steps:
            self._agenda.after(self._pace.step_s, lambda: self.dispatch(cluster))
        return added

    def dispatch(self, cluster: Cluster) -> None:
        """Start what may start now; say so when nothing is left."""
        if not cluster.takes_steps:
            return
        pending = [step for step in cluster.steps if step.state == "PENDING"]
        running = [step for step in cluster.steps if step.started_at and not step.over]
        for step in pending[: max(0, cluster.step_concurrency - len(running))]:
            self._start(step)
        if not any(not step.over for step in cluster.steps):
            self.on_idle(cluster)

    def _start(self, step: Step) -> None:
        step.state, step.started_at, step.faults = "RUNNING", self._agenda.now, self._mischief.of_step()
        self.on_start(step)
        self._hands.start(step, lambda end: self._ended(step, end))

    def cancel(self, step: Step, option: str) -> str:
        """Ask for its end; why that cannot be, or empty."""
        if step.over:
            return f"Cannot cancel a step in {step.state} state."
        if not step.started_at:
            step.state, step.cancelling = "CANCEL_PENDING", option
            self._agenda.after(self._pace.cancel_s, lambda: self._close(step, "CANCELLED"))
        elif step.cancelling != option:
            # A second wish may be the stronger one.
            step.state, step.cancelling = "CANCEL_PENDING", option
            self._agenda.after(self._pace.cancel_s, lambda: self._signal(step, option))
        return ""

    def _signal(self, step: Step, option: str) -> None:
        if step.over:
            return
        if option == "TERMINATE_PROCESS":
            self._hands.kill(step)
        elif not _has(step, StepTrouble.DEAF):
            self._hands.interrupt(step)
        else:
            return
        if _has(step, StepTrouble.STUCK):
            self._conclude(step, StepEnd(exit_code=143))

    def abandon(self, cluster: Cluster, state: str) -> None:
        """The cluster is ending: running steps end in that state, the others are cancelled."""
        for step in [step for step in cluster.steps if not step.over]:
            # Closed before it is killed: what its process says of its end does not count any more.
            self._close(step, state if step.started_at and not step.cancelling else "CANCELLED")
            if step.started_at:
                self._hands.kill(step)

    def fail_running(self, cluster: Cluster, end: StepEnd) -> None:
        """What runs there fails: its machines are gone."""
        for step in [step for step in cluster.steps if step.started_at and not step.over]:
            self._conclude(step, end)
            self._hands.kill(step)

    def _ended(self, step: Step, end: StepEnd) -> None:
        if _has(step, StepTrouble.STUCK) and not step.cancelling:
            return
        fails = next((fault for fault in step.faults if fault.trouble is StepTrouble.FAILS), None)
        self._conclude(step, end if fails is None else StepEnd(exit_code=fails.exit_code))

    def _conclude(self, step: Step, end: StepEnd) -> None:
        if step.over:
            return
        if step.cancelling:
            self._close(step, "CANCELLED")
        elif end.exit_code == 0:
            self._close(step, "COMPLETED")
        else:
            step.failure = _failure(end)
            self._close(step, "FAILED")
            self._act_on_failure(step)
        cluster = step.cluster
        self._agenda.after(self._pace.step_s, lambda: self.dispatch(cluster))

    def _close(self, step: Step, state: str) -> None:
        if not step.over:
            step.state, step.ended_at = state, self._agenda.now

    def _act_on_failure(self, step: Step) -> None:
        cluster, action = step.cluster, step.action_on_failure
        if cluster.step_concurrency > 1 or action == "CONTINUE":
            return
        for pending in [other for other in cluster.steps if not other.over and not other.started_at]:
            self._close(pending, "CANCELLED")
        if action in _TERMINATES and not cluster.termination_protected:
            self.on_failure(cluster)
        else:
            cluster.waits = True


def _has(step: Step, trouble: StepTrouble) -> bool:
    return any(fault.trouble is trouble for fault in step.faults)


def _failure(end: StepEnd) -> dict[str, str]:
    said = {"Reason": end.reason or "Unknown Error.", "Message": end.message, "LogFile": end.log_file}
    return {name: text for name, text in said.items() if text}
