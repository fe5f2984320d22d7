"""How big a job is, in units every engine understands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engineshed.model.errors import JobInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job asks for. Cores are whole; memory and disk are GiB; `executors` = 0 means all work in the driver."""

    driver_cores: int = 1
    driver_memory_gib: float = 1.0
    executors: int = 1
    executor_cores: int = 1
    executor_memory_gib: float = 2.0
    disk_gib: float = 0.0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise JobInvalid(f"resources.{name} is {value!r}: give at least {least}.")

    @property
    def cores(self) -> int:
        """All cores, driver and executors."""
        return self.driver_cores + self.executors * self.executor_cores

    @property
    def memory_gib(self) -> float:
        """All memory, driver and executors."""
        return self.driver_memory_gib + self.executors * self.executor_memory_gib


_LEAST: dict[str, float] = {
    "driver_cores": 1,
    "driver_memory_gib": 0.25,
    "executors": 0,
    "executor_cores": 1,
    "executor_memory_gib": 0.25,
    "disk_gib": 0,
}
