"""Two teams on the cluster that KUBECONFIG names: namespaces with Pod Security enforced, a release in each.

Code servers have no replicas here (the platform that would provision them is not part of these tests); everything else
of the release is real. Needs kubectl and helm on PATH.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[4] / "charts" / "code-location"
IMAGE = "engineshed/dagster:dev"
ENFORCED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}


class Refused(Exception):
    """kubectl or helm said no; the text is what it said."""


@dataclass(frozen=True)
class Kubernetes:
    """kubectl as a person calls it, with the kubeconfig in force or another one."""

    kubeconfig: str = ""

    def kubectl(self, *words: str, objects: Sequence[Mapping[str, Any]] = (), timeout_s: float = 120) -> str:
        environment = {**os.environ, **({"KUBECONFIG": self.kubeconfig} if self.kubeconfig else {})}
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}) if objects else None
        done = subprocess.run(
            ["kubectl", *words],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout + done.stderr

    def read(self, *words: str) -> Any:
        return json.loads(self.kubectl(*words, "--output=json"))

    def apply(self, namespace: str, objects: Sequence[Mapping[str, Any]], *more: str) -> str:
        return self.kubectl("apply", f"--namespace={namespace}", "--filename=-", *more, objects=objects)


@dataclass(frozen=True)
class Teams:
    """Where the platform and the teams alpha and beta are."""

    platform: str
    alpha: str
    beta: str

    def values(self, team: str) -> dict[str, Any]:
        return {
            "location": {"team": team, "code_location": f"{team}_one"},
            "image": {"repository": IMAGE.partition(":")[0], "tag": "dev"},
            "platform": {"namespace": self.platform},
            "codeServer": {"replicas": 0},
            "reaper": {"schedule": "0 0 1 1 *"},
            "quota": {"hard": {"requests.cpu": "2", "requests.memory": "8Gi", "limits.memory": "24Gi", "pods": "20"}},
            "networkPolicy": {
                "objectStore": {
                    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.platform}}}],
                    "ports": [9000],
                }
            },
        }


@pytest.fixture(scope="session")
def kubernetes() -> Kubernetes:
    return Kubernetes()


@pytest.fixture(scope="session")
def refused() -> type[Refused]:
    """What is raised when kubectl or helm says no."""
    return Refused


@pytest.fixture(scope="session")
def image() -> str:
    """An image with a Python that the cluster has: the end-to-end suite builds it."""
    return IMAGE


@pytest.fixture(scope="session")
def speaking_as(kubernetes, tmp_path_factory):
    """speaking_as(namespace, account) -> kubectl with a token of that account and nothing else."""

    def speaking(namespace: str, account: str) -> Kubernetes:
        token = kubernetes.kubectl("create", "token", account, f"--namespace={namespace}", "--duration=10m").strip()
        config = kubernetes.read("config", "view", "--minify", "--raw")
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        path = tmp_path_factory.mktemp("account") / "kubeconfig"
        path.write_text(json.dumps(config))
        return Kubernetes(str(path))

    return speaking


@pytest.fixture(scope="session")
def teams(kubernetes) -> Iterator[Teams]:
    """The two teams' releases, installed by helm; all namespaces go at the end."""
    some = f"try-chart-{uuid.uuid4().hex[:6]}"
    made = Teams(platform=f"{some}-platform", alpha=f"{some}-alpha", beta=f"{some}-beta")
    spaces = {made.platform: "", made.alpha: "alpha", made.beta: "beta"}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _labels(team)}}
        for name, team in spaces.items()
    ]
    kubernetes.kubectl("apply", "--filename=-", objects=objects)
    try:
        for team in ("alpha", "beta"):
            _helm("install", team, str(CHART), "-n", getattr(made, team), "-f", "-", values=made.values(team))
        yield made
    finally:
        kubernetes.kubectl("delete", "namespace", *spaces, "--wait=false")


def _labels(team: str) -> dict[str, str]:
    return {**ENFORCED, **({"engineshed.dev/team": team} if team else {})}


def _helm(*words: str, values: Mapping[str, Any]) -> str:
    done = subprocess.run(
        ["helm", *words], input=json.dumps(values), capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


@pytest.fixture(scope="session")
def template(teams):
    """template(team, values) -> the objects of the release as the cluster's own helm renders them."""

    def rendered(team: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        text = _helm(
            "template", team, str(CHART), "-n", getattr(teams, team), "--kube-version=1.34", "-f", "-", values=values
        )
        return [found for found in yaml.safe_load_all(text) if found]

    return rendered
