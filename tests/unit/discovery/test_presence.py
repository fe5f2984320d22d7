"""A location comes when it is ready, stays through a rollout, and goes after the grace period."""

from __future__ import annotations

from collections.abc import Mapping

from tests.unit.discovery.objects import endpoint_slice, namespace, service

from engineshed.discovery.catalogue import Sighting, survey
from engineshed.discovery.listing import Listing
from engineshed.discovery.presence import Presence

SPACE = namespace("team-a", "a")
WEB = service("team-a", "web", "web_graph")


def _seen(*, ready: bool) -> Mapping[str, Sighting]:
    return survey([SPACE], [WEB], [endpoint_slice("team-a", "web", ready)]).sightings


def _listed(presence: Presence, now_s: float) -> bool | None:
    location = presence.listing(now_s).locations.get("web_graph")
    return location.listed if location else None


def test_it_is_listed_from_its_first_ready_endpoint() -> None:
    waiting = Presence(60).after(_seen(ready=False), 0)
    assert _listed(waiting, 0) is False
    assert _listed(waiting.after(_seen(ready=True), 5), 5) is True


def test_a_rollout_does_not_make_it_flicker() -> None:
    presence = Presence(60).after(_seen(ready=True), 0).after(_seen(ready=False), 10)
    assert _listed(presence, 59) is True
    assert _listed(presence.after(_seen(ready=True), 59), 100) is True


def test_a_server_that_stays_away_is_unlisted_but_known_for_its_runs() -> None:
    presence = Presence(60).after(_seen(ready=True), 0).after(_seen(ready=False), 61)
    assert _listed(presence, 61) is False


def test_a_service_that_is_gone_is_forgotten_after_the_grace_period() -> None:
    presence = Presence(60).after(_seen(ready=True), 0)
    assert _listed(presence.after({}, 59), 59) is True
    assert _listed(presence.after({}, 60), 60) is None


def test_a_restart_begins_the_grace_period_anew_and_lists_nothing_new() -> None:
    before = Presence(60).after(_seen(ready=True), 0).listing(0)
    after = Presence.remembered(before, 1000, 60)
    assert _listed(after.after({}, 1059), 1059) is True
    assert _listed(after.after({}, 1061), 1061) is None
    assert _listed(Presence.remembered(Listing(), 0, 60), 0) is None


def test_a_reinstalled_release_keeps_its_name_while_it_starts() -> None:
    again = dict(WEB, metadata={**WEB["metadata"], "uid": "another"})
    not_ready = survey([SPACE], [again], []).sightings
    presence = Presence(60).after(_seen(ready=True), 0).after(not_ready, 10)
    assert _listed(presence, 10) is True
    assert _listed(presence, 61) is False


def test_another_teams_service_does_not_inherit_readiness() -> None:
    other = survey([namespace("team-b", "b")], [service("team-b", "web", "web_graph")], []).sightings
    presence = Presence(60).after(_seen(ready=True), 0).after(other, 10)
    assert _listed(presence, 10) is False
