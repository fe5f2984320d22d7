"""From settings to a shed: the only place where the pieces are put together."""

from __future__ import annotations

import sys
from pathlib import Path

from engineshed.model.budget import Room
from engineshed.model.errors import SettingInvalid
from engineshed.ports.clock import Clock
from engineshed.ports.engine import Surroundings
from engineshed.ports.meter import Meter, Silent
from engineshed.ports.prices import Price
from engineshed.prices.books import Books
from engineshed.prices.own import OwnPrices
from engineshed.prices.snapshot import SnapshotPrices
from engineshed.running.driver_file import driver_file
from engineshed.running.exchange import Exchange
from engineshed.running.price_lists import price_list
from engineshed.running.roster import build_roster
from engineshed.running.settings import LocationSettings, PlatformSettings
from engineshed.running.shed import Cadence, Shed
from engineshed.running.staging import Staging
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store
from engineshed.telemetry.posting import Poster


def open_shed(
    location: LocationSettings,
    platform: PlatformSettings,
    *,
    home: Path,
    data_root: str,
    clock: Clock | None = None,
    cadence: Cadence | None = None,
) -> Shed:
    """The shed that these settings describe. `home` is made when it is missing. Raises SettingInvalid, ExtraMissing."""
    clock = clock or SystemClock()
    _make(home)
    store = location.store.model_dump(exclude_none=True)
    shared = "://" in data_root or data_root.startswith("/Volumes/")
    exchange_root = location.exchange_root or (f"{data_root}/_exchange" if shared else "")
    surroundings = Surroundings(
        home=str(home),
        python=sys.executable,
        clock=clock,
        team=location.team,
        code_location=location.code_location,
        exchange=open_store(exchange_root, store) if exchange_root else None,
        exchange_access=store,
        open_store=lambda root: open_store(root, store),
    )
    driver = driver_file()
    roster = build_roster(location.engines, location.channels, surroundings)
    datasets = Datasets(open_store(data_root, store), clock)
    return Shed(
        engines=roster.engines,
        channels=roster.channels,
        store=store,
        rejected=roster.rejected,
        rejected_channels=roster.rejected_channels,
        ledger=open_ledger(platform.ledger_url or f"sqlite:///{home / 'ledger.db'}"),
        datasets=datasets,
        sources=datasets,
        staging=Staging(open_store(str(home / "staging"), {}), driver),
        exchange=None if surroundings.exchange is None else Exchange(surroundings.exchange, driver, clock),
        environments={name: Path(folder) for name, folder in location.environments.items()},
        prices=Books([own_prices(platform), listed_prices(platform)]),
        clock=clock,
        prices_max_age_days=platform.prices_max_age_days,
        rooms=_rooms(location, platform),
        meter=_meter(platform),
        grafana_url=platform.grafana_url,
        cadence=cadence or Cadence(),
    )


def own_prices(platform: PlatformSettings) -> OwnPrices:
    """The price book that platform.yaml states."""
    return OwnPrices(
        Price(item=item, market=p.market, usd_per_hour=p.usd_per_hour, source=p.source, as_of=p.as_of)
        for item, p in platform.prices.items()
    )


def listed_prices(platform: PlatformSettings) -> SnapshotPrices:
    """The price list that platform.yaml names, else the shipped one. Raises SettingInvalid."""
    return SnapshotPrices(*price_list(platform))


def _rooms(location: LocationSettings, platform: PlatformSettings) -> tuple[Room, ...]:
    for_all = (Room(engine, most) for engine, most in platform.limits.items())
    return (*for_all, *(Room(engine, most, location.team) for engine, most in location.limits.items()))


def _meter(platform: PlatformSettings) -> Meter:
    if not platform.exporter_url:
        return Silent()
    file = Path(platform.exporter_token_file) if platform.exporter_token_file else None
    return Poster(platform.exporter_url, file)


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingInvalid(
            f"the home folder {home} cannot be made ({error.strerror}): name one that this user can write by "
            "$ENGINESHED_HOME, or by `home` in location.yaml."
        ) from error
