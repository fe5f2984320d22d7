"""What tells one engine of this machine from another: what it requires and the session that it gives the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engineshed.model.job import SparkJob
from engineshed.model.plan import Rejection
from engineshed.model.request import Work
from engineshed.ports.engine import Check


class Flavour(Protocol):
    """What tells one engine of this machine from another."""

    @property
    def name(self) -> str:
        """The engine's name."""
        ...

    @property
    def extra(self) -> str:
        """The extra of engineshed that installs what it needs."""
        ...

    @property
    def requirements(self) -> tuple[str, ...]:
        """What the drivers' interpreter must hold."""
        ...

    @property
    def cold_start_s(self) -> float:
        """Seconds from submit to the first useful work, where the settings say nothing."""
        ...

    def memory_gib(self, job: SparkJob) -> float:
        """What a run of the job will take."""
        ...

    def shape(self) -> Mapping[str, Any] | Rejection:
        """What `session` and `env` need to know besides cores and memory, or why nothing can run here."""
        ...

    def session(self, work: Work, scratch: str) -> Mapping[str, Any]:
        """What the driver is told of its session; `scratch` is deleted at the run's end. Pure. Raises JobInvalid."""
        ...

    def env(self, work: Work) -> Mapping[str, str]:
        """Variables the driver needs for it. Pure."""
        ...

    def checks(self) -> Sequence[Check]:
        """Findings of `doctor` about it alone."""
        ...
