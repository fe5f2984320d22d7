"""Whether every word arrives."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, grown, per, quantile

MESSAGES = Board(
    uid="engineshed-messages",
    title="engineshed / Messages and readers",
    description="Whether every word of every driver arrives, once, and how soon.",
    rows=(
        Row(
            "Nothing lost",
            (
                Panel(
                    title="Lost",
                    description="Sequence numbers that never arrived. Must be 0: see the runbook.",
                    unit=Unit.COUNT,
                    draw=Draw.NUMBER,
                    width=6,
                    alarm=1,
                    queries=(Query(f"{grown(m.MESSAGES_LOST)} or vector(0)"),),
                ),
                Panel(
                    title="Damaged lines",
                    description="Lines of a channel that were no message.",
                    unit=Unit.COUNT,
                    draw=Draw.NUMBER,
                    width=6,
                    warn=1,
                    queries=(Query(f"{grown(m.MESSAGES_DAMAGED)} or vector(0)"),),
                ),
                Panel(
                    title="Broken channels",
                    description="Attempts whose channel was not read on. Their data is judged by the store alone.",
                    unit=Unit.COUNT,
                    draw=Draw.NUMBER,
                    width=6,
                    warn=1,
                    queries=(Query(f"{grown(m.CHANNELS_BROKEN)} or vector(0)"),),
                ),
                Panel(
                    title="Arrived twice",
                    description="Dropped before anybody saw them. Should be 0: a writer or reader repeats itself.",
                    unit=Unit.COUNT,
                    draw=Draw.NUMBER,
                    width=6,
                    alarm=1,
                    queries=(Query(f"{grown(m.MESSAGES_DUPLICATE)} or vector(0)"),),
                ),
            ),
        ),
        Row(
            "How soon",
            (
                Panel(
                    title="From the driver's call to the hand-over",
                    description="95 of 100 within 1.5 s is the promise. Clocks that differ show here too.",
                    unit=Unit.SECONDS,
                    warn=1.5,
                    alarm=5,
                    queries=(
                        Query(quantile(0.5, m.MESSAGE_SECONDS, "transport", over="15m"), "median {{transport}}"),
                        Query(quantile(0.95, m.MESSAGE_SECONDS, "transport", over="15m"), "95 of 100 {{transport}}"),
                    ),
                ),
                Panel(
                    title="Messages a second",
                    description="By transport.",
                    unit=Unit.RATE,
                    draw=Draw.STACKED,
                    queries=(Query(per(m.MESSAGES, "transport"), "{{transport}}"),),
                ),
            ),
        ),
    ),
)
