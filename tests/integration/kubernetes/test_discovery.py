"""Discovery against the real API server, with real code servers and the real webserver."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.kubernetes.spaces import READ_LOCATIONS, Cluster, until

from engineshed.discovery.catalogue import cluster_ip
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.sidecar import Sidecar, Timing
from engineshed.discovery.writing import read_listing

pytestmark = pytest.mark.needs_cluster

#: What the platform promises from a ready release to the webserver's list.
LISTED_WITHIN_S = 10

DEFINITIONS = """
import dagster as dg

@dg.asset
def page() -> None: ...

defs = dg.Definitions(assets=[page])
"""


def _start(api: KubernetesApi, folder: Path, grace_s: float = 3, reload_url: str | None = None) -> Sidecar:
    sidecar = Sidecar(api, folder, reload_url=reload_url, addressing=cluster_ip, timing=Timing(grace_s=grace_s))
    threading.Thread(target=sidecar.run, daemon=True).start()
    until(lambda: sidecar.health.is_ready, 30, "both files are written")
    return sidecar


def _listed(folder: Path) -> set[str]:
    return {name for name, location in read_listing(folder).locations.items() if location.listed}


def _node_address(cluster: Cluster) -> str:
    node = cluster.do("GET", "/api/v1/nodes").body["items"][0]
    return next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")


_ENDS_WITHIN_S = 10


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def dagster_home(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return {**os.environ, "DAGSTER_HOME": str(home)}


def _process(*words: str, env: dict[str, str], port: int) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-m", *words], env=env) as process:
        try:
            until(lambda: _is_open(port), 120, f"{words[0]} listens")
            yield port
        finally:
            process.terminate()
            try:  # a code server waits for whoever still talks to it
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def code_server(tmp_path: Path, dagster_home: dict[str, str]) -> Iterator[int]:
    (tmp_path / "defs.py").write_text(DEFINITIONS)
    port = _free_port()
    words = ("dagster", "api", "grpc", "-h", "0.0.0.0", "-p", str(port), "-f", str(tmp_path / "defs.py"))
    yield from _process(*words, env=dagster_home, port=port)


@pytest.fixture
def garbage_server() -> Iterator[int]:
    """A code server that answers whatever it is asked with noise."""

    class Noise(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(os.urandom(4096))

    with socketserver.ThreadingTCPServer(("", 0), Noise) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@dataclass
class Platform:
    """The platform's account: it sees what the test's own teams grant, and no other location of the cluster."""

    cluster: Cluster
    home: str
    api: KubernetesApi

    def team(self, name: str) -> str:
        """A team's namespace that has granted its right."""
        space = self.cluster.namespace(name)
        self.cluster.grant(space, self.home, "daemon", READ_LOCATIONS)
        return space


@pytest.fixture
def platform(cluster: Cluster) -> Platform:
    home = cluster.namespace()
    api = cluster.account(home, "daemon")
    cluster.may_see_namespaces(home, "daemon")
    return Platform(cluster, home, api)


@pytest.fixture
def webserver(platform: Platform, tmp_path: Path, dagster_home: dict[str, str]) -> Iterator[int]:
    """A webserver beside an empty workspace, as the init container leaves it."""
    folder = tmp_path / "workspace"
    Sidecar(platform.api, folder, addressing=cluster_ip).once(60)
    assert _listed(folder) == set()
    port = _free_port()
    words = ("dagster_webserver", "-w", str(folder / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port))
    yield from _process(*words, env=dagster_home, port=port)


def _load_states(port: int) -> dict[str, str]:
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        entries: list[dict[str, Any]] = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    return {entry["name"]: entry["locationOrLoadError"]["__typename"] for entry in entries}


def test_a_location_comes_and_goes_without_a_restart(
    cluster: Cluster, platform: Platform, tmp_path: Path, webserver: int, code_server: int, garbage_server: int
) -> None:
    url, address = f"http://127.0.0.1:{webserver}/graphql", _node_address(cluster)
    sidecar = _start(platform.api, tmp_path / "workspace", reload_url=url)
    space = platform.team("try")

    cluster.service(space, "noise", "noise", address, garbage_server)
    cluster.service(space, "web", "web_graph", address, code_server)
    until(lambda: set(_load_states(webserver)) == {"noise", "web_graph"}, LISTED_WITHIN_S, "the webserver lists both")
    states = {"web_graph": "RepositoryLocation", "noise": "PythonError"}
    # A server that was too busy for the first look is loaded by a later one.
    until(lambda: _load_states(webserver) == states, 60, "the good one is loaded, the noise is told")

    cluster.remove_service(space, "web")
    until(lambda: set(_load_states(webserver)) == {"noise"}, 30, "the location is gone from the webserver")
    said = sidecar.metrics.text().decode()
    assert 'engineshed_discovery_reloads_total{result="ok"}' in said
    assert "engineshed_discovery_last_success_timestamp_seconds 1" in said


def test_rights_that_come_and_go(cluster: Cluster, platform: Platform, tmp_path: Path) -> None:
    space = cluster.namespace("try")
    cluster.service(space, "web", "web_graph", _node_address(cluster), 4000)
    sidecar = _start(platform.api, tmp_path)
    until(lambda: b'namespaces{state="not_permitted"} ' in sidecar.metrics.text(), 10, "counted")
    assert _listed(tmp_path) == set()

    cluster.grant(space, platform.home, "daemon", READ_LOCATIONS)
    until(lambda: _listed(tmp_path) == {"web_graph"}, LISTED_WITHIN_S, "listed once permitted")

    cluster.withdraw(space)
    # A watch that runs is not cut off; what changes is what the next list may see.
    until(lambda: _listed(tmp_path) == set(), 30, "gone after the right was withdrawn")
    assert sidecar.health.is_alive


def test_a_namespace_that_loses_its_label_takes_its_locations_along(
    cluster: Cluster, platform: Platform, tmp_path: Path
) -> None:
    space = platform.team("try")
    cluster.service(space, "web", "web_graph", _node_address(cluster), 4000)
    _start(platform.api, tmp_path, grace_s=1)
    until(lambda: "web_graph" in _listed(tmp_path), 10, "listed")
    whole = cluster.do("GET", f"/api/v1/namespaces/{space}").body
    del whole["metadata"]["labels"]["engineshed.dev/team"]
    cluster.do("PUT", f"/api/v1/namespaces/{space}", whole)
    until(lambda: "web_graph" not in _listed(tmp_path), 10, "gone")


def test_the_loser_of_a_name_is_told_by_an_event(cluster: Cluster, platform: Platform, tmp_path: Path) -> None:
    first, second = platform.team("one"), platform.team("two")
    cluster.service(first, "web", "web_graph", _node_address(cluster), 4000)
    time.sleep(1.1)  # ages of objects have whole seconds
    cluster.service(second, "copy", "web_graph", _node_address(cluster), 4000)
    sidecar = _start(platform.api, tmp_path)
    until(lambda: _listed(tmp_path) == {"web_graph"}, 10, "listed")
    assert read_listing(tmp_path).locations["web_graph"].namespace == first

    def told() -> list[str]:
        events = cluster.do("GET", f"/api/v1/namespaces/{second}/events").body["items"]
        return [event["reason"] for event in events if event["involvedObject"]["name"] == "copy"]

    until(lambda: told() == ["CodeLocationNameTaken"], 10, "the Event")
    assert b'engineshed_discovery_skipped{reason="name_taken"} 1.0' in sidecar.metrics.text()
