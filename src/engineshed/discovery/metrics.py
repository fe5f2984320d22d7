"""The metrics of discovery and of the provisioner; docs/discovery.md lists them.

Labels come from closed sets: a state, a result, a reason. Never a name that a team chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engineshed.discovery.catalogue import REASONS

LOCATION_STATES = ("listed", "unlisted")
NAMESPACE_STATES = ("permitted", "not_permitted")
RELOAD_RESULTS = ("ok", "differs", "refused", "failed")
WATCH_RESULTS = ("denied", "expired", "failed")
PROVISION_STATES = ("current", "waiting", "not_permitted", "foreign", "failed")

_LAG_BUCKETS_S = (0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 30, 60, 120, 300)


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
        for result in ("changed", "failed"):
            self._writes.labels(result)
        for result in RELOAD_RESULTS:
            self._reloads.labels(result)

    def catalogued(self, locations: Mapping[str, int], namespaces: Mapping[str, int], reasons: Iterable[str]) -> None:
        """The state after one look."""
        _set(self._locations, LOCATION_STATES, locations)
        _set(self._namespaces, NAMESPACE_STATES, namespaces)
        _set(self._skipped, REASONS, _counts(reasons))

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


def _counts(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _set(gauge: Gauge, labels: Iterable[str], values: Mapping[str, int]) -> None:
    for label in labels:
        gauge.labels(label).set(values.get(label, 0))
