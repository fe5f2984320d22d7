"""The orchestrator of a story: runs of one root, what is said of them, and a step that reads it anew each time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engineshed.model.attempt import Attempt
from engineshed.model.launch import TOKEN_PREFIX
from engineshed.model.message import Message
from engineshed.ports.step import RunState
from engineshed.running.orphans import Orphaned
from engineshed.testing.soak.fate import Fate
from engineshed.testing.steps import RecordedStep

_TOKEN = re.compile(rf"{TOKEN_PREFIX}[0-9a-f]{{24}}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One line of a driver, handed on by a body."""

    token: str
    sequence: int
    repeated: bool


@dataclass(slots=True)
class SoakRun:
    """One run. bodies: how many are alive. since: of its state."""

    run_id: str
    since: datetime
    state: RunState = RunState.RUNNING
    bodies: int = 0
    over: bool = False


@dataclass(slots=True)
class SoakRuns:
    """All runs of one root; also what the reaper asks."""

    name: str
    runs: list[SoakRun] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)

    @property
    def root(self) -> str:
        """The root run's id."""
        return f"{self.name}-run-1"

    def begin(self, at: datetime) -> SoakRun:
        """The next run of the root."""
        run = SoakRun(f"{self.name}-run-{len(self.runs) + 1}", at)
        self.runs.append(run)
        return run

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """None while a run lives or has announced another."""
        if any(not run.over for run in self.runs):
            return None
        return Orphaned(max(run.since for run in self.runs), f"run {self.runs[-1].run_id} is over")

    def cancel(self, attempt: Attempt) -> None:
        """No release goes here."""


class SoakStep(RecordedStep):
    """A body's step: its run's state as it is now, now and then unreadable."""

    def __init__(self, run: SoakRun, runs: SoakRuns, fate: Fate) -> None:
        super().__init__(run.run_id, root_run_id=runs.root)
        self._run, self._runs, self._fate = run, runs, fate
        self._token = ""
        self.heard: list[Heard] = []

    def run_state(self) -> RunState:
        """Of the run."""
        return RunState.UNREADABLE if self._fate.happens("unreadable") else self._run.state

    def event(self, text: str, metadata: Mapping[str, Any]) -> None:
        """What is submitted or adopted is what is heard from then on."""
        super().event(text, metadata)
        token = _TOKEN.search(text)
        self._token = token.group() if token else self._token

    def message(self, message: Message, *, repeated: bool) -> None:
        """Kept with the attempt that it came from."""
        self.heard.append(Heard(self._token, message.sequence, repeated))

    def delivered(self, run_id: str) -> bool:
        """By the orchestrator's record."""
        return run_id in self._runs.delivered
