"""The read-only pages list what the workspace file says, and nobody can make them do anything."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: What the platform promises from a ready release to the webserver's list.
LISTED_WITHIN_S = 10
ENTRY = "load_from:\n- grpc_server: {host: 127.0.0.1, port: 1, location_name: web_graph}\n"


def _until(true: Callable[[], object], within_s: float) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.2)


def _ask(port: int, query: str) -> dict[str, Any]:
    url, body = f"http://127.0.0.1:{port}/graphql", json.dumps({"query": query}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def _names(port: int) -> list[str]:
    data = _ask(port, "{ workspaceOrError { ... on Workspace { locationEntries { name } } } }")
    return [entry["name"] for entry in data["workspaceOrError"]["locationEntries"]]


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, "-c", "from engineshed.cli import main; main()", "read-only"]
    words += ["--workspace-dir", str(tmp_path), "--port", str(port)]

    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with subprocess.Popen(words, env={**os.environ, "DAGSTER_HOME": str(home)}) as process:
        try:
            _until(is_open, 180)
            yield port, process
        finally:
            process.kill()


def test_a_new_location_is_listed_and_no_right_is_given(
    pages: tuple[int, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    port, process = pages
    assert _names(port) == []
    (tmp_path / "next").write_text(ENTRY)
    (tmp_path / "next").replace(tmp_path / "workspace.yaml")
    _until(lambda: _names(port) == ["web_graph"], LISTED_WITHIN_S)

    (tmp_path / "workspace.yaml").write_text("load_from: {")
    time.sleep(1.5)
    assert _names(port) == ["web_graph"], "a broken file leaves the pages as they are"

    refused = _ask(port, "mutation { reloadWorkspace { __typename } }")
    assert refused["reloadWorkspace"]["__typename"] == "UnauthorizedError"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)
