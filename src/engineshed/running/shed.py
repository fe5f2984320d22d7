"""Everything a route needs, in one frozen value: engines, channels, ledger, datasets, prices, clock and cadence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engineshed.model.budget import Room
from engineshed.planning.ageing import MAX_AGE_DAYS
from engineshed.ports.channel import Channel
from engineshed.ports.clock import Clock
from engineshed.ports.engine import Engine
from engineshed.ports.ledger import Ledger
from engineshed.ports.meter import Meter, Silent
from engineshed.ports.prices import PriceBook
from engineshed.running.exchange import Exchange
from engineshed.running.staging import Staging
from engineshed.storage.datasets import Datasets


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often the route looks, in seconds, and how patient it is.

    lease_s: how long a lease holds without renewal: what a successor waits for after a worker's death.
    drain_s: how long messages may trail a final platform state before the channel counts as broken; away_s: how long a
    channel that does not answer is waited for then.
    cancel_s: how long the end of a cancelled run is awaited.
    room_s: how often an engine that is full is looked at again.
    submit_tries: how often a transient submit error is repeated before the next offer.
    """

    messages_s: float = 0.2
    status_s: float = 1.0
    run_state_s: float = 5.0
    lease_s: float = 20.0
    drain_s: float = 15.0
    away_s: float = 600.0
    cancel_s: float = 15.0
    progress_s: float = 5.0
    busy_s: float = 30.0
    room_s: float = 5.0
    submit_tries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """The collaborators of the route.

    datasets: where steps publish. sources: where upstream commits are read, elsewhere only for a reproduction.
    exchange: where code and data files go for drivers that share no files with this machine; None where none is set.
    environments: engine -> folder of the Python packages packed for it.
    store: how drivers reach the object store (`endpoint_url`, `region`).
    rooms: how many runs engines may carry at once.
    grafana_url: where the boards are; empty where no Grafana is known.
    rejected, rejected_channels: the engines and channels that could not be built, and why.
    prices_max_age_days: older prices are said to be.
    """

    engines: Mapping[str, Engine]
    channels: Mapping[str, Channel]
    ledger: Ledger
    datasets: Datasets
    sources: Datasets
    staging: Staging
    prices: PriceBook
    clock: Clock
    exchange: Exchange | None = None
    environments: Mapping[str, Path] = field(default_factory=dict)
    store: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    rejected_channels: Mapping[str, str] = field(default_factory=dict)
    rooms: tuple[Room, ...] = ()
    prices_max_age_days: int = MAX_AGE_DAYS
    meter: Meter = field(default_factory=Silent)
    grafana_url: str = ""
    cadence: Cadence = field(default_factory=Cadence)
