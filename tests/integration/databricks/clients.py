"""Clients of the double: the real SDK, and one that goes past it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from engineshed.testing.databricks import DatabricksDouble

pytest.importorskip("databricks.sdk")

from databricks.sdk import WorkspaceClient

VOLUME = "/Volumes/main/default/jobs"
CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "m5.xlarge", "num_workers": 2}


def task(key: str = "main", **more: Any) -> dict[str, Any]:
    """A task of a Python file, on a cluster of its own unless told otherwise."""
    computes = ("existing_cluster_id", "job_cluster_key", "environment_key", "new_cluster")
    compute = {} if any(name in more for name in computes) else {"new_cluster": CLUSTER}
    return {"task_key": key, "spark_python_task": {"python_file": f"{VOLUME}/x.py"}, **compute, **more}


@dataclass
class Workspace:
    """A double and its clients: `client` is the SDK's, `call` goes past it, with neither repetition nor dataclass."""

    double: DatabricksDouble
    client: WorkspaceClient
    _session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.double.token}", **more.pop("headers", {})}
        return self._session.request(method, self.double.host + path, json=body, headers=headers, timeout=30, **more)

    def submit(self, *tasks: Mapping[str, Any], **more: Any) -> int:
        body = {"run_name": "test", "tasks": list(tasks) or [task()], **more}
        answer = self.call("POST", "/api/2.2/jobs/runs/submit", body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["run_id"])

    def run(self, run_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}").json()
        return found

    def events(self, run_id: int, task: int = 0) -> Sequence[dict[str, Any]]:
        cluster_id = self.run(run_id)["tasks"][task]["cluster_instance"]["cluster_id"]
        asked = {"cluster_id": cluster_id, "order": "ASC"}
        found: list[dict[str, Any]] = self.call("POST", "/api/2.1/clusters/events", asked).json()["events"]
        return found

    def final(self, run_id: int, step_s: float = 15.0) -> dict[str, Any]:
        """The run at its end, and on the way the time that passes."""
        for _ in range(10_000):
            found = self.run(run_id)
            if found["status"]["state"] == "TERMINATED":
                return found
            self.double.clock.sleep(step_s)
        raise AssertionError(f"run {run_id} does not end: {found['status']}")


def open_workspace(double: DatabricksDouble) -> Workspace:
    """Its clients, and a volume."""
    double.make_volume(VOLUME)
    return Workspace(double, WorkspaceClient(host=double.host, token=double.token))
