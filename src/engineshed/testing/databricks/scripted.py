"""Tasks that no process runs:

how long they take and how they end is said before, what they do meanwhile are deeds in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engineshed.testing.agenda import Agenda, Appointment
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import SUCCESS, Ending
from engineshed.testing.databricks.logs import DriverLogs
from engineshed.testing.databricks.records import TaskRun

Deed = Callable[[TaskRun], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A task's life. ends: with SUCCESS, or as `raised(error, trace)` says. deeds: what is done so many seconds after
    its start, `(seconds, function of the task)`. prints: what get-output and the delivered logs say at the end.
    """

    lasts_s: float = 600.0
    ends: Ending = SUCCESS
    deeds: tuple[tuple[float, Deed], ...] = ()
    prints: str = ""


Scripts = Callable[[TaskRun], Script]


class ScriptedDriver:
    """The driver of mode `simulate`."""

    stop_s = 0.0

    def __init__(self, agenda: Agenda, scripts: Scripts, logs: DriverLogs) -> None:
        self._agenda, self.scripts, self._logs = agenda, scripts, logs
        self._running: dict[int, tuple[list[Appointment], Callable[[Ending], None]]] = {}

    def boot(self, cluster: Cluster, told: Callable[[Ending | None], None]) -> None:
        """Nothing to do."""
        told(None)

    def prepare(self, task: TaskRun, told: Callable[[Ending | None], None]) -> None:
        """Nothing to do."""
        told(None)

    def start(self, task: TaskRun, ended: Callable[[Ending], None]) -> None:
        """By the script that is meant for this task."""
        script = self.scripts(task)
        due = [self._agenda.after(at_s, lambda deed=deed: deed(task)) for at_s, deed in script.deeds]  # type: ignore[misc]
        due.append(self._agenda.after(script.lasts_s, lambda: self._end(task, script)))
        self._running[task.run_id] = due, ended

    def _end(self, task: TaskRun, script: Script) -> None:
        self._logs.write(task, "stdout", script.prints.encode())
        self._drop(task)[1](script.ends)

    def _drop(self, task: TaskRun) -> tuple[list[Appointment], Callable[[Ending], None]]:
        due, ended = self._running.pop(task.run_id)
        for appointment in due:
            appointment.cancel()
        return due, ended

    def stop(self, task: TaskRun) -> None:
        """It gives in at once."""
        if task.run_id in self._running:
            self._drop(task)[1](SUCCESS)

    def kill(self, task: TaskRun) -> None:
        """Nothing more happens."""
        if task.run_id in self._running:
            self._drop(task)

    def logs(self, task: TaskRun) -> bytes:
        """What the script prints, once it has ended, and what deeds have written."""
        return self._logs.of_task(task)

    def poll(self) -> None:
        """Nothing: time does it."""

    def close(self) -> None:
        """Nothing runs."""
