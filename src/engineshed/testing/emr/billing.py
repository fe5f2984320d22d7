"""What was asked for and what it costs: every cluster and step submitted, and every machine from when to when.

EC2 bills a machine by the second from its start to its end, with a minimum of a minute; so does EMR its surcharge;
EBS bills volumes by the second of a month of 30 days. Prices are the caller's: nothing here knows one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from engineshed.testing.emr.records import Cluster, Instance

_HOUR_S = Decimal(3600)
_MONTH_S = Decimal(30 * 24 * 3600)
_LEAST_S = Decimal(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedStep:
    """One step as it was asked for, and how it stands."""

    id: str
    name: str
    args: tuple[str, ...]
    state: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedCluster:
    """One cluster as it was asked for (`request` is the body of its RunJobFlow), and how it stands."""

    id: str
    name: str
    tags: Mapping[str, str]
    state: str
    request: Mapping[str, Any]
    steps: tuple[SubmittedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledInstance:
    """One machine and its time; `end` is None while it is billed."""

    cluster_id: str
    instance_id: str
    ec2_id: str
    fleet: str
    instance_type: str
    market: str
    ebs_gib: int
    start: datetime
    end: datetime | None

    def seconds(self, now: datetime) -> Decimal:
        """Billed so far, exact to the microsecond."""
        passed = (self.end or now) - self.start
        exact = Decimal(passed.days * 86_400 + passed.seconds) + Decimal(passed.microseconds) / 1_000_000
        return max(exact, _LEAST_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD. compute: an hour of a machine by (type, market). surcharge: an hour of EMR by type. ebs_gib_month: of a
    GiB.
    """

    compute: Mapping[tuple[str, str], Decimal]
    surcharge: Mapping[str, Decimal] = field(default_factory=dict)
    ebs_gib_month: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """USD by the columns of a bill."""

    compute: Decimal
    surcharge: Decimal
    storage: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.compute + self.surcharge + self.storage


def submitted(clusters: Iterable[Cluster]) -> list[SubmittedCluster]:
    """In the order in which they were asked for."""
    return [
        SubmittedCluster(
            id=cluster.id,
            name=cluster.name,
            tags=dict(cluster.tags),
            state=cluster.state,
            request=cluster.request,
            steps=tuple(
                SubmittedStep(id=s.id, name=str(s.config["Name"]), args=s.args, state=s.state, request=s.config)
                for s in cluster.steps
            ),
        )
        for cluster in clusters
    ]


def billed(clusters: Iterable[Cluster]) -> list[BilledInstance]:
    """Every machine that EC2 ever handed over."""
    return [_billed(cluster.id, instance) for cluster in clusters for instance in cluster.instances]


def _billed(cluster_id: str, instance: Instance) -> BilledInstance:
    return BilledInstance(
        cluster_id=cluster_id,
        instance_id=instance.id,
        ec2_id=instance.ec2_id,
        fleet=instance.fleet.kind,
        instance_type=instance.instance_type,
        market=instance.market,
        ebs_gib=sum(volume.size_gib for volume in instance.volumes),
        start=instance.created_at,
        end=instance.ended_at,
    )


def bill(instances: Iterable[BilledInstance], prices: Prices, now: datetime) -> Bill:
    """What those machines cost until now. Raises KeyError for a machine without a price."""
    compute = surcharge = storage = Decimal(0)
    for instance in instances:
        seconds = instance.seconds(now)
        compute += prices.compute[instance.instance_type, instance.market] * seconds / _HOUR_S
        surcharge += prices.surcharge.get(instance.instance_type, Decimal(0)) * seconds / _HOUR_S
        storage += prices.ebs_gib_month * instance.ebs_gib * seconds / _MONTH_S
    return Bill(compute=compute, surcharge=surcharge, storage=storage)
