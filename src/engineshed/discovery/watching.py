"""The watches: one thread for the labelled namespaces, two for each of them (Services, EndpointSlices).

A namespace that has not granted us the right answers 403: that is "not yet permitted", asked again every two seconds. A
watch that expires (410) or breaks off is begun anew by a list; while the API server is away, what is known stays.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from engineshed.discovery import marks
from engineshed.discovery.catalogue import Json
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.view import ClusterView, Kind, Scope
from engineshed.model.errors import AccessDenied, EngineshedError

_LOG = logging.getLogger(__name__)

#: Told of each trouble of a watch: its kind, and `denied`, `expired` or `failed`.
OnTrouble = Callable[[Kind, str], None]

_PLACES = {
    Kind.NAMESPACES: ("/api/v1/namespaces", marks.TEAM),
    Kind.SERVICES: ("/api/v1/namespaces/{}/services", marks.CODE_LOCATION),
    Kind.SLICES: ("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", marks.SERVICE_OF_SLICE),
}


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between attempts. again_s: after a watch that ended by itself; some servers end each at once."""

    again_s: float = 0.2
    denied_s: float = 2.0
    failed_s: float = 0.5
    failed_at_most_s: float = 8.0


PAUSES = Pauses()


class Watches:
    """Every watch of this process. `follow` starts and ends those of single namespaces."""

    def __init__(self, api: KubernetesApi, view: ClusterView, on_trouble: OnTrouble, pauses: Pauses = PAUSES) -> None:
        self._api, self._view, self._on_trouble, self._pauses = api, view, on_trouble, pauses
        self._stops: dict[str, threading.Event] = {}
        self._all = self._start(Scope(Kind.NAMESPACES), threading.Event())

    def follow(self) -> None:
        """Watch what the labelled namespaces are now."""
        wanted = self._view.namespaces()
        for name in wanted - set(self._stops):
            stop = self._stops[name] = threading.Event()
            for kind in (Kind.SERVICES, Kind.SLICES):
                self._start(Scope(kind, name), stop)
        for name in set(self._stops) - wanted:
            self._stops.pop(name).set()
            self._view.forget(name)

    def stop(self) -> None:
        """End them all; a thread that waits for the API server ends with the process."""
        for stop in (self._all, *self._stops.values()):
            stop.set()

    def _start(self, scope: Scope, stop: threading.Event) -> threading.Event:
        watch = _Watch(self._api, self._view, scope, stop, self._on_trouble, self._pauses)
        name = f"watch {scope.kind.value} {scope.namespace}".strip()
        threading.Thread(target=watch.run, name=name, daemon=True).start()
        return stop


class _Watch:
    """List, then watch, then again, until told to stop."""

    def __init__(
        self,
        api: KubernetesApi,
        view: ClusterView,
        scope: Scope,
        stop: threading.Event,
        on_trouble: OnTrouble,
        pauses: Pauses,
    ) -> None:
        self._api, self._view, self._scope, self._stop = api, view, scope, stop
        self._on_trouble, self._pauses = on_trouble, pauses
        path, self._selector = _PLACES[scope.kind]
        self._path = path.format(scope.namespace)

    def run(self) -> None:
        """Until the stop is set; no error ends it."""
        pause_s = self._pauses.failed_s
        while not self._stop.is_set():
            try:
                self._once()
                pause_s = self._pauses.failed_s
            except AccessDenied:
                self._trouble("denied", "not (yet) permitted")
                if not self._stop.is_set():
                    self._view.deny(self._scope)
                self._stop.wait(self._pauses.denied_s)
            except EngineshedError as error:
                self._trouble("failed", str(error))
                self._stop.wait(pause_s)
                pause_s = min(pause_s * 2, self._pauses.failed_at_most_s)
            except Exception:  # noqa: BLE001 a watch that ends for good would freeze the workspace in silence
                self._trouble("failed", "an unexpected error")
                _LOG.exception("watch of %s", self._path)
                self._stop.wait(self._pauses.failed_at_most_s)

    def _once(self) -> None:
        """One list, and watches from there for as long as they last."""
        items, version = self._api.list(self._path, self._selector)
        if self._stop.is_set():
            return
        self._view.replace(self._scope, items)
        while version and not self._stop.is_set():
            version = self._watch_from(version)
            self._stop.wait(self._pauses.again_s)

    def _watch_from(self, version: str) -> str:
        """The version to go on from; empty when all must be listed anew."""
        for event in self._api.watch(self._path, self._selector, version):
            if self._stop.is_set():
                return ""
            thing = event.get("object")
            if event.get("type") == "ERROR" or not isinstance(thing, dict):
                self._trouble("expired", str(event)[:200])
                return ""
            version = _version(thing) or version
            self._take(str(event.get("type")), thing)
        return version

    def _take(self, kind: str, thing: Json) -> None:
        if kind in ("ADDED", "MODIFIED"):
            self._view.put(self._scope, thing)
        elif kind == "DELETED":
            self._view.drop(self._scope, thing)

    def _trouble(self, result: str, said: str) -> None:
        self._on_trouble(self._scope.kind, result)
        _LOG.log(logging.DEBUG if result == "denied" else logging.WARNING, "watch of %s: %s", self._path, said)


def _version(thing: Json) -> str:
    meta = thing.get("metadata")
    return str(meta.get("resourceVersion", "")) if isinstance(meta, dict) else ""
