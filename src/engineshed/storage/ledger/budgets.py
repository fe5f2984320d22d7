"""Money and places that attempts take: read for a plan, held against their limits when an intent is recorded.

A limit is checked under a lock of its own that lasts until the transaction ends, so that of two planners which both
saw the last dollar, or the last place, one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from engineshed.model.attempt import Outcome
from engineshed.model.budget import Account, Allowance, BudgetScope, Room, Standing, Terms
from engineshed.model.errors import BudgetExceeded, EngineFull
from engineshed.model.launch import Intent
from engineshed.model.month import month_bounds
from engineshed.storage.ledger.leases import lock
from engineshed.storage.ledger.rows import billed_of
from engineshed.storage.ledger.schema import billings, intents, launches, settlements

_OWNER: Mapping[BudgetScope, ColumnElement[str]] = {
    BudgetScope.RUN: intents.c.root_run_id,
    BudgetScope.ASSET_RUN: intents.c.asset,
    BudgetScope.BACKFILL: intents.c.backfill,
    BudgetScope.ASSET_MONTH: intents.c.asset,
    BudgetScope.TEAM_MONTH: intents.c.team,
}

_PARTS = ("compute_usd", "storage_usd", "surcharge_usd")


def standing(connection: Connection, account: Account) -> Standing:
    """See Ledger.standing."""
    owned = [_OWNER[account.scope] == account.owner]
    if account.scope is BudgetScope.ASSET_RUN:
        owned.append(intents.c.root_run_id == account.within)
    reserved = connection.execute(select(intents.c.reserved_usd).where(*owned, intents.c.live)).scalars()
    return Standing(spent_usd=_spent(connection, account, owned), reserved_usd=sum(reserved, Decimal(0)))


def live_on(connection: Connection, room: Room) -> int:
    """See Ledger.live_on."""
    conditions = [intents.c.engine == room.engine, intents.c.live]
    if room.team:
        conditions.append(intents.c.team == room.team)
    return int(connection.execute(select(func.count()).select_from(intents).where(*conditions)).scalar_one())


def admit(connection: Connection, intent: Intent, terms: Terms) -> None:
    """Pass where the intent, not yet recorded, keeps to all terms. Raises BudgetExceeded, EngineFull."""
    rooms = [room for room in terms.rooms if room.engine == intent.engine]
    allowances = list(terms.allowances)
    # In one order for all, so that no two transactions wait for one another.
    for name in sorted({*map(_room_name, rooms), *(_account_name(a.account) for a in allowances)}):
        lock(connection, name)
    for room in rooms:
        if live_on(connection, room) >= room.most:
            raise EngineFull(f"{intent.engine} is full: {room}, all taken. Wait for one to end, or raise the limit.")
    for allowance in allowances:
        _afford(intent, allowance, standing(connection, allowance.account))


def _afford(intent: Intent, allowance: Allowance, there: Standing) -> None:
    if there.committed_usd + intent.reserved_usd > allowance.limit_usd:
        raise BudgetExceeded(
            f"{intent.engine} ({intent.offer}) is forecast to cost ${intent.reserved_usd}, but {allowance.account} has "
            f"spent ${there.spent_usd} and reserved ${there.reserved_usd} of its budget of ${allowance.limit_usd}."
        )


def _spent(connection: Connection, account: Account, owned: Iterable[ColumnElement[bool]]) -> Decimal:
    conditions = [*owned, settlements.c.outcome != Outcome.NEVER_SUBMITTED.value]
    if bounds := month_bounds(account.within):
        conditions += [settlements.c.settled_at >= bounds[0], settlements.c.settled_at < bounds[1]]
    known = (settlements.c[name] for name in _PARTS)
    query = (
        select(*known, settlements.c.cost_basis, intents.c.reserved_usd, launches.c.token, billings)
        .select_from(
            intents.join(settlements, settlements.c.token == intents.c.token)
            .outerjoin(launches, launches.c.token == intents.c.token)
            .outerjoin(billings, billings.c.token == intents.c.token)
        )
        .where(*conditions)
    )
    return sum(map(_paid, connection.execute(query).mappings()), Decimal(0))


def _paid(row: RowMapping) -> Decimal:
    billed = billed_of(row)
    if billed is not None:
        return billed.total_usd
    if row[settlements.c.cost_basis] is not None:
        parts: tuple[Decimal, ...] = tuple(row[settlements.c[name]] for name in _PARTS)
        return sum(parts, Decimal(0))
    reserved: Decimal = row[intents.c.reserved_usd]
    return reserved if row[launches.c.token] is not None else Decimal(0)


def _room_name(room: Room) -> str:
    return f"room:{room.engine}:{room.team}"


def _account_name(account: Account) -> str:
    return f"budget:{account.scope}:{account.owner}:{account.within}"
