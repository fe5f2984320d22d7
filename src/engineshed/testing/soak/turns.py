"""Bodies that take turns in virtual time: one moves at a time, whose moment is next, so that a seed repeats exactly.

Each body is a thread, since the route waits by calling `sleep`; a sleeping one hands the turn on.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_TURNS = 100_000
"""Of a story: one that goes on longer never ends."""


class NeverEnds(AssertionError):
    """Bodies wait for one another, or for what never comes."""


def _closed() -> threading.Lock:
    """A gate: whoever acquires it waits until another releases it."""
    gate = threading.Lock()
    gate.acquire()
    return gate


class _Body:
    """One thread that runs only in its turns."""

    def __init__(self, act: Callable[[], None], back: threading.Lock) -> None:
        self._go, self._back, self._act = _closed(), back, act
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def turn(self) -> None:
        """Let it go on until it waits or ends."""
        self._go.release()
        self._back.acquire()

    def wait(self) -> None:
        """Hand the turn on, until the next one."""
        self._back.release()
        self._go.acquire()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001  # handed to whoever plays the story
            self.error = error
        finally:
            self._back.release()


class Turns:
    """A clock, and who moves next. `on_move` is called whenever time has moved."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._numbers = itertools.count()
        self._queue: list[tuple[float, int, _Body]] = []
        self._back = _closed()
        self._moving: _Body | None = None
        self.on_move: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """The start plus what has passed."""
        return _START + timedelta(seconds=self._now_s)

    def monotonic_s(self) -> float:
        """Seconds that have passed."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Wait, while others move. Only bodies sleep."""
        body = self._moving
        assert body is not None, "only a body sleeps"
        self._queue_at(self._now_s + max(seconds, 0.001), body)
        body.wait()

    def start(self, act: Callable[[], None], after_s: float = 0.0) -> None:
        """A further body, so many seconds from now."""
        self._queue_at(self._now_s + after_s, _Body(act, self._back))

    def play(self) -> None:
        """Move all bodies to their ends. Raises what a body raises, NeverEnds."""
        for _ in range(_MOST_TURNS):
            if not self._queue:
                return
            at_s, _, body = heapq.heappop(self._queue)
            self._now_s = max(self._now_s, at_s)
            self.on_move()
            self._moving = body
            body.turn()
            self._moving = None
            if body.error is not None:
                raise body.error
        raise NeverEnds(f"after {_MOST_TURNS} turns and {self._now_s:.0f} s the story still goes on.")

    def _queue_at(self, at_s: float, body: _Body) -> None:
        heapq.heappush(self._queue, (at_s, next(self._numbers), body))
