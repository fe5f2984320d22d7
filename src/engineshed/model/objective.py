"""What to optimise, and the layers of preference it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engineshed.model.errors import SettingInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a plan is to optimise. Unset fields leave the choice to the layers below.

    pinned: the one engine to use. preferred: an order that breaks ties and, where no price or history tells offers
    apart, decides. forbidden: engines never used. value_usd_per_hour: what an hour saved is worth.
    deadline: UTC; met by the point estimate, or with the probability `confidence`.
    budget_usd: the most that one run may spend; asset_month_usd, team_month_usd: that all runs of the asset or the team
    may in a calendar month.
    margin_percent: by how much an engine without history of its own must be cheaper to be taken; 25 where unset.
    explore_percent: how many of a hundred runs try such an engine all the same.
    """

    pinned: str | None = None
    preferred: tuple[str, ...] = ()
    forbidden: frozenset[str] = frozenset()
    value_usd_per_hour: Decimal | None = None
    deadline: datetime | None = None
    confidence: float | None = None
    budget_usd: Decimal | None = None
    asset_month_usd: Decimal | None = None
    team_month_usd: Decimal | None = None
    margin_percent: float | None = None
    explore_percent: float | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0.5 <= self.confidence < 1:
            raise SettingInvalid(f"confidence is {self.confidence}: give a probability from 0.5 to below 1.")
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise SettingInvalid(f"deadline {self.deadline.isoformat()} has no zone: write it as 2026-11-27T18:00Z.")
        if self.pinned is not None and self.pinned in self.forbidden:
            raise SettingInvalid(
                f"engine {self.pinned!r} is pinned and forbidden at once: drop one of the two settings."
            )


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of preferences, named to explain: `platform policy`, `run override`, `asset`, `team default`.

    caps: its budgets hold beside those of other layers, which may set lower ones and no higher ones.
    own: it speaks of one asset, so that its budget of a run is that asset's within the run.
    """

    source: str
    objective: Objective
    caps: bool = False
    own: bool = False
