"""Kills the process that the route runs in, before or after a call of one of its collaborators."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

from engineshed.running.shed import Shed


class Deadly:
    """Hands calls on, and at the nth call of one name ends this process as SIGKILL does: no handler, no goodbye."""

    def __init__(self, inner: Any, when: str, name: str, nth: int) -> None:
        self._inner, self._when, self._name, self._left = inner, when, name, nth

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name != self._name:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = value(*args, **kwargs)
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call


def deadly(shed: Shed, where: str) -> Shed:
    """The shed with a death at `before:record_intent:1` or the like."""
    when, name, nth = where.split(":")

    def wrapped(inner: Any) -> Any:
        return Deadly(inner, when, name, int(nth))

    return replace(
        shed,
        engines={engine: wrapped(value) for engine, value in shed.engines.items()},
        ledger=wrapped(shed.ledger),
        datasets=wrapped(shed.datasets),
    )
