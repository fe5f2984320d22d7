"""A step without Dagster that records all it is told, and whose run can be cancelled, failed or made unreadable."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from engineshed.model.launch import LaunchKey
from engineshed.model.message import Message
from engineshed.model.partition import PartitionSelection
from engineshed.ports.step import RunState

_BODIES = itertools.count(1)


class Interrupted(BaseException):
    """What a signal is to a RecordedStep."""


class RecordedStep:
    """One body. Bodies of one root run share `root_run_id`; `done_in` are the runs whose log holds this step's
    success.
    """

    def __init__(
        self,
        run_id: str = "run-1",
        *,
        root_run_id: str | None = None,
        step_key: str = "edges",
        selection: PartitionSelection | None = None,
        done_in: frozenset[str] = frozenset(),
        successor: bool = True,
    ) -> None:
        self._run_id = run_id
        self._selection = selection or PartitionSelection()
        self._key = LaunchKey(root_run_id or run_id, step_key, self._selection.keys)
        self._body_id = f"{run_id}:body-{next(_BODIES)}"
        self._done_in = done_in
        self._successor = successor
        self.state = RunState.RUNNING
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.spoken: list[tuple[int, str, bool]] = []
        self.streamed = ""
        self.reports: list[dict[str, Any]] = []

    @property
    def key(self) -> LaunchKey:
        """Root run, step, partitions."""
        return self._key

    @property
    def run_id(self) -> str:
        """As given."""
        return self._run_id

    @property
    def body_id(self) -> str:
        """Unique."""
        return self._body_id

    @property
    def selection(self) -> PartitionSelection:
        """As given."""
        return self._selection

    @property
    def interrupts(self) -> tuple[type[BaseException], ...]:
        """Our own."""
        return (Interrupted,)

    def successor_expected(self) -> bool:
        """As given."""
        return self._successor

    def run_state(self) -> RunState:
        """What the test set."""
        return self.state

    def delivered(self, run_id: str) -> bool:
        """As given."""
        return run_id in self._done_in

    def info(self, text: str) -> None:
        """Recorded."""
        self.lines.append(text)

    def warning(self, text: str) -> None:
        """Recorded."""
        self.warnings.append(text)

    def event(self, text: str, metadata: Mapping[str, Any]) -> None:
        """Recorded."""
        self.lines.append(text)

    def message(self, message: Message, *, repeated: bool) -> None:
        """Recorded as (sequence, text, repeated)."""
        self.spoken.append((message.sequence, str(message.params.get("message", "")), repeated))

    def stream(self, text: str) -> None:
        """Recorded."""
        self.streamed += text

    def progress(self, report: Mapping[str, Any]) -> None:
        """Recorded."""
        self.reports.append(dict(report))
