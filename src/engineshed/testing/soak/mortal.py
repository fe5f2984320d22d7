"""A body of the route that can be killed at any of its calls, be stopped for a while, and be told to leave.

Death is an exception that no handler of the route may catch; what survives is what a real death leaves: the ledger, the
stores, the channel and the platforms.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from engineshed.model.errors import LedgerBusy
from engineshed.running.shed import Shed
from engineshed.running.staging import Staging
from engineshed.storage.datasets import Datasets
from engineshed.testing.soak.fate import Death, Fate
from engineshed.testing.soak.turns import Turns
from engineshed.testing.steps import Interrupted


class Killed(BaseException):
    """SIGKILL."""


class Mortal:
    """One body's life; dead, it does nothing any more. It is also the body's clock."""

    def __init__(self, turns: Turns, fate: Fate, death: Death, *, leaves_at_s: float | None = None) -> None:
        self._turns, self._fate, self._death = turns, fate, death
        self._leaves_at_s = leaves_at_s
        self._calls: Counter[str] = Counter()
        self.died_at = ""

    def now(self) -> datetime:
        """The story's."""
        return self._turns.now()

    def monotonic_s(self) -> float:
        """The story's."""
        return self._turns.monotonic_s()

    def sleep(self, seconds: float) -> None:
        """Wait; told to leave meanwhile, it is interrupted once."""
        self._turns.sleep(seconds)
        if self._leaves_at_s is not None and self.monotonic_s() >= self._leaves_at_s and not self._fate.calm:
            self._leaves_at_s = None
            raise Interrupted

    def strike(self, name: str, when: str) -> None:
        """Before or after a call of that name: stand still, die, or go on."""
        if self.died_at:
            raise Killed
        if when == "before":
            pause_s = self._fate.pause_s(name)
            if pause_s:
                self._turns.sleep(pause_s)
        self._calls.update(("", f"{when} {name}"))
        counted = self._calls[f"{self._death.when} {self._death.name}"] if self._death.name else self._calls[""]
        if self._death.nth and counted >= self._death.nth and not self._fate.calm:
            self.died_at = f"{when} {name}"
            raise Killed

    def between(self) -> None:
        """Between the parts of a submit."""
        self.strike("second part", "before")

    def lend(self, shed: Shed) -> Shed:
        """The shed as this body holds it: all calls go through its hands."""
        return replace(
            shed,
            engines={name: _Held(engine, self) for name, engine in shed.engines.items()},
            channels={name: _Held(channel, self) for name, channel in shed.channels.items()},
            ledger=_Held(shed.ledger, self, busy=self._fate),
            datasets=cast(Datasets, _Held(shed.datasets, self)),
            staging=cast(Staging, _Held(shed.staging, self)),
            clock=self,
        )


class _Held:
    """Passes on every call, with a strike on either side."""

    def __init__(self, inner: Any, mortal: Mortal, busy: Fate | None = None) -> None:
        self._inner, self._mortal, self._busy = inner, mortal, busy

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._mortal.strike(name, "before")
            if self._busy is not None and self._busy.happens("ledger_busy"):
                raise LedgerBusy("the ledger is locked: repeat the call.")
            answer = value(*args, **kwargs)
            self._mortal.strike(name, "after")
            return answer

        return call
