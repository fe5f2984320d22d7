"""Keeps a signal from landing in the middle of something that must end whole: a database transaction above all.

Python, and Dagster's run worker, turn SIGINT and SIGTERM into an exception at whatever line the main thread is. Inside
a connection pool that line can be between taking a connection and noting that it is taken: the connection, and with it
a lock, is then lost for as long as the exception is handled, and what ends the foreign run waits for it in vain.
Refuses to swallow: what came meanwhile is raised again at the end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


class _Waiting:
    """The handler meanwhile. Closed, it only passes on: a signal between two restores may leave one in place."""

    def __init__(self) -> None:
        self.before = {number: signal.getsignal(number) for number in _ENDINGS}
        self.came: list[int] = []
        self.open = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        before = self.before[signal.Signals(number)]
        if self.open:
            self.came.append(number)
        elif callable(before):
            before(number, frame)
        elif before is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def install(self) -> None:
        for number, before in self.before.items():
            # None: a handler that was not set from Python could not be put back.
            if before is not None:
                signal.signal(number, self)

    def restore(self) -> None:
        self.open = False
        for number, before in self.before.items():
            if before is not None:
                signal.signal(number, before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """SIGINT and SIGTERM wait until the block's end, where the first that came is raised; may be nested.

    Keep the block short: nothing else can end the process gently meanwhile. Off the main thread there is nothing to
    do, since handlers run on the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting = _Waiting()
    try:
        waiting.install()
        yield
    finally:
        waiting.restore()
        if waiting.came:
            signal.raise_signal(waiting.came[0])
