"""Scripts on the double's real drivers, and what is left of them."""

from __future__ import annotations

import io
import json
import textwrap
import time
from collections.abc import Mapping
from typing import Any

from tests.integration.databricks.clients import VOLUME, Workspace, task

SERVERLESS = [{"environment_key": "e", "spec": {"environment_version": "4"}}]
HOME = "/Workspace/Users/double@example.com"
ENDS_S = 60.0
SPARK_S = 400.0
"""A JVM that shares two cores with everything else."""


class Store:
    """What an instance profile reaches."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        return self.objects[uri]

    def put(self, uri: str, data: bytes) -> None:
        self.objects[uri] = data


STORE = Store()


def put(workspace: Workspace, path: str, text: str) -> str:
    workspace.client.files.upload(path, io.BytesIO(textwrap.dedent(text).encode()), overwrite=True)
    return path


def final(workspace: Workspace, run_id: int, patience_s: float = ENDS_S) -> dict[str, Any]:
    until = time.monotonic() + patience_s
    while (run := workspace.run(run_id))["status"]["state"] != "TERMINATED":
        assert time.monotonic() < until, run["status"]
        time.sleep(0.02)
    return run


def run(workspace: Workspace, script: str, *parameters: str, name: str = "script.py", **more: Any) -> dict[str, Any]:
    """The run of a script on a volume."""
    file = put(workspace, f"{VOLUME}/{name}", script)
    settings = {
        key: more.pop(key) for key in ("environments", "environment_variables", "timeout_seconds") if key in more
    }
    work, patience_s = {"python_file": file, "parameters": list(parameters)}, more.pop("patience_s", ENDS_S)
    return final(workspace, workspace.submit(task(**{"spark_python_task": work, **more}), **settings), patience_s)


def output(workspace: Workspace, run: Mapping[str, Any]) -> dict[str, Any]:
    task_run = run["tasks"][0]["run_id"]
    found: dict[str, Any] = workspace.call("GET", f"/api/2.2/jobs/runs/get-output?run_id={task_run}").json()
    return found


def said(workspace: Workspace, run: Mapping[str, Any]) -> Any:
    """The one JSON line that the script printed."""
    assert run["state"]["result_state"] == "SUCCESS", output(workspace, run)
    return json.loads(output(workspace, run)["logs"])


def delivered(workspace: Workspace, run: Mapping[str, Any], destination: str) -> dict[str, bytes]:
    cluster_id = run["tasks"][0]["cluster_instance"]["cluster_id"]
    folder = workspace.double.local(f"{destination}/{cluster_id}/driver")
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")} if folder.is_dir() else {}


def wait_for(workspace: Workspace, name: str) -> None:
    until = time.monotonic() + ENDS_S
    while not workspace.double.local(f"{VOLUME}/{name}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
