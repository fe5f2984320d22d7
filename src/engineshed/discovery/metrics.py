"""The metrics of discovery and of the provisioner; docs/discovery.md lists them.

Labels come from closed sets: a state, a result, a reason. Names that a team chooses stand in the metrics of `described`
alone, one series a location that is there, so that the rules for names and the limit of Services bound them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engineshed.discovery.catalogue import REASONS
from engineshed.discovery.listing import CodeLocation
from engineshed.discovery.rollout import seconds_of

LOCATION_STATES = ("listed", "unlisted")
NAMESPACE_STATES = ("permitted", "not_permitted")
RELOAD_RESULTS = ("ok", "differs", "refused", "failed")
WATCH_RESULTS = ("denied", "expired", "failed")
PROVISION_STATES = ("current", "waiting", "not_permitted", "foreign", "failed")

LOCATION_FACTS = ("code_location", "team", "commit", "version", "image", "digest", "revision")
SERVER_FACTS = ("code_location", "dagster", "engineshed")

_LAG_BUCKETS_S = (0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 30, 60, 120, 300)


class _Descriptions(Collector):
    """What each location is. Kept as values and told whole, so that no scrape falls between clearing and setting."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.locations: tuple[CodeLocation, ...] = ()
        self.versions: Mapping[str, Mapping[str, str]] = {}

    def collect(self) -> Iterable[Metric]:
        """One series a location; 1 where the labels are all that is told."""
        release = GaugeMetricFamily(
            f"{self._prefix}location_info", "What a code location's release says that it is.", labels=LOCATION_FACTS
        )
        server = GaugeMetricFamily(
            f"{self._prefix}location_server_info",
            "What a location's code server says it runs.",
            labels=SERVER_FACTS,
        )
        rollout = GaugeMetricFamily(
            f"{self._prefix}location_rollout_timestamp_seconds",
            "When a code location's release last wrote its Service.",
            labels=("code_location", "team"),
        )
        for one in self.locations:
            release.add_metric(_facts(one), 1)
            if rolled_out := one.shown.get("rolled_out"):
                rollout.add_metric((one.name, one.team), seconds_of(rolled_out))
        for name, libraries in sorted(self.versions.items()):
            if libraries:
                server.add_metric((name, libraries.get("dagster", ""), libraries.get("engineshed", "")), 1)
        return (release, server, rollout)


class DiscoveryMetrics:
    """What one sidecar counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name, into = "engineshed_discovery_", self.registry
        self._locations = Gauge(name + "locations", "Code locations known, by state.", ["state"], registry=into)
        self._namespaces = Gauge(
            name + "namespaces", "Namespaces of teams, by whether they let us read.", ["state"], registry=into
        )
        self._skipped = Gauge(
            name + "skipped",
            "Services and namespaces that are skipped now, by reason.",
            ["reason"],
            registry=into,
        )
        self._writes = Counter(name + "writes", "Writes of the workspace, by result.", ["result"], registry=into)
        self._reloads = Counter(name + "reloads", "Reloads of the webserver, by result.", ["result"], registry=into)
        self._troubles = Counter(
            name + "watch_errors",
            "Troubles of watches, by kind and result.",
            ["kind", "result"],
            registry=into,
        )
        self._success = Gauge(
            name + "last_success_timestamp_seconds",
            "When the files were last known to be what the cluster says.",
            registry=into,
        )
        self._reloaded = Gauge(
            name + "last_reload_timestamp_seconds", "When the webserver last reloaded well.", registry=into
        )
        self._lag = Histogram(
            name + "lag_seconds",
            "From the first sight of a change to the file written (stage write) and the webserver reloaded (reload).",
            ["stage"],
            buckets=_LAG_BUCKETS_S,
            registry=into,
        )
        self._descriptions = _Descriptions(name)
        into.register(self._descriptions)
        for result in ("changed", "failed"):
            self._writes.labels(result)
        for result in RELOAD_RESULTS:
            self._reloads.labels(result)

    def catalogued(self, locations: Mapping[str, int], namespaces: Mapping[str, int], reasons: Iterable[str]) -> None:
        """The state after one look."""
        _set(self._locations, LOCATION_STATES, locations)
        _set(self._namespaces, NAMESPACE_STATES, namespaces)
        _set(self._skipped, REASONS, _counts(reasons))

    def described(self, locations: Iterable[CodeLocation]) -> None:
        """The locations that are known now."""
        self._descriptions.locations = tuple(locations)

    def served(self, versions: Mapping[str, Mapping[str, str]]) -> None:
        """What the code servers say: location -> library -> version. Told where there is a webserver to ask."""
        self._descriptions.versions = versions

    def written(self, result: str, lag_s: float | None) -> None:
        """A write: `changed` or `failed`."""
        self._writes.labels(result).inc()
        if lag_s is not None:
            self._lag.labels("write").observe(lag_s)

    def succeeded(self, now_s: float) -> None:
        """The files are what the cluster says."""
        self._success.set(now_s)

    def reloaded(self, result: str, lag_s: float, now_s: float) -> None:
        """A reload: one of RELOAD_RESULTS."""
        self._reloads.labels(result).inc()
        if result == "ok":
            self._reloaded.set(now_s)
            self._lag.labels("reload").observe(lag_s)

    def watch_trouble(self, kind: str, result: str) -> None:
        """A trouble of a watch: one of WATCH_RESULTS."""
        self._troubles.labels(kind, result).inc()

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)


class ProvisionMetrics:
    """What the provisioner counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name, into = "engineshed_provision_", self.registry
        self._namespaces = Gauge(name + "namespaces", "Namespaces of teams, by state.", ["state"], registry=into)
        self._writes = Counter(name + "writes", "Objects written, by kind.", ["kind"], registry=into)
        self._success = Gauge(
            name + "last_success_timestamp_seconds", "When a whole round last went well.", registry=into
        )
        for kind in ("ConfigMap", "Secret"):
            self._writes.labels(kind)

    def round(self, states: Iterable[str], now_s: float | None) -> None:
        """A round over all namespaces; `now_s` when it went well."""
        _set(self._namespaces, PROVISION_STATES, _counts(states))
        if now_s is not None:
            self._success.set(now_s)

    def wrote(self, kind: str) -> None:
        """An object was written."""
        self._writes.labels(kind).inc()

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)


def _facts(one: CodeLocation) -> tuple[str, ...]:
    image, _, digest = one.image.partition("@")
    told = [one.shown.get(name, "") for name in ("commit", "version", "revision")]
    return (one.name, one.team, told[0], told[1], image, digest, told[2])


def _counts(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _set(gauge: Gauge, labels: Iterable[str], values: Mapping[str, int]) -> None:
    for label in labels:
        gauge.labels(label).set(values.get(label, 0))
