"""The loop of discovery: wait for a change, gather what comes with it, decide, write, tell the webserver."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engineshed.discovery.catalogue import Addressing, Catalogue, cluster_name, survey
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.listing import Listing
from engineshed.discovery.metrics import DiscoveryMetrics
from engineshed.discovery.presence import Presence
from engineshed.discovery.reloading import Reloader, Webserver
from engineshed.discovery.serving import Health
from engineshed.discovery.telling import Teller
from engineshed.discovery.view import ClusterView, Kind, Knowledge, Scope
from engineshed.discovery.watching import PAUSES, Pauses, Watches
from engineshed.discovery.writing import endpoints, read_listing, write_listing
from engineshed.model.errors import EngineshedError, PlatformBusy

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. A change waits for company until nothing came for `quiet_s`, but never longer than `at_most_s`."""

    grace_s: float = 60.0
    quiet_s: float = 0.3
    at_most_s: float = 2.0
    tick_s: float = 1.0


_TIMING = Timing()


class Sidecar:
    """Keeps the files of one folder, and the webserver that reads them, equal to the cluster."""

    def __init__(
        self,
        api: KubernetesApi,
        folder: Path,
        *,
        reload_url: str | None = None,
        addressing: Addressing = cluster_name,
        timing: Timing = _TIMING,
        pauses: Pauses = PAUSES,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics, self.health = DiscoveryMetrics(), Health()
        self._folder, self._addressing, self._timing, self._monotonic_s = folder, addressing, timing, monotonic_s
        self._view = ClusterView()
        self._watches = Watches(
            api, self._view, lambda kind, result: self.metrics.watch_trouble(kind.value, result), pauses
        )
        self._teller = Teller(api)
        self._presence = Presence.remembered(_remembered(folder), monotonic_s(), timing.grace_s)
        self._reloader = (
            Reloader(Webserver(reload_url), self._reloaded, on_versions=self.metrics.served) if reload_url else None
        )

    def run(self) -> None:
        """Until the process ends."""
        version = -1
        while True:
            seen = self._view.wait_past(version, self._timing.tick_s)
            version = self._turn(version, seen)

    def once(self, timeout_s: float) -> None:
        """Write both files as soon as the cluster is known whole. Raises PlatformBusy when it is not in time."""
        ends_s, version = self._monotonic_s() + timeout_s, -1
        while not self.health.is_ready:
            if self._monotonic_s() > ends_s:
                raise PlatformBusy(
                    f"the code locations could not be listed within {timeout_s:.0f} s: the log has what the API "
                    "server said; the account needs list and watch on namespaces."
                )
            seen = self._view.wait_past(version, min(self._timing.tick_s, 0.2))
            version = self._turn(version, seen)
        self._watches.stop()

    def _turn(self, before: int, seen: int) -> int:
        """One turn of the loop; the version of the view that it acted on."""
        self.health.beat()
        self._watches.follow()
        since_s = self._monotonic_s() if seen != before else None
        if since_s is not None and self.health.is_ready:
            seen = self._gather(seen, since_s)
            self._watches.follow()
        if self._view.is_complete:
            self._act(since_s)
        return seen

    def _gather(self, version: int, since_s: float) -> int:
        """Wait for the changes that come with the first one."""
        while (left_s := since_s + self._timing.at_most_s - self._monotonic_s()) > 0:
            newer = self._view.wait_past(version, min(self._timing.quiet_s, left_s))
            if newer == version:
                break
            version = newer
        return version

    def _act(self, since_s: float | None) -> None:
        catalogue = survey(
            self._view.objects(Kind.NAMESPACES),
            self._view.objects(Kind.SERVICES),
            self._view.objects(Kind.SLICES),
            self._addressing,
        )
        now_s = self._monotonic_s()
        self._presence = self._presence.after(catalogue.sightings, now_s)
        listing = self._presence.listing(now_s)
        self._write(listing, since_s)
        self._count(catalogue, listing)
        self._teller.tell(catalogue.findings, datetime.now(UTC))

    def _write(self, listing: Listing, since_s: float | None) -> None:
        try:
            written = write_listing(self._folder, listing, datetime.now(UTC).isoformat(timespec="seconds"))
        except (OSError, EngineshedError) as error:
            self.metrics.written("failed", None)
            _LOG.error("%s keeps its last good files: %s", self._folder, error)
            return
        self.health.is_ready = True
        self.metrics.succeeded(time.time())
        if written.workspace:
            self.metrics.written("changed", self._monotonic_s() - since_s if since_s is not None else None)
            _LOG.info("listed: %s", ", ".join(sorted(e[0] for e in endpoints(listing))) or "no code location")
        if self._reloader:
            self._reloader.want(endpoints(listing), written.workspace)

    def _count(self, catalogue: Catalogue, listing: Listing) -> None:
        states = Counter("listed" if each.listed else "unlisted" for each in listing.locations.values())
        known = [self._view.knowledge(Scope(Kind.SERVICES, n)) for n in self._view.namespaces()]
        permitted = Counter("not_permitted" if k is Knowledge.DENIED else "permitted" for k in known)
        self.metrics.catalogued(states, permitted, [finding.reason for finding in catalogue.findings])
        self.metrics.described(listing.locations.values())

    def _reloaded(self, result: str, lag_s: float) -> None:
        self.metrics.reloaded(result, lag_s, time.time())
        _LOG.info("reload of the webserver: %s after %.1f s", result, lag_s)


def _remembered(folder: Path) -> Listing:
    try:
        return read_listing(folder)
    except EngineshedError as error:
        _LOG.warning("%s", error)
        return Listing()
