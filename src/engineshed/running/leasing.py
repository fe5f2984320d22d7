"""Holds the lease of a launch key: one watcher at a time may submit, cancel, publish and settle."""

from __future__ import annotations

from engineshed.model.attempt import Lease
from engineshed.model.errors import LeaseLost, LedgerBusy, RunCancelled
from engineshed.ports.step import RunState, Step
from engineshed.running.shed import Shed

_LOOK_S = 0.5
_RETRY_IS_SAID_WITHIN_S = 10.0
"""Dagster writes a failure first, and that the run will be retried a moment later."""


class LeaseKeeper:
    """Renews a lease from the loops of the route; no thread of its own, so a stuck body loses it."""

    def __init__(self, shed: Shed, lease: Lease) -> None:
        self._shed = shed
        self._lease = lease
        self._renewed_s = shed.clock.monotonic_s()

    @property
    def lease(self) -> Lease:
        """The lease as renewed last."""
        return self._lease

    def keep(self, *, at_once: bool = False) -> None:
        """Renew when a third of its time is over, or at once. Raises LeaseLost; a busy ledger is tried again later."""
        now_s = self._shed.clock.monotonic_s()
        if not at_once and now_s - self._renewed_s < self._shed.cadence.lease_s / 3:
            return
        try:
            ttl_s = self._shed.cadence.lease_s
            self._lease = self._shed.ledger.renew(self._lease, now=self._shed.clock.now(), ttl_s=ttl_s)
            self._renewed_s = now_s
        except LedgerBusy:
            if at_once:
                raise

    def release(self) -> None:
        """Give it up; a ledger that is away lets it expire instead."""
        try:
            self._shed.ledger.release(self._lease)
        except LedgerBusy:
            return


def hold(step: Step, shed: Shed) -> LeaseKeeper:
    """Wait for the lease of the step's key and take it.

    A cancelled run still waits, a bounded time, because only the holder may end the foreign run. Raises RunCancelled
    when that time is over, LeaseLost when the run is over in another way.
    """
    said = False
    give_up_s: float | None = None
    while True:
        try:
            lease = shed.ledger.acquire(step.key.digest, step.body_id, now=shed.clock.now(), ttl_s=shed.cadence.lease_s)
        except LedgerBusy:
            lease = None
        if lease is not None:
            return LeaseKeeper(shed, lease)
        if not said:
            step.info("Another worker holds this step's lease: waiting until it settles or its lease runs out.")
            said = True
        try:
            leave_when_over(step, shed)
        except RunCancelled:
            now_s = shed.clock.monotonic_s()
            give_up_s = now_s + 1.5 * shed.cadence.lease_s if give_up_s is None else give_up_s
            if now_s > give_up_s:
                raise
        shed.clock.sleep(_LOOK_S)


def leave_when_over(step: Step, shed: Shed) -> None:
    """Raise when the run no longer wants this body.

    RunCancelled where the foreign run must be ended too: the run is cancelled, or failed and nobody will retry it.
    LeaseLost where it must be left alone: a retry will adopt it, or another body has finished.
    """
    state = step.run_state()
    if state is RunState.FAILED and step.successor_expected():
        give_up_s = shed.clock.monotonic_s() + _RETRY_IS_SAID_WITHIN_S
        while state is RunState.FAILED and shed.clock.monotonic_s() < give_up_s:
            shed.clock.sleep(_LOOK_S)
            state = step.run_state()
    who = f"run {step.run_id}"
    if state is RunState.CANCELLING:
        raise RunCancelled(f"{who} is being cancelled: step {step.key.step_key} ends its foreign run.")
    if state is RunState.FAILED:
        raise RunCancelled(f"{who} was failed from outside: step {step.key.step_key} ends its foreign run.")
    if state in (RunState.WILL_RETRY, RunState.FINISHED):
        raise LeaseLost(f"{who} is over ({state}): step {step.key.step_key} leaves without output.")
