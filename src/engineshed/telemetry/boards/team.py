"""One team's runs."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, grown, quantile, total

TEAM = Board(
    uid="engineshed-team",
    title="engineshed / Team",
    description="One team's runs: outcomes, why they fail, how long they wait, what they read and publish.",
    rows=(
        Row(
            "Outcomes",
            (
                Panel(
                    title="Settled by outcome and location",
                    description="Attempts that ended in the hour before.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    queries=(
                        Query(
                            grown(m.ATTEMPTS, "code_location", "outcome", over="1h"), "{{code_location}}: {{outcome}}"
                        ),
                    ),
                ),
                Panel(
                    title="Failures by class",
                    description="user_code and configuration are the team's own; the others are tried elsewhere.",
                    unit=Unit.COUNT,
                    draw=Draw.BARS,
                    queries=(Query(grown(m.ATTEMPTS, "error_class", outcome="failed|cancelled"), "{{error_class}}"),),
                ),
            ),
        ),
        Row(
            "Time",
            (
                Panel(
                    title="Nine in ten attempts spent in each state at most",
                    description="A long queued or starting time is the engine's; a long running time is the job's.",
                    unit=Unit.SECONDS,
                    queries=(Query(quantile(0.9, m.STATE_SECONDS, "state", over="1h"), "{{state}}"),),
                ),
                Panel(
                    title="Queued runs",
                    description="Dagster runs that wait: for the queue's limits, a pool, or a worker.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    queries=(Query(total(m.QUEUED, "code_location"), "{{code_location}}"),),
                ),
            ),
        ),
        Row(
            "Data",
            (
                Panel(
                    title="Rows published",
                    description="By asset group, in the hour before.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    width=8,
                    queries=(Query(grown(m.ROWS, "asset_group", over="1h"), "{{asset_group}}"),),
                ),
                Panel(
                    title="Read and shuffled",
                    description="Bytes of settled attempts. Much more shuffle than input: look at the joins.",
                    unit=Unit.BYTES,
                    width=8,
                    queries=(
                        Query(grown(m.INPUT_BYTES, over="1h"), "read"),
                        Query(grown(m.SHUFFLE_BYTES, over="1h"), "shuffled"),
                    ),
                ),
                Panel(
                    title="Spilled to disk",
                    description="Any spill means that memory was short: ask for more, or for more partitions.",
                    unit=Unit.BYTES,
                    width=8,
                    warn=1,
                    queries=(Query(grown(m.SPILL_BYTES, "asset_group", over="1h"), "{{asset_group}}"),),
                ),
            ),
        ),
    ),
)
