"""Showback: what was spent, by whom, on what. A pure sum over the ledger's rows, exact to the last digit.

Failed and cancelled attempts count: they were paid. An attempt of several partitions is shared evenly among them. It
refuses to hide what is not known: attempts without a cost are counted beside the sum, and each sum says on which basis
its figures stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from engineshed.model.attempt import Outcome
from engineshed.model.errors import SettingInvalid
from engineshed.model.money import Cost
from engineshed.model.spending import Spending

NO_PARTITION = "(none)"

_SHARE = Decimal("1E-12")
"""To what a partition's even share is rounded; the first partition takes what is left, so that shares add up."""

_LEAST_SHARE = Decimal("0.01")

_OF: Mapping[str, Callable[[Spending], str]] = {
    "team": lambda s: s.team,
    "code_location": lambda s: s.code_location,
    "asset": lambda s: s.asset,
    "partition": lambda s: s.partition_keys[0] if s.partition_keys else NO_PARTITION,
    "engine": lambda s: s.engine,
    "offer": lambda s: s.offer,
    "mode": lambda s: str(s.mode),
    "outcome": lambda s: str(s.outcome),
    "day": lambda s: s.settled_at.date().isoformat(),
    "month": lambda s: s.settled_at.strftime("%Y-%m"),
}

DIMENSIONS = tuple(_OF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One line of a bill. `by_basis`: dollars of the total by where they come from (metered, billed, estimated).

    attempts: shares of attempts, whole ones unless the line is of a partition. unpriced: those of them without a cost.
    forecast_usd: what the priced ones were expected to cost.
    """

    of: Mapping[str, str]
    attempts: Decimal = Decimal(0)
    failed: Decimal = Decimal(0)
    unpriced: Decimal = Decimal(0)
    hours: float = 0.0
    compute_usd: Decimal = Decimal(0)
    storage_usd: Decimal = Decimal(0)
    surcharge_usd: Decimal = Decimal(0)
    forecast_usd: Decimal = Decimal(0)
    by_basis: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def total_usd(self) -> Decimal:
        """All parts together."""
        return self.compute_usd + self.storage_usd + self.surcharge_usd


def showback(spendings: Iterable[Spending], by: Sequence[str]) -> list[Sum]:
    """One line for each combination of the dimensions `by`, dearest first, then by name. Raises SettingInvalid."""
    unknown = [name for name in by if name not in _OF]
    if unknown:
        raise SettingInvalid(f"costs cannot be told by {', '.join(unknown)}: there are {', '.join(DIMENSIONS)}.")
    shares: dict[tuple[str, ...], list[tuple[Spending, Decimal]]] = {}
    for spending in spendings:
        for share, part in _shares(spending, "partition" in by):
            shares.setdefault(tuple(_OF[name](share) for name in by), []).append((share, part))
    lines = [_sum(dict(zip(by, values, strict=True)), group) for values, group in shares.items()]
    return sorted(lines, key=lambda line: (-line.total_usd, tuple(line.of.values())))


def total(lines: Iterable[Sum]) -> Sum:
    """All lines as one."""
    lines = list(lines)
    by_basis: dict[str, Decimal] = {}
    for line in lines:
        for basis, usd in line.by_basis.items():
            by_basis[basis] = by_basis.get(basis, Decimal(0)) + usd
    return Sum(
        of={},
        attempts=sum((line.attempts for line in lines), Decimal(0)),
        failed=sum((line.failed for line in lines), Decimal(0)),
        unpriced=sum((line.unpriced for line in lines), Decimal(0)),
        hours=sum(line.hours for line in lines),
        compute_usd=sum((line.compute_usd for line in lines), Decimal(0)),
        storage_usd=sum((line.storage_usd for line in lines), Decimal(0)),
        surcharge_usd=sum((line.surcharge_usd for line in lines), Decimal(0)),
        forecast_usd=sum((line.forecast_usd for line in lines), Decimal(0)),
        by_basis=by_basis,
    )


def basis_text(line: Sum) -> str:
    """`metered`, or `metered 80 %, estimated 20 %` where figures of several bases were added."""
    if len(line.by_basis) < 2:
        return next(iter(line.by_basis), "-")
    whole = sum(line.by_basis.values(), Decimal(0))
    if not whole:
        return ", ".join(sorted(line.by_basis))
    parts = sorted(line.by_basis.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{basis} {share_text(usd, whole)}" for basis, usd in parts)


def share_text(part: Decimal, whole: Decimal) -> str:
    """A share in percent; next to nothing and nearly all are not rounded to nothing and all."""
    if not whole:
        return "-"
    share = part / whole
    if 0 < share < _LEAST_SHARE:
        return "<1 %"
    return ">99 %" if 1 - _LEAST_SHARE < share < 1 else f"{share:.0%}".replace("%", " %")


def _shares(spending: Spending, apart: bool) -> Iterator[tuple[Spending, Decimal]]:
    """The attempt whole, or an even share for each of its partitions; and which part of it that is."""
    count = len(spending.partition_keys)
    if not apart or count < 2:
        yield spending, Decimal(1)
        return
    for n, key in enumerate(spending.partition_keys):
        part = _even(Decimal(1), count, first=n == 0)
        yield _shared(spending, key, count, first=n == 0), part


def _shared(spending: Spending, key: str, count: int, *, first: bool) -> Spending:
    cost = spending.cost
    return replace(
        spending,
        partition_keys=(key,),
        forecast_usd=_even(spending.forecast_usd, count, first=first),
        hours=None if spending.hours is None else spending.hours / count,
        cost=None
        if cost is None
        else Cost(
            compute_usd=_even(cost.compute_usd, count, first=first),
            storage_usd=_even(cost.storage_usd, count, first=first),
            surcharge_usd=_even(cost.surcharge_usd, count, first=first),
            basis=cost.basis,
        ),
    )


def _even(whole: Decimal, count: int, *, first: bool) -> Decimal:
    share = (whole / count).quantize(_SHARE, rounding=ROUND_DOWN)
    return whole - share * (count - 1) if first else share


def _sum(of: Mapping[str, str], group: list[tuple[Spending, Decimal]]) -> Sum:
    by_basis: dict[str, Decimal] = {}
    costs = [(spending, spending.cost) for spending, _ in group if spending.cost is not None]
    for _, cost in costs:
        by_basis[str(cost.basis)] = by_basis.get(str(cost.basis), Decimal(0)) + cost.total_usd
    return Sum(
        of=of,
        attempts=sum((part for _, part in group), Decimal(0)),
        failed=sum((part for s, part in group if s.outcome is not Outcome.SUCCEEDED), Decimal(0)),
        unpriced=sum((part for s, part in group if s.cost is None), Decimal(0)),
        hours=sum(s.hours or 0.0 for s, _ in group),
        compute_usd=sum((cost.compute_usd for _, cost in costs), Decimal(0)),
        storage_usd=sum((cost.storage_usd for _, cost in costs), Decimal(0)),
        surcharge_usd=sum((cost.surcharge_usd for _, cost in costs), Decimal(0)),
        forecast_usd=sum((s.forecast_usd for s, _ in costs), Decimal(0)),
        by_basis=by_basis,
    )
