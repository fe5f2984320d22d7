"""What does the work of a cluster's machines: real processes (`executing`), or lines of a plan (`scripted`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engineshed.testing.emr.records import Cluster, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnd:
    """How a step's process came to its end. reason, message, log_file: what EMR would find in its logs of a failure."""

    exit_code: int
    reason: str = ""
    message: str = ""
    log_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapFailure:
    """A bootstrap action that failed. number: from 1. found: whether its script could be fetched at all."""

    number: int
    exit_code: int = 1
    found: bool = True


class Hands(Protocol):
    """The machines of all clusters, at work. Callbacks come once; they may come from another thread."""

    def bootstrap(self, cluster: Cluster, done: Callable[[BootstrapFailure | None], None]) -> None:
        """Run its bootstrap actions."""
        ...

    def start(self, step: Step, done: Callable[[StepEnd], None]) -> None:
        """Run a step."""
        ...

    def interrupt(self, step: Step) -> None:
        """SIGTERM to the step's own process."""
        ...

    def kill(self, step: Step) -> None:
        """SIGKILL to the step's process and all of its descendants."""
        ...

    def release(self, cluster: Cluster) -> None:
        """The machines are gone, and with them all that runs there."""
        ...

    def close(self) -> None:
        """End everything."""
        ...
