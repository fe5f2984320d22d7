"""From past runs to hours, from hours to dollars at today's prices. The basis is always said."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from engineshed.model.history import PastRun
from engineshed.model.money import Basis
from engineshed.model.offer import Offer
from engineshed.model.plan import Forecast


def forecast(offer: Offer, past: Sequence[PastRun], input_bytes: int | None) -> Forecast:
    """Hours by the median of this job's own successes on the offer, scaled by input bytes where both are known.

    Without history the hours are unknown and the basis is PRIOR; only the cold start is known then.
    """
    hours = [_scaled(run, input_bytes) for run in past if _counts(run, offer)]
    if not hours:
        return Forecast(hours=None, cost_usd=None, basis=Basis.PRIOR)
    expected = median(hours)
    if offer.rates is None:
        return Forecast(hours=expected, cost_usd=None, basis=Basis.HISTORY, runs=len(hours))
    rate = offer.rates.total_usd_per_hour
    return Forecast(
        hours=expected,
        cost_usd=_dollars(expected, rate),
        low_usd=_dollars(min(hours), rate),
        high_usd=_dollars(max(hours), rate),
        basis=Basis.HISTORY,
        runs=len(hours),
    )


def _counts(run: PastRun, offer: Offer) -> bool:
    return run.engine == offer.engine and run.offer == offer.name and run.failure_class is None


def _scaled(run: PastRun, input_bytes: int | None) -> float:
    if not run.input_bytes or not input_bytes:
        return run.hours
    return run.hours * input_bytes / run.input_bytes


def _dollars(hours: float, usd_per_hour: Decimal) -> Decimal:
    return (Decimal(repr(hours)) * usd_per_hour).quantize(Decimal("0.000001"))
