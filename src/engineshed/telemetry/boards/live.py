"""What runs now."""

from __future__ import annotations

from engineshed.telemetry import metrics as m
from engineshed.telemetry.boards.panels import Board, Draw, Panel, Query, Row, Unit, of, total

LIVE = Board(
    uid="engineshed-live",
    title="engineshed / Live runs",
    description="What is running now, how far it is, and whether it still shows signs of life.",
    rows=(
        Row(
            "Progress",
            (
                Panel(
                    title="Attempts by state",
                    description="queued and starting wait for the platform.",
                    unit=Unit.COUNT,
                    draw=Draw.STACKED,
                    width=8,
                    queries=(Query(total(m.LIVE, "state"), "{{state}}"),),
                ),
                Panel(
                    title="Tasks done",
                    description="Share of the tasks that live attempts know of. Falls when a new stage begins.",
                    unit=Unit.SHARE,
                    width=8,
                    queries=(
                        Query(
                            f"{total(m.LIVE_TASKS_DONE, 'code_location', 'engine')} / "
                            f"{total(m.LIVE_TASKS_KNOWN, 'code_location', 'engine')}",
                            "{{code_location}} on {{engine}}",
                        ),
                    ),
                ),
                Panel(
                    title="Stages",
                    description="Done, of those that are known.",
                    unit=Unit.COUNT,
                    width=8,
                    queries=(
                        Query(f"sum({of(m.LIVE_STAGES_DONE)})", "done"),
                        Query(f"sum({of(m.LIVE_STAGES_KNOWN)})", "known"),
                    ),
                ),
            ),
        ),
        Row(
            "Signs of life",
            (
                Panel(
                    title="Quietest running attempt",
                    description="Since its last heartbeat. Above 2 minutes: its driver hangs or its channel is broken.",
                    unit=Unit.SECONDS,
                    warn=60,
                    alarm=120,
                    queries=(
                        Query(
                            f"max by (code_location, engine) ({of(m.HEARTBEAT_AGE)})", "{{code_location}} on {{engine}}"
                        ),
                    ),
                ),
                Panel(
                    title="Read, and spilled to disk",
                    description="By live attempts so far.",
                    unit=Unit.BYTES,
                    queries=(
                        Query(f"sum({of(m.LIVE_INPUT_BYTES)})", "read"),
                        Query(f"sum({of(m.LIVE_SPILL_BYTES)})", "spilled"),
                    ),
                ),
                Panel(
                    title="Rows written",
                    description="By live attempts so far; published only when they end well.",
                    unit=Unit.COUNT,
                    queries=(Query(total(m.LIVE_ROWS, "code_location"), "{{code_location}}"),),
                ),
                Panel(
                    title="Reserved",
                    description="What live attempts are forecast to cost: taken from their budgets for now.",
                    unit=Unit.USD,
                    draw=Draw.STACKED,
                    queries=(Query(total(m.LIVE_RESERVED, "team", "engine"), "{{team}} on {{engine}}"),),
                ),
            ),
        ),
    ),
)
