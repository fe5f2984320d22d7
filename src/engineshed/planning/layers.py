"""Lays preferences over one another, and says which layer decided what.

The order is the caller's: the first layer that sets a field decides it. Two things add up instead: what is forbidden,
so that no lower layer can allow what a higher one forbids; and the budgets of a layer that caps, which hold beside
whatever lower layers set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

from engineshed.model.budget import Account, Allowance, BudgetScope
from engineshed.model.errors import SettingInvalid
from engineshed.model.objective import Layer, Objective

_BUDGETS = ("budget_usd", "asset_month_usd", "team_month_usd")


def merge(layers: Sequence[Layer]) -> tuple[Objective, tuple[str, ...]]:
    """The objective in force and one line for each field that a layer set.

    Raises SettingInvalid when a pinned engine is forbidden by another layer, naming both.
    """
    chosen: dict[str, object] = {}
    said: list[str] = []
    forbidden: dict[str, str] = {}
    for layer in layers:
        for engine in sorted(layer.objective.forbidden):
            if engine not in forbidden:
                forbidden[engine] = layer.source
                said.append(f"{layer.source} forbids {engine}")
        for name, value in _set(layer.objective):
            if name in chosen and name not in _BUDGETS:
                said.append(f"{layer.source} sets {name}={_shown(value)}, overridden above")
            else:
                chosen.setdefault(name, value)
                said.append(f"{layer.source} sets {name}={_shown(value)}")
    chosen |= {name: limits[0] for name in _BUDGETS if (limits := sorted(limit for limit, _ in _limits(layers, name)))}
    pinned = chosen.get("pinned")
    if isinstance(pinned, str) and pinned in forbidden:
        raise SettingInvalid(
            f"engine {pinned!r} is pinned, but {forbidden[pinned]} forbids it: pin another engine or lift the ban."
        )
    objective = Objective(**chosen, forbidden=frozenset(forbidden))  # type: ignore[arg-type]
    return objective, tuple(said)


def allowances(
    layers: Sequence[Layer], *, root_run_id: str, asset: str, team: str, month: str
) -> tuple[Allowance, ...]:
    """The budgets that a run of the asset draws on, as all layers set them. month: `2026-11`, in UTC."""
    found: dict[Account, Decimal] = {}
    for name in _BUDGETS:
        for limit, own in _limits(layers, name):
            account = _account(name, own, root_run_id, asset, team, month)
            found[account] = min(limit, found.get(account, limit))
    return tuple(Allowance(account, limit) for account, limit in found.items())


def _set(objective: Objective) -> Iterator[tuple[str, object]]:
    for field in fields(Objective):
        value = getattr(objective, field.name)
        if field.name != "forbidden" and value is not None and value != ():
            yield field.name, value


def _limits(layers: Sequence[Layer], name: str) -> list[tuple[Decimal, bool]]:
    """(limit, of one asset alone) of every layer that caps and of the first other that sets the budget."""
    found = [(getattr(layer.objective, name), layer) for layer in layers]
    there = [(limit, layer) for limit, layer in found if limit is not None]
    first = next(((limit, layer) for limit, layer in there if not layer.caps), None)
    return [(limit, layer.own) for limit, layer in there if layer.caps or (first is not None and layer is first[1])]


def _account(name: str, own: bool, root_run_id: str, asset: str, team: str, month: str) -> Account:
    if name == "asset_month_usd":
        return Account(BudgetScope.ASSET_MONTH, asset, month)
    if name == "team_month_usd":
        return Account(BudgetScope.TEAM_MONTH, team, month)
    return Account(BudgetScope.ASSET_RUN, asset, root_run_id) if own else Account(BudgetScope.RUN, root_run_id)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
