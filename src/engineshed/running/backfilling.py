"""Backfills from submission to their end: each change is one compare-and-set on the ledger's row.

`advance` is what a sensor does at every look. It writes down that a chunk is launched before anything is: whoever dies
in between leaves partitions without runs, which are asked for again under the same run keys.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engineshed.model.backfill import Backfill, BackfillState, BackfillWork
from engineshed.model.errors import EngineshedError, SettingInvalid
from engineshed.planning.backfill import BackfillPlan, Ceiling
from engineshed.planning.backfill_guard import Afforded, Progress, decide
from engineshed.ports.ledger import Ledger
from engineshed.running.backfill_outlook import Outlook
from engineshed.running.shed import Shed


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a look at a backfill came to. said: for people. launch: partitions whose runs are to be started now."""

    backfill: Backfill
    said: str
    launch: tuple[str, ...] = ()
    value_usd_per_hour: Decimal = Decimal(0)


def submit(work: BackfillWork, plan: Mapping[str, Any], budget_usd: Decimal | None, shed: Shed) -> Backfill:
    """Record it; the sensor of its code location carries it out.

    Raises SettingInvalid while another makes one of its partitions.
    """
    _refuse_twice(work, shed.ledger)
    nth = 0
    while True:
        backfill = Backfill(
            id=work.named(nth), work=work, submitted_at=shed.clock.now(), budget_usd=budget_usd, plan=plan
        )
        if shed.ledger.record_backfill(backfill):
            return backfill
        _refuse_twice(work, shed.ledger)
        nth += 1


def _refuse_twice(work: BackfillWork, ledger: Ledger) -> None:
    for other in ledger.backfills(work.code_location, over=False):
        assets = set(other.work.assets) & set(work.assets)
        shared = sorted(set(work.partitions) & set(other.work.partitions))
        if assets and shared and other.work.mode is work.mode:
            raise SettingInvalid(
                f"backfill {other.id} is {other.state} and makes partition {shared[0]!r} of {min(assets)} too: see "
                f"`engineshed backfill show {other.id}`; resume or cancel it first."
            )


def advance(
    backfill: Backfill, seen: Mapping[str, Progress], outlook: Outlook, there: Callable[[], Collection[str]]
) -> Advance:
    """Move the backfill on by what is seen of the partitions in flight. there: all partitions that its assets have."""
    money = _Money(backfill, outlook, there)
    move = decide(backfill, seen, now=outlook.shed.clock.now(), afford=money.afford)
    if move.after is None:
        return Advance(backfill=backfill, said=move.why)
    if not outlook.shed.ledger.move_backfill(move.after):
        return Advance(backfill=backfill, said="another look has moved it on")
    said = f"{move.why}; {money.said}" if move.launch and money.said else move.why
    return Advance(backfill=move.after, said=said, launch=move.launch, value_usd_per_hour=money.value_usd_per_hour)


class _Money:
    """Asks what is left, and what the rest is forecast to cost."""

    def __init__(self, backfill: Backfill, outlook: Outlook, there: Callable[[], Collection[str]]) -> None:
        self._backfill, self._outlook, self._there = backfill, outlook, there
        self.said = ""
        self.value_usd_per_hour = Decimal(0)

    def afford(self, keys: Sequence[str]) -> Afforded:
        there = self._there()
        gone = [key for key in keys if key not in there]
        if gone:
            return Afforded((), f"{', '.join(gone)} is no partition any more: cancel the backfill and submit another")
        later = self._backfill.to_come
        asked = (*keys, *(later[len(keys) :] if later[: len(keys)] == tuple(keys) else later))
        try:
            plan = self._outlook.plan(self._backfill.work, asked, self._budget())
        except EngineshedError as error:
            if error.transient:
                raise
            return Afforded((), f"{error} Then resume: `engineshed backfill resume {self._backfill.id}`")
        self.value_usd_per_hour = plan.value_usd_per_hour
        self.said = self._expected(plan)
        fitting = {key for chunk in plan.chunks[:1] for key in chunk}
        return Afforded(tuple(key for key in keys if key in fitting), self._stopped(plan))

    def _budget(self) -> Ceiling | None:
        budget = self._backfill.budget_usd
        if budget is None:
            return None
        committed = self._outlook.shed.ledger.standing(self._backfill.account).committed_usd
        assets = frozenset(self._backfill.work.assets)
        return Ceiling(f"the budget of ${budget} of backfill {self._backfill.id}", budget - committed, assets)

    def _stopped(self, plan: BackfillPlan) -> str:
        if plan.stopped_by is None:
            return ""
        return f"{plan.stopped_by}: raise it, `engineshed backfill resume {self._backfill.id} --budget DOLLARS`"

    def _expected(self, plan: BackfillPlan) -> str:
        said = f"what is left is expected to take {plan.hours:.2f} h"
        hours = self._outlook.hours_to_deadline(self._backfill.work)
        if hours is None:
            return said
        return f"{said}, {'within' if plan.hours <= hours else 'LATER than'} its deadline in {max(hours, 0.0):.2f} h"


def pause(id_: str, ledger: Ledger) -> Backfill:
    """Launch nothing more; what is in flight goes on to its end. Raises SettingInvalid."""
    return _move(
        ledger,
        _there(id_, ledger, BackfillState.RUNNING),
        state=BackfillState.PAUSED,
        reason="paused by hand",
    )


def resume(id_: str, ledger: Ledger, *, budget_usd: Decimal | None = None, skip_failed: bool = False) -> Backfill:
    """Go on, with the failed partitions tried once more or left out. Raises SettingInvalid, also for a spent budget."""
    found = _there(id_, ledger, BackfillState.PAUSED)
    budget = found.budget_usd if budget_usd is None else budget_usd
    committed = ledger.standing(found.account).committed_usd
    if budget is not None and committed >= budget:
        raise SettingInvalid(
            f"backfill {id_} has committed ${committed} of its budget of ${budget}: give more with --budget."
        )
    skipped = (*found.skipped, *found.failed) if skip_failed else found.skipped
    # A new try has new run keys. Without a failure the old ones hold: what was asked for may still be on its way.
    tries = found.tries + (1 if found.failed and not skip_failed else 0)
    return _move(
        ledger,
        found,
        state=BackfillState.RUNNING,
        reason="",
        budget_usd=budget,
        failed=(),
        skipped=skipped,
        tries=tries,
    )


def cancel(id_: str, ledger: Ledger) -> Backfill:
    """End it; what is in flight goes on to its end. Raises SettingInvalid."""
    return _move(
        ledger,
        _there(id_, ledger, BackfillState.RUNNING, BackfillState.PAUSED),
        state=BackfillState.CANCELLED,
        reason="cancelled by hand",
    )


def find(id_: str, ledger: Ledger) -> Backfill:
    """Raises SettingInvalid where there is none."""
    found = ledger.backfill(id_)
    if found is None:
        raise SettingInvalid(f"there is no backfill {id_!r}: `engineshed backfill list` names those there are.")
    return found


def _there(id_: str, ledger: Ledger, *allowed: BackfillState) -> Backfill:
    found = find(id_, ledger)
    if found.state not in allowed:
        raise SettingInvalid(f"backfill {id_} is {found.state}: that is for one that is {' or '.join(allowed)}.")
    return found


def _move(ledger: Ledger, before: Backfill, **changes: Any) -> Backfill:
    after = replace(before, **changes)
    if not ledger.move_backfill(after):
        raise SettingInvalid(f"backfill {before.id} was just moved on by its sensor: give the command again.")
    return replace(after, version=after.version + 1)
