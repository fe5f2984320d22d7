"""Where people go from a run: the platform's own pages, and the board in Grafana that is narrowed to this run's kin.

Labels of metrics name no run, so that the board shows the runs of its team, location and engine in the run's own time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from engineshed.model.errors import EngineshedError
from engineshed.model.launch import Intent, Launch
from engineshed.running.shed import Shed
from engineshed.telemetry.boards import LIVE, TEAM, Board

_AROUND = timedelta(minutes=5)
"""What is shown before and after the run."""


def links_of_live(intent: Intent, launch: Launch, shed: Shed) -> dict[str, str]:
    """While it runs: what the engine gives, and the board of live runs."""
    return {**_foreign(intent, launch, shed), **_board(LIVE, intent, shed, launch.submitted_at, None)}


def links_of_settled(intent: Intent, launch: Launch, shed: Shed) -> dict[str, str]:
    """When it is over: what the engine gives, and the team's board."""
    return {**_foreign(intent, launch, shed), **_board(TEAM, intent, shed, launch.submitted_at, shed.clock.now())}


def _foreign(intent: Intent, launch: Launch, shed: Shed) -> dict[str, str]:
    try:
        return dict(shed.engines[intent.engine].links(launch))
    except EngineshedError:
        return {}


def _board(board: Board, intent: Intent, shed: Shed, begun: datetime, ended: datetime | None) -> dict[str, str]:
    if not shed.grafana_url:
        return {}
    asked = {
        "var-team": intent.team,
        "var-code_location": intent.code_location,
        "var-engine": intent.engine,
        "from": _milliseconds(begun - _AROUND),
        "to": _milliseconds(ended + _AROUND) if ended else "now",
    }
    return {"board": f"{shed.grafana_url.rstrip('/')}/d/{board.uid}?{urlencode(asked)}"}


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
