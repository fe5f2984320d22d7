"""Recording rules and alerts, as values; `as_rules` makes Prometheus' file of them.

An alert tells a person to act, says what is wrong with whom, and names a page that says what to do. What mends itself
(a failover, a message that came twice) is on the boards, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engineshed.telemetry import metrics as m

OBJECTIVE = 0.95
"""Of a team's attempts so many are to end well, over thirty days."""

RUNBOOKS = "docs/runbooks"

_WINDOWS = ("5m", "30m", "1h", "6h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series that alerts and boards read."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """severity: `critical` wakes somebody, `warning` waits for the day. lasting: for how long it must hold."""

    name: str
    expr: str
    lasting: str
    severity: str
    summary: str
    runbook: str
    labels: dict[str, str] = field(default_factory=dict)


def _grown(metric: m.Metric, by: str, window: str, matching: str = "") -> str:
    """By how much a counter grew over the window, its first value included.

    `increase` alone takes the first value that it sees for the start, so that the first failure of a kind, often the
    only one, is none. Our counters do not restart with the exporter: where it was scraped a window ago, now less then
    is the growth, and a series that was not there then began at 0. Elsewhere `increase` has to do. `max`: two exporters
    of a moment tell the same.
    """
    series = f"{metric.name}{{{matching}}}" if matching else metric.name
    labels = ", ".join(metric.labels)
    now = f"sum by ({by}) (max by ({labels}) ({series}))"
    then = f"sum by ({by}) (max by ({labels}) ({series} offset {window}))"
    grown = f"(({now} - ({then} or 0 * {now})) and on () {m.EXPORTER_LAG.name} offset {window})"
    return f"({grown} or sum by ({by}) (increase({series}[{window}])))"


def _failed(window: str) -> Recording:
    """A team's share of failed attempts; cancelled ones are neither good nor bad."""
    bad = _grown(m.ATTEMPTS, "team", window, 'outcome="failed"')
    all_ = _grown(m.ATTEMPTS, "team", window, 'outcome=~"succeeded|failed"')
    return Recording(name=f"team:engineshed_attempts_failed:ratio_rate{window}", expr=f"{bad} / {all_}")


RECORDINGS = tuple(_failed(window) for window in _WINDOWS)


def _burning(factor: float, short: str, long: str) -> str:
    """Both windows: the long one says that it matters, the short one that it still goes on."""
    limit = f"{factor * (1 - OBJECTIVE):g}"
    return f"{_failed(long).name} > {limit} and {_failed(short).name} > {limit}"


ALERTS = (
    Alert(
        name="EngineshedObjectiveBurnsFast",
        expr=_burning(14.4, "5m", "1h"),
        lasting="2m",
        severity="critical",
        summary="Team {{ $labels.team }}: {{ $value | humanizePercentage }} of the attempts of the last hour failed.",
        runbook="objective-burns",
    ),
    Alert(
        name="EngineshedObjectiveBurns",
        expr=_burning(6, "30m", "6h"),
        lasting="15m",
        severity="warning",
        summary="Team {{ $labels.team }}: {{ $value | humanizePercentage }} of the attempts of six hours failed.",
        runbook="objective-burns",
    ),
    Alert(
        name="EngineshedRunsFail",
        expr=_grown(
            m.ATTEMPTS,
            "team, engine, error_class",
            "30m",
            'outcome="failed", error_class=~"authorisation|configuration"',
        )
        + " >= 3",
        lasting="0m",
        severity="warning",
        summary="Team {{ $labels.team }} on {{ $labels.engine }}: attempts fail by {{ $labels.error_class }}.",
        runbook="runs-fail",
    ),
    Alert(
        name="EngineshedBudgetExceeded",
        expr=(
            f"{_grown(m.COST, 'team', '1d')} > 1.5 * {_grown(m.FORECAST, 'team', '1d')} "
            f"and {_grown(m.COST, 'team', '1d')} > 1"
        ),
        lasting="15m",
        severity="warning",
        summary="Team {{ $labels.team }} has spent ${{ $value | humanize }} in a day, half as much again as foretold.",
        runbook="budget-exceeded",
    ),
    Alert(
        name="EngineshedForecastOff",
        expr=(
            f"(histogram_quantile(0.5, sum by (le, team, engine) (rate({m.FORECAST_RATIO.name}_bucket[1d]))) > 2 or "
            f"histogram_quantile(0.5, sum by (le, team, engine) (rate({m.FORECAST_RATIO.name}_bucket[1d]))) < 0.5) "
            f"and sum by (team, engine) (increase({m.FORECAST_RATIO.name}_count[1d])) >= 5"
        ),
        lasting="1h",
        severity="warning",
        summary="Runs of {{ $labels.team }} on {{ $labels.engine }} cost {{ $value | humanize }} times the forecast.",
        runbook="forecast-off",
    ),
    Alert(
        name="EngineshedMessagesLost",
        expr=f"{_grown(m.MESSAGES_LOST, 'transport', '15m')} > 0",
        lasting="0m",
        severity="critical",
        summary="{{ $value | humanize }} messages by {{ $labels.transport }} never arrived.",
        runbook="messages-lost",
    ),
    Alert(
        name="EngineshedHeartbeatMissing",
        expr=f"max by (team, code_location, engine) ({m.HEARTBEAT_AGE.name}) > 180",
        lasting="2m",
        severity="warning",
        summary="A run of {{ $labels.code_location }} is silent for {{ $value | humanizeDuration }}.",
        runbook="heartbeat-missing",
    ),
    Alert(
        name="EngineshedOrphansLive",
        expr=f"{_grown(m.ORPHANS_ENDED, 'team, engine', '1h')} > 0",
        lasting="0m",
        severity="warning",
        summary="{{ $value | humanize }} runs of team {{ $labels.team }} on {{ $labels.engine }} had no living step.",
        runbook="orphans-live",
    ),
    Alert(
        name="EngineshedLocationGone",
        expr=(
            'max(engineshed_discovery_locations{state="listed"}) '
            '< max(max_over_time(engineshed_discovery_locations{state="listed"}[1h]))'
        ),
        lasting="10m",
        severity="warning",
        summary="{{ $value | humanize }} code locations are listed, fewer than an hour ago.",
        runbook="location-gone",
    ),
    Alert(
        name="EngineshedExporterBehind",
        expr=f"{m.EXPORTER_LAG.name} > 60 or absent({m.FACTS_READ.name})",
        lasting="5m",
        severity="warning",
        summary="The exporter is behind or away: boards and alerts show what was, not what is.",
        runbook="exporter-behind",
    ),
)


def as_rules() -> dict[str, Any]:
    """Prometheus' rule file, and the `spec` of a PrometheusRule."""
    return {
        "groups": [
            {
                "name": "engineshed-recordings",
                "interval": "1m",
                "rules": [{"record": r.name, "expr": r.expr} for r in RECORDINGS],
            },
            {"name": "engineshed-alerts", "rules": [_alert(a) for a in ALERTS]},
        ]
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasting,
        "labels": {"severity": alert.severity, **alert.labels},
        "annotations": {"summary": alert.summary, "runbook": f"{RUNBOOKS}/{alert.runbook}.md"},
    }
