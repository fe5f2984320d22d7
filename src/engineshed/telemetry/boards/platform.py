"""Code locations, queue, pools, and the exporter itself."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, grown, total

_RELEASES = (
    "max by (code_location, team, commit, version, image, digest, revision) (engineshed_discovery_location_info)"
)
_SERVERS = "max by (code_location, dagster, engineshed) (engineshed_discovery_location_server_info)"
_LOCATIONS = (
    f"{_RELEASES} * on (code_location) group_left (dagster, engineshed) {_SERVERS} "
    f"or ({_RELEASES} unless on (code_location) {_SERVERS})"
)
_ROLLED_OUT = "time() - max by (code_location) (engineshed_discovery_location_rollout_timestamp_seconds)"

PLATFORM = Board(
    uid="engineshed-platform",
    title="engineshed / Platform and discovery",
    description="Code locations, the queue, pools, orphans, and the exporter itself.",
    rows=(
        Row(
            "Code locations",
            (
                Panel(
                    title="Code locations",
                    description="unlisted: seen on the cluster, not shown by the web pages. See docs/discovery.md.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    width=8,
                    queries=(Query("max by (state) (engineshed_discovery_locations)", "{{state}}"),),
                ),
                Panel(
                    title="Skipped and not loaded",
                    description="Services that break a rule (an Event says which), and locations that do not load.",
                    unit=Unit.COUNT,
                    width=8,
                    warn=1,
                    queries=(
                        Query("sum(max by (reason) (engineshed_discovery_skipped))", "skipped"),
                        Query(
                            f"count({_RELEASES} unless on (code_location) {_SERVERS}) or vector(0)",
                            "not loaded",
                        ),
                    ),
                ),
                Panel(
                    title="From a change on the cluster to the web pages",
                    description="Nine in ten. Above 10 s: the web server is slow to reload, or the API server to tell.",
                    unit=Unit.SECONDS,
                    width=8,
                    warn=10,
                    alarm=60,
                    queries=(
                        Query(
                            "histogram_quantile(0.9, sum by (le, stage) "
                            "(rate(engineshed_discovery_lag_seconds_bucket[1h])))",
                            "{{stage}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "What each code location is",
            (
                Panel(
                    title="Release and code server",
                    description="By its release, and the versions that its server runs; none: it could not be loaded.",
                    unit=Unit.COUNT,
                    draw=Draw.TABLE,
                    width=16,
                    queries=(Query(_LOCATIONS),),
                ),
                Panel(
                    title="Since the last rollout",
                    description="Of each location's release. Older than a fix that it waits for: roll it out.",
                    unit=Unit.SECONDS,
                    draw=Draw.BARS,
                    width=8,
                    queries=(Query(_ROLLED_OUT, "{{code_location}}"),),
                ),
            ),
        ),
        Row(
            "Queue and pools",
            (
                Panel(
                    title="Queued runs",
                    description="By team.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    queries=(Query(total(m.QUEUED, "team"), "{{team}}"),),
                ),
                Panel(
                    title="Slots of pools",
                    description="claimed at the limit while pending grows: raise the limit or wait.",
                    unit=Unit.COUNT,
                    queries=(Query(f"sum by (pool, state) ({m.POOL_SLOTS.name})", "{{pool}} {{state}}"),),
                ),
            ),
        ),
        Row(
            "Housekeeping",
            (
                Panel(
                    title="Orphans ended",
                    description="Runs without a living step that the reaper has ended, by why. Any: see the runbook.",
                    unit=Unit.COUNT,
                    warn=1,
                    queries=(Query(grown(m.ORPHANS_ENDED, "reason", over="1h"), "{{reason}}"),),
                ),
                Panel(
                    title="Cancels",
                    description="Attempts whose end was asked for.",
                    unit=Unit.COUNT,
                    queries=(Query(grown(m.CANCELS, "reason", over="1h"), "{{reason}}"),),
                ),
            ),
        ),
        Row(
            "Exporter",
            (
                Panel(
                    title="Lag",
                    description="Age of the newest fact when counted. Above a minute: it cannot keep up.",
                    unit=Unit.SECONDS,
                    width=8,
                    warn=30,
                    alarm=60,
                    queries=(Query(m.EXPORTER_LAG.name, "lag"),),
                ),
                Panel(
                    title="Facts a second, and errors",
                    description="What the counters are made of.",
                    unit=Unit.RATE,
                    width=8,
                    queries=(
                        Query(f"rate({m.FACTS_READ.name}[$__rate_interval])", "facts"),
                        Query(
                            f"sum by (stage) (rate({m.EXPORTER_ERRORS.name}[$__rate_interval]))", "errors: {{stage}}"
                        ),
                    ),
                ),
                Panel(
                    title="Progress posts a second",
                    description="refused: the token is of no team. dropped: there are too many at once.",
                    unit=Unit.RATE,
                    draw=Draw.STACKED,
                    width=8,
                    queries=(Query(f"sum by (outcome) (rate({m.POSTS.name}[$__rate_interval]))", "{{outcome}}"),),
                ),
            ),
        ),
    ),
)
