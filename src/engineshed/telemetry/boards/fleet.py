"""All teams and engines at a glance."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, grown, of, total

_SUCCEEDED = f"({grown(m.ATTEMPTS, outcome='succeeded')} or vector(0))"
_SETTLED = f"({grown(m.ATTEMPTS, outcome='succeeded|failed')} > 0)"

FLEET = Board(
    uid="engineshed-fleet",
    title="engineshed / Fleet",
    description="All teams and engines at a glance: what runs, what ends well, what it costs.",
    rows=(
        Row(
            "Now",
            (
                Panel(
                    title="Live attempts",
                    description="Runs that are not settled, on all engines.",
                    unit=Unit.COUNT,
                    draw=Draw.NUMBER,
                    width=6,
                    queries=(Query(f"sum({of(m.LIVE)}) or vector(0)"),),
                ),
                Panel(
                    title="Succeeded",
                    description="Share of the attempts settled that ended well. Below 95 %: see the team's board.",
                    unit=Unit.SHARE,
                    draw=Draw.NUMBER,
                    width=6,
                    warn=0.95,
                    alarm=0.8,
                    low_is_bad=True,
                    queries=(Query(f"{_SUCCEEDED} / {_SETTLED}"),),
                ),
                Panel(
                    title="Spent",
                    description="What the attempts settled in the time shown have cost, failed ones included.",
                    unit=Unit.USD,
                    draw=Draw.NUMBER,
                    width=6,
                    queries=(Query(f"{grown(m.COST)} or vector(0)"),),
                ),
                Panel(
                    title="Oldest queued run",
                    description="How long the queue's first run has waited. Above 15 minutes: limits or pools.",
                    unit=Unit.SECONDS,
                    draw=Draw.NUMBER,
                    width=6,
                    warn=300,
                    alarm=900,
                    queries=(Query(f"max({m.QUEUE_OLDEST.name}) or vector(0)"),),
                ),
            ),
        ),
        Row(
            "Runs",
            (
                Panel(
                    title="Live attempts by engine",
                    description="Where runs are now.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    queries=(Query(total(m.LIVE, "engine"), "{{engine}}"),),
                ),
                Panel(
                    title="Settled by outcome",
                    description="Attempts that ended, by how. The team's board tells failures apart by class.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    queries=(Query(grown(m.ATTEMPTS, "outcome", over="1h"), "{{outcome}}"),),
                ),
                Panel(
                    title="Spent by team",
                    description="Dollars of attempts settled in the hour before.",
                    unit=Unit.USD,
                    draw=Draw.STACKED,
                    queries=(Query(grown(m.COST, "team", over="1h"), "{{team}}"),),
                ),
                Panel(
                    title="Failed over and adopted",
                    description="Attempts after which another offer was tried, and runs that another worker took over.",
                    unit=Unit.COUNT,
                    queries=(
                        Query(grown(m.FAILOVERS, "error_class", over="1h"), "failed over: {{error_class}}"),
                        Query(grown(m.ADOPTIONS, over="1h"), "adopted"),
                    ),
                ),
            ),
        ),
    ),
)
