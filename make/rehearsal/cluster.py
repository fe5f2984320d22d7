"""The cluster of the rehearsal as discovery sees it: three teams' releases, of which one is rolled out on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import yaml

from engineshed.discovery import marks
from engineshed.discovery.sidecar import Sidecar
from engineshed.discovery.writing import WORKSPACE_FILE

Json = dict[str, Any]
VERSIONS = {"dagster": "1.13.27", "engineshed": "0.1.0"}


def release(team: str, location: str, *, revision: int, commit: str, at: datetime) -> Json:
    """A code location's Service as its chart and the API server make it."""
    space, name = f"team-{team}", team
    digest = "sha256:" + (commit * 10)[:64]
    written: Json = {"f:metadata": {"f:annotations": {f"f:{marks.REVISION}": {}}}}
    return {
        "metadata": {
            "name": name,
            "namespace": space,
            "uid": f"{space}/{name}",
            "creationTimestamp": "2026-11-01T09:00:00Z",
            "labels": {marks.CODE_LOCATION: location},
            "annotations": {
                marks.SERVICE_ACCOUNT: name,
                marks.IMAGE: f"registry.example/{name}@{digest}",
                marks.COMMIT: commit,
                marks.VERSION: "0.1.0",
                marks.REVISION: str(revision),
            },
            "managedFields": [{"time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "fieldsV1": written}],
        },
        "spec": {"type": "ClusterIP", "ports": [{"name": "grpc", "port": 4000}]},
    }


def answering(team: str, ready: bool) -> Json:
    """The endpoints of its code server."""
    return {
        "metadata": {"name": f"{team}-x", "namespace": f"team-{team}", "labels": {marks.SERVICE_OF_SLICE: team}},
        "endpoints": [{"addresses": ["10.1.1.1"], "conditions": {"ready": ready}}],
    }


class ApiServer:
    """Lists what there is and hands on what changes; of the API only what discovery calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], Json] = {}
        self._watches: list[tuple[str, SimpleQueue[Json]]] = []

    def put(self, path: str, thing: Json) -> None:
        """An object, new or changed."""
        with self._lock:
            self._objects[path, thing["metadata"]["name"]] = thing
            for watched, events in self._watches:
                if watched == path:
                    events.put({"type": "MODIFIED", "object": thing})

    def list(self, path: str, selector: str) -> tuple[list[Json], str]:
        """All below a path."""
        with self._lock:
            return [thing for (where, _), thing in self._objects.items() if where == path], "1"

    def watch(self, path: str, selector: str, version: str) -> Iterator[Json]:
        """What changes from now on."""
        events: SimpleQueue[Json] = SimpleQueue()
        with self._lock:
            self._watches.append((path, events))
        while True:
            try:
                yield events.get(timeout=30)
            except Empty:
                return

    def call(self, *_: Any, **__: Any) -> Any:
        """Events that discovery writes are not kept."""
        raise AssertionError("discovery found something wrong in the rehearsal")


class Releases:
    """The releases on the API server."""

    def __init__(self, api: ApiServer, teams: Mapping[str, str]) -> None:
        self._api, self._teams = api, teams
        for days, (team, location) in enumerate(teams.items()):
            self.add(team, location, days=days)

    def add(self, team: str, location: str, days: int = 0) -> None:
        """A team's namespace and release, some days old."""
        space: Json = {"metadata": {"name": f"team-{team}", "uid": team, "labels": {marks.TEAM: team}}}
        self._api.put("/api/v1/namespaces", space)
        at = datetime.now(UTC) - timedelta(days=2 * days + 1)
        self._write(team, release(team, location, revision=days + 3, commit=f"{days}f3c{days}e7a1b", at=at), True)

    def ready(self, team: str, ready: bool) -> None:
        """Its code server answers, or does not."""
        self._api.put(f"/apis/discovery.k8s.io/v1/namespaces/team-{team}/endpointslices", answering(team, ready))

    def roll_out(self, team: str) -> None:
        """The next revision."""
        location = self._teams[team]
        self._write(team, release(team, location, revision=9, commit="ad41c09be2", at=datetime.now(UTC)), True)

    def _write(self, team: str, service: Json, ready: bool) -> None:
        self._api.put(f"/api/v1/namespaces/team-{team}/services", service)
        self.ready(team, ready)


def webserver(folder: Path) -> ThreadingHTTPServer:
    """Lists what the workspace file in the folder says, as Dagster's does after a reload."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            written = yaml.safe_load((folder / WORKSPACE_FILE).read_text(encoding="utf-8"))["load_from"]
            answer = {"__typename": "Workspace", "locationEntries": [_entry(one["grpc_server"]) for one in written]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": {"answer": answer}}).encode())

        def log_message(self, *_: Any) -> None:
            """Not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _entry(server: Mapping[str, Any]) -> Json:
    libraries = [{"name": name, "version": version} for name, version in VERSIONS.items()]
    return {
        "name": server["location_name"],
        "displayMetadata": [
            {"key": "host", "value": server["host"]},
            {"key": "port", "value": str(server["port"])},
        ],
        "locationOrLoadError": {"dagsterLibraryVersions": libraries},
    }


def discover(api: ApiServer, folder: Path, reload_port: int) -> Sidecar:
    """The real sidecar over these, in a thread."""
    sidecar = Sidecar(api, folder, reload_url=f"http://127.0.0.1:{reload_port}/graphql")  # type: ignore[arg-type]
    threading.Thread(target=sidecar.run, daemon=True).start()
    return sidecar
