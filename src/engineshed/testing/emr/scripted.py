"""Work that takes as long as a plan says, on a clock that is moved: thousands of clusters a second, and no process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engineshed.testing.emr.agenda import Agenda, Appointment
from engineshed.testing.emr.hands import BootstrapFailure, StepEnd
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import Cluster, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a step does. lasts_s: its own time. exit_code: how it ends. stop_s: how long it goes on after SIGTERM.

    on_start, on_end: called with the step's id and arguments at those moments, for what a driver would have written.
    """

    lasts_s: float = 60.0
    exit_code: int = 0
    stop_s: float = 1.0
    on_start: Callable[[str, tuple[str, ...]], None] | None = None
    on_end: Callable[[str, tuple[str, ...]], None] | None = None


class ScriptedHands:
    """See `engineshed.testing.emr.hands.Hands`. script_of: the script of a step, by its name and arguments."""

    def __init__(self, agenda: Agenda, pace: Pace, script_of: Callable[[str, tuple[str, ...]], Script]) -> None:
        self._agenda, self._pace, self._script_of = agenda, pace, script_of
        self._running: dict[str, tuple[Script, Appointment, Callable[[StepEnd], None]]] = {}

    def bootstrap(self, cluster: Cluster, done: Callable[[BootstrapFailure | None], None]) -> None:
        """As long as the pace says for each action."""
        actions = len(cluster.request.get("BootstrapActions") or ())
        self._agenda.after(self._pace.bootstrap_action_s * actions, lambda: done(None))

    def start(self, step: Step, done: Callable[[StepEnd], None]) -> None:
        """As long as its script says."""
        script = self._script_of(str(step.config["Name"]), step.args)
        if script.on_start:
            script.on_start(step.id, step.args)
        self._end_after(step, script, done, script.lasts_s, script.exit_code)

    def interrupt(self, step: Step) -> None:
        """It ends after the time that its script takes for that."""
        found = self._running.get(step.id)
        if found is not None:
            script, appointment, done = found
            appointment.cancel()
            self._end_after(step, script, done, script.stop_s, 143)

    def kill(self, step: Step) -> None:
        """At once; nobody is told of a step that the platform has closed."""
        found = self._running.pop(step.id, None)
        if found is not None:
            found[1].cancel()
            found[2](StepEnd(exit_code=137))

    def release(self, cluster: Cluster) -> None:
        """All that runs there is gone."""
        for step in cluster.steps:
            self.kill(step)

    def close(self) -> None:
        """Nothing to end."""

    def _end_after(
        self, step: Step, script: Script, done: Callable[[StepEnd], None], seconds: float, exit_code: int
    ) -> None:
        appointment = self._agenda.after(seconds, lambda: self._end(step, exit_code))
        self._running[step.id] = (script, appointment, done)

    def _end(self, step: Step, exit_code: int) -> None:
        script, _, done = self._running.pop(step.id)
        if script.on_end and exit_code == script.exit_code:
            script.on_end(step.id, step.args)
        done(StepEnd(exit_code=exit_code))
