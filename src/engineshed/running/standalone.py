"""Steps without an orchestrator: what the command line runs, and what stands in for a body that is gone.

They print where Dagster would log.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from engineshed.model.attempt import Attempt
from engineshed.model.launch import LaunchKey
from engineshed.model.message import Message
from engineshed.model.partition import PartitionSelection
from engineshed.ports.step import RunState
from engineshed.running.dagster_step import describe_progress


class StandaloneStep:
    """One body, one run, no successor: an interrupt ends the foreign run. `say` receives lines for people."""

    def __init__(self, name: str, selection: PartitionSelection, say: Callable[[str], None]) -> None:
        self._run_id = f"cli-{uuid.uuid4().hex}"
        self._key = LaunchKey(root_run_id=self._run_id, step_key=name, partition_keys=selection.keys)
        self._selection = selection
        self._say = say

    @property
    def key(self) -> LaunchKey:
        """A key of its own: the command line never adopts."""
        return self._key

    @property
    def run_id(self) -> str:
        """Starts with `cli-`."""
        return self._run_id

    @property
    def body_id(self) -> str:
        """The same as the run: there is one body."""
        return self._run_id

    @property
    def selection(self) -> PartitionSelection:
        """The partitions of this run."""
        return self._selection

    @property
    def interrupts(self) -> tuple[type[BaseException], ...]:
        """Ctrl-C."""
        return (KeyboardInterrupt,)

    def successor_expected(self) -> bool:
        """Nobody comes after."""
        return False

    def run_state(self) -> RunState:
        """Runs until it ends."""
        return RunState.RUNNING

    def delivered(self, run_id: str) -> bool:
        """Nothing is recorded elsewhere."""
        return True

    def info(self, text: str) -> None:
        """For people."""
        self._say(text)

    def warning(self, text: str) -> None:
        """For people."""
        self._say(f"warning: {text}")

    def event(self, text: str, metadata: Mapping[str, Any]) -> None:
        """The text alone; the facts are in the ledger."""
        self._say(text)

    def message(self, message: Message, *, repeated: bool) -> None:
        """The driver's log lines."""
        if message.method == "log":
            self._say(str(message.params.get("message", "")))

    def stream(self, text: str) -> None:
        """The driver's output stays in its log files."""

    def progress(self, report: Mapping[str, Any]) -> None:
        """One line."""
        self._say(f"progress: {describe_progress(report)}")


class AttemptStep(StandaloneStep):
    """Stands in for the bodies of an attempt that are gone, so that it can be ended in their place."""

    def __init__(self, attempt: Attempt, body_id: str, say: Callable[[str], None]) -> None:
        intent = attempt.intent
        super().__init__(intent.key.step_key, PartitionSelection(keys=intent.key.partition_keys), say)
        self._key = intent.key
        self._run_id = intent.run_id
        self._own_body_id = body_id

    @property
    def body_id(self) -> str:
        """The reaper's own: the holder of the lease."""
        return self._own_body_id
