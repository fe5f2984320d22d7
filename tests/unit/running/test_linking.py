"""A run leads to the platform's own pages and to its board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engineshed.model.errors import PlatformBusy
from engineshed.running.linking import links_of_settled
from engineshed.running.route import finish
from engineshed.telemetry.boards import BOARDS
from engineshed.testing.steps import RecordedStep

from .conftest import World

GRAFANA = "https://boards.example/"


class Listening(RecordedStep):
    """Keeps what events show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Any] = {}

    def event(self, text: str, metadata: Any) -> None:
        self.shown |= metadata


def board(link: str) -> tuple[str, dict[str, list[str]]]:
    """The uid, and what is asked of it."""
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc) == ("https", "boards.example")
    _, d, uid = parts.path.split("/")
    assert d == "d"
    return uid, parse_qs(parts.query)


def test_a_run_leads_to_the_board_of_live_runs_and_then_to_its_teams(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("emr",))
    shed, step = replace(world.shed, grafana_url=GRAFANA), Listening()
    begun = world.clock.now()
    result = finish(step, world.order, shed)
    (live, asked), (team, asked_then) = board(step.shown["board"]), board(result.links["board"])
    assert (live, team) == ("engineshed-live", "engineshed-team")
    assert {live, team} <= {one.uid for one in BOARDS}
    whose = {"var-team": ["web"], "var-code_location": ["web_graph"], "var-engine": ["emr"]}
    assert whose.items() <= asked.items()
    assert whose.items() <= asked_then.items()
    assert asked["to"] == ["now"]
    assert int(asked["from"][0]) == (begun - timedelta(minutes=5)).timestamp() * 1000
    assert int(asked_then["to"][0]) >= (world.clock.now() - timedelta(minutes=1)).timestamp() * 1000


def test_without_a_grafana_there_is_no_link(world: World) -> None:
    assert finish(RecordedStep(), world.order, world.shed).links == {}


def test_an_engine_that_cannot_say_where_its_pages_are_takes_no_board_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = finish(RecordedStep(), world.order, world.shed)
    shed = replace(world.shed, grafana_url=GRAFANA)
    attempt = shed.ledger.attempt(result.token)
    assert attempt is not None
    assert attempt.launch is not None

    def away(_: object) -> dict[str, str]:
        raise PlatformBusy("away.")

    monkeypatch.setattr(shed.engines["virtual"], "links", away)
    assert set(links_of_settled(attempt.intent, attempt.launch, shed)) == {"board"}
