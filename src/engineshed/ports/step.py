"""What the route needs of the orchestrator: who runs, whether it still should, and where to say things.

Dagster stands behind one implementation; the doubles of `engineshed.testing` behind another, so that the very route
runs in virtual time.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from engineshed.model.launch import LaunchKey
from engineshed.model.message import Message
from engineshed.model.partition import PartitionSelection


class RunState(StrEnum):
    """What the orchestrator says of its run. UNREADABLE: it did not answer; nothing may be concluded."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    FAILED = "failed"
    WILL_RETRY = "will_retry"
    FINISHED = "finished"
    UNREADABLE = "unreadable"


class Step(Protocol):
    """One body of one step. Several may be alive at once."""

    @property
    def key(self) -> LaunchKey:
        """What must run once."""
        ...

    @property
    def run_id(self) -> str:
        """The run of this body."""
        ...

    @property
    def body_id(self) -> str:
        """Names this body alone: the holder of leases."""
        ...

    @property
    def selection(self) -> PartitionSelection:
        """The partitions of this run."""
        ...

    @property
    def interrupts(self) -> tuple[type[BaseException], ...]:
        """The exception types that mean that this body is being ended from outside."""
        ...

    def successor_expected(self) -> bool:
        """Whether the orchestrator will start another body by itself when this one is ended from outside."""
        ...

    def run_state(self) -> RunState:
        """The run's own state, read anew. Never raises."""
        ...

    def delivered(self, run_id: str) -> bool:
        """Whether this step succeeded in that run, by the orchestrator's record; a run that is gone counts as yes."""
        ...

    def info(self, text: str) -> None:
        """A line of the run's log."""
        ...

    def warning(self, text: str) -> None:
        """A warning in the run's log."""
        ...

    def event(self, text: str, metadata: Mapping[str, Any]) -> None:
        """A structured event: plan, launch, progress."""
        ...

    def message(self, message: Message, *, repeated: bool) -> None:
        """A driver's log line or stream text. `repeated`: it may have been handed on before by a body that died."""
        ...

    def stream(self, text: str) -> None:
        """The driver's own output, for the compute log."""
        ...

    def progress(self, report: Mapping[str, Any]) -> None:
        """The newest progress report of a run that lives."""
        ...
