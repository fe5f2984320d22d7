"""Time that moves only when someone sleeps: a six-hour job tests in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """A clock that `sleep` moves. `on_sleep` is called after each move, for doubles that live in the same time."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """The start plus all that was slept."""
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        """Seconds slept so far."""
        return self._passed_s

    def sleep(self, seconds: float) -> None:
        """Move on; at least a millisecond, so that no loop stands still."""
        self._passed_s += max(seconds, 0.001)
        self.on_sleep()
