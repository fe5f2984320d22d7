"""A namespace of the cluster that KUBECONFIG names, and benches whose drivers run there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from engineshed.model.launch import Token
from engineshed.testing.bench import Bench

IMAGE = "engineshed/spark:dev"
DRIVERS = "spark"
DRIVER = Path(__file__).parents[2] / "spark" / "driver" / "engineshed_driver.py"

_RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "configmaps", "services", "persistentvolumeclaims"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete", "deletecollection"],
    }
]


def kubectl(*words: str, given: str = "") -> str:
    """What kubectl answers."""
    done = subprocess.run(["kubectl", *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


def job_extras(token: Token, *, tables: Sequence[str] = ()) -> dict[str, Any]:
    """The extras of a job that writes below its pod's own scratch folder."""
    context = {
        "token": token,
        "mode": "sample",
        "job": "contract",
        "settings": {},
        "tables": list(tables),
        "staged": "",
        "partition": {"keys": [], "by_key": {}, "windows": {}, "key_range": None},
        "inputs": {},
        "outputs": {"": "/scratch/out"},
    }
    return {"engineshed": context}


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace with Pod Security "restricted" and an account for drivers; deleted at the end."""
    name = f"try-kubernetes-{uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    things = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DRIVERS, "namespace": name}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": DRIVERS, "namespace": name},
            "rules": _RULES,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": DRIVERS, "namespace": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": DRIVERS},
            "subjects": [{"kind": "ServiceAccount", "name": DRIVERS, "namespace": name}],
        },
    ]
    try:
        kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def engine_settings(name: str, **more: Any) -> Mapping[str, Any]:
    """Settings of the engine for that namespace: small requests, so that tests share two cores."""
    return {
        "namespace": name,
        "image": IMAGE,
        "service_account": DRIVERS,
        "cpu_request_ratio": "0.05",
        "ttl_s": 600,
        "grace_s": 5,
        "nodes": [{"name": "any", "usd_per_hour": "0.10", "cores": 2, "memory_gib": 8}],
        **more,
    }


@dataclass(kw_only=True)
class ClusterBench(Bench):
    """Scripts leave their mark in their pod's log: nothing else of this machine is within a pod's reach."""

    namespace: str
    _most: dict[str, int] = field(default_factory=dict)

    def prelude(self, token: Token) -> str:
        """One line of output a run."""
        return f"import os, sys, time\nprint('mark of {token}', flush=True)\n"

    def runs_of(self, token: Token) -> int:
        """Marks in the logs of all pods of the token, or the most that were seen before pods went."""
        marks = 0
        for pod in self.pods(token):
            done = subprocess.run(
                ["kubectl", "--namespace", self.namespace, "logs", pod["metadata"]["name"]],
                capture_output=True,
                text=True,
                check=False,
            )
            marks += len(re.findall(f"^mark of {token}$", done.stdout, re.MULTILINE))
        self._most[token] = max(marks, self._most.get(token, 0))
        return self._most[token]

    def pods(self, token: Token, role: str = "") -> list[dict[str, Any]]:
        """The pods of a run."""
        selector = f"engineshed.dev/token={token}" + (f",engineshed.dev/role={role}" if role else "")
        plain = kubectl("--namespace", self.namespace, "get", "pods", "--selector", selector, "--output", "json")
        found: list[dict[str, Any]] = json.loads(plain)["items"]
        return found
