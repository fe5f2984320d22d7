"""Sends a signal to the process that the route runs in, before or after a call of one of its collaborators."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

from engineshed.running.shed import Shed


class Deadly:
    """Hands calls on; at the nth call of one name this process gets the signal: SIGKILL has no handler, no goodbye."""

    def __init__(self, inner: Any, when: str, name: str, nth: int, number: signal.Signals) -> None:
        self._inner, self._when, self._name, self._left, self._number = inner, when, name, nth, number

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name != self._name:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._when == "before":
                os.kill(os.getpid(), self._number)
            answer = value(*args, **kwargs)
            if self._left == 0 and self._when == "after":
                os.kill(os.getpid(), self._number)
            return answer

        return call


def deadly(shed: Shed, where: str) -> Shed:
    """The shed with a death at `before:record_intent:1` or the like; a fourth part names another signal."""
    when, name, nth, *others = where.split(":")
    number = signal.Signals[others[0]] if others else signal.SIGKILL

    def wrapped(inner: Any) -> Any:
        return Deadly(inner, when, name, int(nth), number)

    return replace(
        shed,
        engines={engine: wrapped(value) for engine, value in shed.engines.items()},
        ledger=wrapped(shed.ledger),
        datasets=wrapped(shed.datasets),
    )
