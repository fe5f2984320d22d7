"""What EMR is offered for: a cluster of the run's own, workers on demand or on spot; or an existing cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from engineshed.engines.emr.fleets import Priced, cheapest, disk_gib, holds_driver, priced, workers_wanted
from engineshed.engines.emr.names import NAME
from engineshed.engines.emr.settings import EmrBlock, EmrSettings
from engineshed.model.job import SparkJob
from engineshed.model.money import Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.ports.prices import PriceBook

ON_DEMAND, SPOT = "on_demand", "spot"
_EXISTING_START_S = 20.0


def offers(job: SparkJob, block: EmrBlock, settings: EmrSettings, book: PriceBook) -> Sequence[Offer | Rejection]:
    """One answer for each market, or for the existing cluster."""
    cluster = block.cluster or settings.cluster
    if cluster is not None:
        return (_on_existing(job, cluster),)
    kinds = [k for k in book.instances(NAME, settings.region) if k.architecture == settings.architecture]
    if not kinds:
        reason = f"the price book knows no {settings.architecture} machines of EMR in {settings.region}"
        return (Rejection(engine=NAME, code="no_machines", reason=f"{reason}: name a price_list that does"),)
    spot = settings.spot if block.spot is None else block.spot
    markets = (ON_DEMAND, SPOT) if spot else (ON_DEMAND,)
    return tuple(_in_market(job, market, settings, book) for market in markets)


def _in_market(job: SparkJob, market: str, settings: EmrSettings, book: PriceBook) -> Offer | Rejection:
    resources, kinds = job.resources, book.instances(NAME, settings.region)
    mine = [k for k in kinds if k.architecture == settings.architecture]
    counts = {k.name: n for k in mine if (n := workers_wanted(k, resources))}
    primaries, unknown = priced([k for k in mine if holds_driver(k, resources)], ON_DEMAND, settings, resources, book)
    fitting = [k for k in mine if k.name in counts]
    workers, more = priced(fitting, market, settings, resources, book)
    if market == SPOT:  # whichever type it is, one worker is on demand
        on_demand, also = priced(fitting, ON_DEMAND, settings, resources, book)
        workers = [one for one in workers if one.type in [other.type for other in on_demand]]
        more += also
    primary = cheapest(primaries, {p.type.name: 1 for p in primaries}, settings.types_a_fleet)
    fleet = cheapest(workers, counts, settings.types_a_fleet)
    if not primary or not fleet:
        why = (unknown + more) or [f"no machine holds {resources}"]
        code = "no_price" if unknown + more else "does_not_fit"
        return Rejection(engine=NAME, code=code, reason=f"{market}: {why[0]}", offer=market)
    return _offer(job, market, primary, fleet, counts, settings, book)


def _offer(
    job: SparkJob,
    market: str,
    primary: Sequence[Priced],
    fleet: Sequence[Priced],
    counts: dict[str, int],
    settings: EmrSettings,
    book: PriceBook,
) -> Offer:
    # A fleet takes whichever type there is room for, so the offer is priced at the dearest.
    first = max(primary, key=lambda one: one.total)
    dearest = max(fleet, key=lambda one: one.total * counts[one.type.name])
    count = counts[dearest.type.name]
    core, _ = priced([dearest.type], ON_DEMAND, settings, job.resources, book)
    spot = max(1, count - 1) if market == SPOT else 0
    parts = [(first, 1), (core[0] if spot else dearest, 1 if spot else count), (dearest, spot)]
    price = book.price(f"ec2:{dearest.type.name}", market, settings.region)
    rates = Rates(
        compute_usd_per_hour=sum((one.compute * n for one, n in parts), Decimal(0)),
        storage_usd_per_hour=sum((one.storage * n for one, n in parts), Decimal(0)),
        surcharge_usd_per_hour=sum((one.surcharge * n for one, n in parts), Decimal(0)),
        source=price.source,
        as_of=min(one.as_of for one, _ in parts),
    )
    best = fleet[0].type.name
    return Offer(
        engine=NAME,
        name=f"{counts[best]}x {best} {market.replace('_', ' ')}",
        resources=job.resources,
        rates=rates,
        cold_start_s=settings.cold_start_s,
        spot=market == SPOT,
        shape={
            "market": market,
            "primary": [_choice(p, 1, job, settings) for p in primary],
            "workers": [_choice(p, counts[p.type.name], job, settings) for p in fleet],
        },
    )


def _choice(one: Priced, count: int, job: SparkJob, settings: EmrSettings) -> dict[str, Any]:
    gib = disk_gib(one.type, settings, job.resources)
    return {"type": one.type.name, "count": count, "vcpus": one.type.vcpus, "disk_gib": gib}


def _on_existing(job: SparkJob, cluster: str) -> Offer:
    """Its machines are paid for by whoever keeps the cluster: a run adds nothing to that bill."""
    return Offer(
        engine=NAME,
        name=f"cluster {cluster}",
        resources=job.resources,
        rates=Rates(source="an existing cluster is paid for whether it works or not", as_of=None),
        cold_start_s=_EXISTING_START_S,
        shape={"cluster": cluster},
    )
