"""Work that takes as long as a plan says, on a clock that is moved: thousands of clusters in seconds, no process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engineshed.testing.agenda import Agenda, Appointment
from engineshed.testing.emr.hands import BootstrapFailure, StepEnd
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import Cluster, Step

Deed = Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a step does. lasts_s: its own time. exit_code: how it ends. stop_s: how long it goes on after SIGTERM.

    deeds: what is done so many seconds after its start, `(seconds, function of the step)`: what a driver would have
    written. Those that are due after a signal or the end are not done.
    """

    lasts_s: float = 60.0
    exit_code: int = 0
    stop_s: float = 1.0
    deeds: tuple[tuple[float, Deed], ...] = ()


Scripts = Callable[[Step], Script]


@dataclass(slots=True)
class _Running:
    script: Script
    done: Callable[[StepEnd], None]
    due: list[Appointment] = field(default_factory=list)

    def drop(self) -> None:
        """Nothing of what is due happens."""
        for appointment in self.due:
            appointment.cancel()


class ScriptedHands:
    """See `engineshed.testing.emr.hands.Hands`. scripts: the script of a step."""

    def __init__(self, agenda: Agenda, pace: Pace, scripts: Scripts) -> None:
        self._agenda, self._pace, self._scripts = agenda, pace, scripts
        self._running: dict[str, _Running] = {}

    def bootstrap(self, cluster: Cluster, done: Callable[[BootstrapFailure | None], None]) -> None:
        """As long as the pace says for each action."""
        actions = len(cluster.request.get("BootstrapActions") or ())
        self._agenda.after(self._pace.bootstrap_action_s * actions, lambda: done(None))

    def start(self, step: Step, done: Callable[[StepEnd], None]) -> None:
        """As its script says."""
        script = self._scripts(step)
        running = self._running[step.id] = _Running(script, done)
        for at_s, deed in script.deeds:
            running.due.append(self._agenda.after(at_s, lambda deed=deed: deed(step)))  # type: ignore[misc]
        running.due.append(self._agenda.after(script.lasts_s, lambda: self._end(step, script.exit_code)))

    def interrupt(self, step: Step) -> None:
        """It ends after the time that its script takes for that."""
        running = self._running.get(step.id)
        if running is not None:
            running.drop()
            running.due = [self._agenda.after(running.script.stop_s, lambda: self._end(step, 143))]

    def kill(self, step: Step) -> None:
        """It ends at once."""
        if step.id in self._running:
            self._running[step.id].drop()
            self._end(step, 137)

    def release(self, cluster: Cluster) -> None:
        """All that runs there is gone."""
        for step in cluster.steps:
            self.kill(step)

    def close(self) -> None:
        """Nothing to end."""

    def _end(self, step: Step, exit_code: int) -> None:
        self._running.pop(step.id).done(StepEnd(exit_code=exit_code))
