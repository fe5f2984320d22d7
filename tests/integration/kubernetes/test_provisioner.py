"""The provisioner against the real API server, under an account with no more rights than the platform's has."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import UTC, datetime

import pytest
from tests.integration.kubernetes.spaces import Cluster, until

from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.provisioning.provisioner import Provisioner, Rhythm
from engineshed.discovery.provisioning.source import Place, Source

pytestmark = pytest.mark.needs_cluster

OURS = {"resources": ["configmaps", "secrets"], "resourceNames": ["engineshed-instance", "engineshed-database"]}
RULES = [
    {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["create"]},
    {"apiGroups": [""], **OURS, "verbs": ["get", "update", "patch"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]},
]
SOURCE_RULES = [
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["platform-instance"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["database"], "verbs": ["get"]},
]


def _set_source(cluster: Cluster, home: str, method: str, password: str, text: str) -> None:
    name = {"metadata": {"name": "platform-instance"}}
    files = {"data": {"dagster.yaml": text, "platform.yaml": "prices: {}\n"}}
    secret = {"metadata": {"name": "database"}, "data": {"word": base64.b64encode(password.encode()).decode()}}
    end = "" if method == "POST" else "/platform-instance"
    cluster.do(method, f"/api/v1/namespaces/{home}/configmaps{end}", {**name, **files})
    cluster.do(method, f"/api/v1/namespaces/{home}/secrets{'' if method == 'POST' else '/database'}", secret)


def _start(api: KubernetesApi, home: str) -> Provisioner:
    place = Place(namespace=home, config_map="platform-instance", secret="database", secret_key="word")
    source = Source(api, place, now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
    provisioner = Provisioner(api, source, rhythm=Rhythm(0.5, 1, 3))
    threading.Thread(target=provisioner.run, daemon=True).start()
    return provisioner


def test_a_namespace_is_given_refreshed_and_cleared(cluster: Cluster) -> None:
    home, space, silent = cluster.namespace(), cluster.namespace("try"), cluster.namespace("silent")
    api = cluster.account(home, "provisioner")
    cluster.may_see_namespaces(home, "provisioner")
    cluster.grant(home, home, "provisioner", SOURCE_RULES)
    _set_source(cluster, home, "POST", "first", "storage: 1\n")
    provisioner = _start(api, home)
    instance = f"/api/v1/namespaces/{space}/configmaps/engineshed-instance"

    cluster.grant(space, home, "provisioner", RULES)
    time.sleep(2)
    assert not cluster.api.call("GET", instance).ok, "nothing is given before a code location is there"
    cluster.service(space, "web", "web_graph", "10.0.0.1", 4000)
    until(lambda: cluster.api.call("GET", instance).ok, 10, "the ConfigMap")
    until(lambda: cluster.api.call("GET", f"/api/v1/namespaces/{space}/secrets/engineshed-database").ok, 10, "Secret")
    given = cluster.do("GET", instance).body
    assert given["data"]["dagster.yaml"] == "storage: 1\n"
    node = json.loads(given["data"]["cluster.json"])["nodes"][0]
    assert node["cpu"] > 0
    assert node["memory_bytes"] > 10**8
    assert node["schedulable"]
    assert cluster.secret_text(space, "engineshed-database", "postgresql-password") == "first"

    _set_source(cluster, home, "PUT", "second", "storage: 2\n")
    until(
        lambda: cluster.secret_text(space, "engineshed-database", "postgresql-password") == "second",
        10,
        "the new password",
    )
    assert cluster.do("GET", instance).body["data"]["dagster.yaml"] == "storage: 2\n"
    assert not cluster.api.call("GET", f"/api/v1/namespaces/{silent}/configmaps/engineshed-instance").ok
    assert b'engineshed_provision_namespaces{state="current"} 1.0' in provisioner.metrics.text()

    cluster.remove_service(space, "web")
    until(lambda: cluster.api.call("GET", instance).status == 404, 60, "garbage collection")
    time.sleep(2)
    assert cluster.api.call("GET", instance).status == 404


def test_what_another_made_is_left_alone(cluster: Cluster) -> None:
    home, space = cluster.namespace(), cluster.namespace("try")
    api = cluster.account(home, "provisioner")
    cluster.may_see_namespaces(home, "provisioner")
    cluster.grant(home, home, "provisioner", SOURCE_RULES)
    cluster.grant(space, home, "provisioner", RULES)
    _set_source(cluster, home, "POST", "word", "storage: 1\n")
    foreign = {"metadata": {"name": "engineshed-instance"}, "data": {"a": "b"}}
    cluster.do("POST", f"/api/v1/namespaces/{space}/configmaps", foreign)
    cluster.service(space, "web", "web_graph", "10.0.0.1", 4000)
    provisioner = _start(api, home)
    until(lambda: b'{state="foreign"} 1.0' in provisioner.metrics.text(), 15, "it is counted")
    kept = cluster.do("GET", f"/api/v1/namespaces/{space}/configmaps/engineshed-instance").body
    assert kept["data"] == {"a": "b"}
