"""What engines cost, and how well it was foretold."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, grown, quantile

COST = Board(
    uid="engineshed-cost",
    title="engineshed / Engine and cost",
    description="What each engine costs, by part and basis, and how well it was foretold.",
    rows=(
        Row(
            "Dollars",
            (
                Panel(
                    title="Spent by engine",
                    description="In the time shown, failed attempts included.",
                    unit=Unit.USD,
                    draw=Draw.BARS,
                    width=8,
                    queries=(Query(grown(m.COST, "engine"), "{{engine}}"),),
                ),
                Panel(
                    title="Spent by part",
                    description="compute, storage and surcharge (EMR's fee, Databricks' units).",
                    unit=Unit.USD,
                    draw=Draw.BARS,
                    width=8,
                    queries=(Query(grown(m.COST, "part"), "{{part}}"),),
                ),
                Panel(
                    title="Basis of the figures",
                    description="metered is what the platform counted, billed what it charged, estimated neither.",
                    unit=Unit.USD,
                    draw=Draw.BARS,
                    width=8,
                    queries=(Query(grown(m.COST, "kind"), "{{kind}}"),),
                ),
            ),
        ),
        Row(
            "Forecast",
            (
                Panel(
                    title="Cost over forecast",
                    description="1 is right. A median far from 1: input or prices have changed.",
                    unit=Unit.RATIO,
                    warn=1.5,
                    alarm=2,
                    queries=(
                        Query(quantile(0.5, m.FORECAST_RATIO, "engine", over="1d"), "median {{engine}}"),
                        Query(quantile(0.9, m.FORECAST_RATIO, "engine", over="1d"), "nine in ten {{engine}}"),
                    ),
                ),
                Panel(
                    title="Foretold and spent",
                    description="Dollars of the attempts settled in the day before.",
                    unit=Unit.USD,
                    queries=(
                        Query(grown(m.FORECAST, over="1d"), "foretold"),
                        Query(grown(m.COST, over="1d"), "spent"),
                    ),
                ),
            ),
        ),
        Row(
            "Engines",
            (
                Panel(
                    title="Submit",
                    description="From intent to reply, nine in ten. Above a minute: it was refused and asked again.",
                    unit=Unit.SECONDS,
                    width=8,
                    warn=30,
                    alarm=60,
                    queries=(Query(quantile(0.9, m.SUBMIT_SECONDS, "engine", over="1h"), "{{engine}}"),),
                ),
                Panel(
                    title="Trouble with platforms",
                    description="Looks that failed and were repeated; bills that could not be had.",
                    unit=Unit.COUNT,
                    width=8,
                    queries=(
                        Query(grown(m.POLL_ERRORS, "engine", over="1h"), "look: {{engine}}"),
                        Query(grown(m.BILLING_ERRORS, "engine", over="1h"), "bill: {{engine}}"),
                    ),
                ),
                Panel(
                    title="Escalations",
                    description="memory: twice as much was asked for. on_demand: spot was taken away.",
                    unit=Unit.COUNT,
                    width=8,
                    queries=(Query(grown(m.ESCALATIONS, "kind", over="1h"), "{{kind}}"),),
                ),
            ),
        ),
    ),
)
