"""Grafana's boards as data: which panels, over which metrics, and what a reader should see in each.

Every metric named here is one of the table (`telemetry.metrics`), every label one that it has; tests hold that, and run
every query. `make.grafana` makes Grafana's JSON of it; nothing here knows Grafana.
"""

from engineshed.telemetry.boards.cost import COST
from engineshed.telemetry.boards.fleet import FLEET
from engineshed.telemetry.boards.live import LIVE
from engineshed.telemetry.boards.messages import MESSAGES
from engineshed.telemetry.boards.panels import Board, Panel, Query, Row
from engineshed.telemetry.boards.platform import PLATFORM
from engineshed.telemetry.boards.team import TEAM

BOARDS = (FLEET, TEAM, COST, LIVE, MESSAGES, PLATFORM)

__all__ = ["BOARDS", "LIVE", "TEAM", "Board", "Panel", "Query", "Row"]
