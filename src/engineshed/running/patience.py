"""Waits out a store or ledger that is away: what took hours to compute is not thrown away for a minute of outage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engineshed.model.errors import EngineshedError
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.shed import Shed

_Result = TypeVar("_Result")
_FIRST_WAIT_S = 0.5


def patiently(act: Callable[[], _Result], step: Step, shed: Shed, keeper: LeaseKeeper) -> _Result:
    """Do what may be done again until it succeeds; its transient errors are waited out for `cadence.away_s`.

    Raises what `act` raises, LeaseLost.
    """
    wait_s = _FIRST_WAIT_S
    give_up_s: float | None = None
    while True:
        try:
            return act()
        except EngineshedError as error:
            now_s = shed.clock.monotonic_s()
            if give_up_s is None:
                give_up_s = now_s + shed.cadence.away_s
                if error.transient:
                    step.warning(f"{error} Will go on trying.")
            if not error.transient or now_s >= give_up_s:
                raise
        shed.clock.sleep(wait_s)
        wait_s = min(2 * wait_s, shed.cadence.busy_s)
        keeper.keep()
