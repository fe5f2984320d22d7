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
    apart, decides. forbidden: engines never used. value_usd_per_hour: what an hour saved is worth. deadline: UTC.
    budget_usd: the most that one run may spend.
    """

    pinned: str | None = None
    preferred: tuple[str, ...] = ()
    forbidden: frozenset[str] = frozenset()
    value_usd_per_hour: Decimal | None = None
    deadline: datetime | None = None
    budget_usd: Decimal | None = None

    def __post_init__(self) -> None:
        if self.pinned is not None and self.pinned in self.forbidden:
            raise SettingInvalid(
                f"engine {self.pinned!r} is pinned and forbidden at once: drop one of the two settings."
            )


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of preferences, named to explain: `platform policy`, `run override`, `asset`, `team default`."""

    source: str
    objective: Objective
