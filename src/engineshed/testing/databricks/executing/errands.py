"""Work that takes real time, done beside the workspace:

who asked is told at the next look, in the workspace's own thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Errands:
    """At most four at once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="databricks-errand")
        self._pending: list[tuple[Future[Any], Callable[[Any], None]]] = []

    def do(self, work: Callable[[], Any], told: Callable[[Any], None]) -> None:
        """Tell the result of `work`."""
        self._pending.append((self._pool.submit(work), told))

    def poll(self) -> None:
        """Tell what is done. Raises what an errand raised."""
        for errand in [e for e in self._pending if e[0].done()]:
            self._pending.remove(errand)
            errand[1](errand[0].result())

    def close(self) -> None:
        """Wait for what is under way; nobody is told."""
        self._pool.shutdown(cancel_futures=True)
