"""Watches outlive refusals, expiry and a lost API server, and keep what they know meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.discovery.objects import namespace, service

from engineshed.discovery.view import ClusterView, Kind, Knowledge, Scope
from engineshed.discovery.watching import Pauses, Watches
from engineshed.model.errors import AccessDenied, PlatformBusy

QUICK = Pauses(again_s=0.01, denied_s=0.02, failed_s=0.01, failed_at_most_s=0.05)


@dataclass
class ApiServer:
    """Answers a list by what it holds now, and a watch by what the test says next."""

    spaces: list[Any] = field(default_factory=lambda: [namespace("team-a", "a")])
    services: list[Any] = field(default_factory=list)
    trouble: Exception | None = None
    events: list[Any] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    watches: int = 0

    def list(self, path: str, selector: str) -> tuple[list[Any], str]:
        if path.endswith("/namespaces"):
            return self.spaces, "1"
        if self.trouble:
            raise self.trouble
        return (self.services if path.endswith("/services") else []), "1"

    def watch(self, path: str, selector: str, version: str) -> Iterator[Any]:
        self.watches += 1
        while not self.gone.wait(0.01):
            if self.trouble and "services" in path:
                raise self.trouble
            while path.endswith("/services") and self.events:
                yield self.events.pop(0)


def _until(true: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


_BEGUN: list[Watches] = []


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    """What goes on after its test takes its time from all that follow."""
    yield
    while _BEGUN:
        _BEGUN.pop().stop()


def _watched(api: ApiServer) -> tuple[ClusterView, Counter[str], Watches]:
    view, troubles = ClusterView(), Counter[str]()
    watches = Watches(api, view, lambda kind, result: troubles.update([f"{kind.value} {result}"]), QUICK)  # type: ignore[arg-type]
    _BEGUN.append(watches)
    _until(view.namespaces)
    watches.follow()
    return view, troubles, watches


def _names(view: ClusterView) -> set[str]:
    return {each["metadata"]["name"] for each in view.objects(Kind.SERVICES)}


SCOPE = Scope(Kind.SERVICES, "team-a")


def test_a_namespace_that_is_not_yet_permitted_is_asked_again() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")], trouble=AccessDenied("403"))
    view, troubles, _ = _watched(api)
    _until(lambda: view.knowledge(SCOPE) is Knowledge.DENIED and view.is_complete)
    assert _names(view) == set()
    api.trouble = None
    _until(lambda: _names(view) == {"web"})
    assert troubles["services denied"] >= 1
    api.gone.set()


def test_a_right_that_is_withdrawn_takes_its_objects_along() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")])
    view, _, _ = _watched(api)
    _until(lambda: _names(view) == {"web"})
    api.trouble = AccessDenied("403")
    _until(lambda: _names(view) == set())
    api.gone.set()


def test_a_lost_api_server_takes_nothing_along() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")])
    view, troubles, _ = _watched(api)
    _until(lambda: _names(view) == {"web"})
    api.trouble = PlatformBusy("away")
    _until(lambda: troubles["services failed"] >= 3)
    assert _names(view) == {"web"}
    api.services, api.trouble = [service("team-a", "new", "n")], None
    _until(lambda: _names(view) == {"new"})
    api.gone.set()


def test_a_server_that_ends_every_watch_at_once_is_not_overrun() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")])
    api.gone.set()
    view, _, _ = _watched(api)
    _until(lambda: _names(view) == {"web"})
    before, began = api.watches, time.monotonic()
    time.sleep(0.3)
    assert api.watches - before <= 3 * ((time.monotonic() - began) / QUICK.again_s + 1)


def test_an_expired_watch_lists_anew() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")])
    view, troubles, _ = _watched(api)
    _until(lambda: _names(view) == {"web"})
    api.services = [service("team-a", "new", "n")]
    api.events.append({"type": "ERROR", "object": {"code": 410}})
    _until(lambda: _names(view) == {"new"})
    assert troubles["services expired"] == 1
    api.gone.set()


def test_events_are_taken_and_meaningless_changes_wake_nobody() -> None:
    api = ApiServer()
    view, _, _ = _watched(api)
    _until(lambda: view.is_complete)
    web = service("team-a", "web", "w")
    api.events.append({"type": "ADDED", "object": web})
    _until(lambda: _names(view) == {"web"})
    version = view.version
    api.events.append({"type": "MODIFIED", "object": {**web, "status": {"loadBalancer": {}}}})
    api.events.append({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
    _until(lambda: not api.events)
    assert view.wait_past(version, 0.1) == version
    api.events.append({"type": "DELETED", "object": web})
    _until(lambda: _names(view) == set())
    api.gone.set()


def test_a_namespace_that_loses_its_label_is_forgotten() -> None:
    api = ApiServer(services=[service("team-a", "web", "w")])
    view, _, watches = _watched(api)
    _until(lambda: _names(view) == {"web"})
    view.drop(Scope(Kind.NAMESPACES), api.spaces[0])
    watches.follow()
    assert _names(view) == set()
    api.gone.set()
