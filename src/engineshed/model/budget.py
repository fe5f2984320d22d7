"""Whose money a run spends, how much of it is gone, and how many runs an engine may carry at once.

A budget is kept by the ledger, not by a planner: what a live attempt may cost is reserved with its intent, so that two
planners never see the same money.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class BudgetScope(StrEnum):
    """What a limit covers: a run with its retries, an asset within it, all runs of a backfill, an asset or a team in a
    calendar month (UTC).
    """

    RUN = "run"
    ASSET_RUN = "asset_run"
    BACKFILL = "backfill"
    ASSET_MONTH = "asset_month"
    TEAM_MONTH = "team_month"


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Who pays. owner: the id of the root run or the backfill, the asset or the team; within: the root run of an asset,
    or `2026-11`.
    """

    scope: BudgetScope
    owner: str
    within: str = ""

    def __str__(self) -> str:
        if self.scope is BudgetScope.RUN:
            return f"run {self.owner}"
        if self.scope is BudgetScope.ASSET_RUN:
            return f"asset {self.owner} in run {self.within}"
        if self.scope is BudgetScope.BACKFILL:
            return f"backfill {self.owner}"
        return f"{'asset' if self.scope is BudgetScope.ASSET_MONTH else 'team'} {self.owner} in {self.within}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account has paid for settled attempts, and what is reserved for live ones, in US dollars.

    An attempt whose cost is not known counts with what was reserved for it.
    """

    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)

    @property
    def committed_usd(self) -> Decimal:
        """Both together: what is no longer free."""
        return self.spent_usd + self.reserved_usd


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that an account may commit."""

    account: Account
    limit_usd: Decimal


@dataclass(frozen=True, slots=True)
class Room:
    """At most so many live attempts on an engine: of one team, or of all where `team` is empty."""

    engine: str
    most: int
    team: str = ""

    def __str__(self) -> str:
        whose = f"team {self.team} has" if self.team else "there are"
        return f"{whose} room for {self.most} at a time on {self.engine}"


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which an intent may be recorded: every allowance holds with it, every room of its engine has a place."""

    allowances: tuple[Allowance, ...] = ()
    rooms: tuple[Room, ...] = ()


def tightest(allowances: Iterable[tuple[Allowance, Standing]]) -> tuple[Allowance, Decimal] | None:
    """The allowance with the least money left, and how much that is; None where there is none."""
    left = [(allowance, allowance.limit_usd - standing.committed_usd) for allowance, standing in allowances]
    return min(left, key=lambda item: (item[1], item[0].account), default=None)
