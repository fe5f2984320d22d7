"""Time as an argument: a six-hour job tests in milliseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The time of day, timezone-aware UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, for measuring spans."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait. Interrupts (KeyboardInterrupt and Dagster's) pass through."""
        ...
