"""What a backfill does next: wait, launch a chunk, pause, or end. Pure.

A chunk is launched only when no run of the one before lives or has failed, and only what the money left is forecast to
pay for. So at most one chunk is in flight, and what its runs cost beyond their forecast is all that a budget can be
exceeded by. A move says what the row is to become; whoever loses the compare-and-set launches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engineshed.model.backfill import Backfill, BackfillState

ASKED = timedelta(minutes=2)
"""Runs that were asked for may take so long to appear; then they are asked for again, under the same run keys."""

_NAMED = 3


class Progress(StrEnum):
    """How far one partition is. NONE: no run of this try was started."""

    NONE = "none"
    LIVE = "live"
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Afforded:
    """The first of the partitions asked about that the money left pays for; and what ends them, where not all."""

    keys: tuple[str, ...]
    stopped_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """after: what the row becomes; None where it stays. launch: partitions to start once that is written."""

    why: str
    after: Backfill | None = None
    launch: tuple[str, ...] = ()


def decide(
    backfill: Backfill,
    seen: Mapping[str, Progress],
    *,
    now: datetime,
    afford: Callable[[Sequence[str]], Afforded],
) -> Move:
    """The next move. seen: of each partition in flight. afford: asked only when there is something to launch."""
    if backfill.state is not BackfillState.RUNNING:
        return Move(why=backfill.reason or str(backfill.state))
    found = {state: [k for k in backfill.in_flight if seen.get(k, Progress.NONE) is state] for state in Progress}
    if found[Progress.LIVE]:
        return Move(why=f"{_partitions(found[Progress.LIVE])} in work")
    if found[Progress.FAILED]:
        return _failed(backfill, found[Progress.FAILED])
    lacking = found[Progress.NONE]
    if lacking and backfill.asked_at is not None and now - backfill.asked_at < ASKED:
        return Move(why=f"the runs of {_partitions(lacking)} were asked for and are not there yet")
    keys = tuple(lacking) or backfill.to_come[: backfill.work.chunk]
    if not keys:
        done = replace(
            backfill, state=BackfillState.DONE, settled=len(backfill.work.partitions), asked_at=None, reason=""
        )
        return Move(why="all partitions are made", after=done)
    return _launch(backfill, keys, afford(keys), now, again=bool(lacking))


def _launch(backfill: Backfill, keys: Sequence[str], afforded: Afforded, now: datetime, *, again: bool) -> Move:
    if not afforded.keys:
        paused = replace(backfill, state=BackfillState.PAUSED, reason=afforded.stopped_by, asked_at=None)
        return Move(why=afforded.stopped_by, after=paused)
    after = replace(backfill, asked_at=now, reason="", failed=())
    if not again:
        after = replace(after, settled=backfill.launched, launched=backfill.launched + len(afforded.keys))
    why = f"{_partitions(afforded.keys)} launched"
    if len(afforded.keys) < len(keys):
        why += f" of a chunk of {len(keys)}: {afforded.stopped_by}"
    return Move(why=why, after=after, launch=afforded.keys)


def _failed(backfill: Backfill, failed: Sequence[str]) -> Move:
    reason = f"{_partitions(failed)} failed: see what the runs say, then resume, or resume without them"
    paused = replace(backfill, state=BackfillState.PAUSED, reason=reason, failed=tuple(failed), asked_at=None)
    return Move(why=reason, after=paused)


def _partitions(keys: Sequence[str]) -> str:
    """`2 partitions (a, b)`, the first few of many."""
    more = ", .." if len(keys) > _NAMED else ""
    return f"{len(keys)} partition{'s' * (len(keys) != 1)} ({', '.join(keys[:_NAMED])}{more})"
