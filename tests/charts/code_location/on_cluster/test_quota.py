"""Quota and limits, enforced by the API server."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs_cluster


def _pod(name, resources):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": "nowhere/none:none",
                    "resources": resources,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"requests": {"cpu": "3", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}, "exceeded quota: alpha"),
        ({"requests": {"memory": "9Gi"}, "limits": {"memory": "9Gi"}}, "exceeded quota: alpha"),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "65Gi"}}, "maximum memory usage per Container is 64Gi"),
    ],
)
def test_what_is_too_large_is_refused(kubernetes, teams, refused, resources, said):
    with pytest.raises(refused, match=said):
        kubernetes.apply(teams.alpha, [_pod("large", resources)], "--dry-run=server")


def test_a_container_that_says_nothing_gets_the_defaults(kubernetes, teams):
    pod = kubernetes.kubectl(
        "create",
        f"--namespace={teams.alpha}",
        "--filename=-",
        "--dry-run=server",
        "--output=jsonpath={.items[*].spec.containers[0].resources}{.spec.containers[0].resources}",
        objects=[_pod("silent", {})],
    )
    assert '"cpu":"50m"' in pod
    assert '"memory":"512Mi"' in pod


def test_a_service_of_the_node_is_refused(kubernetes, teams, refused):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "open"},
        "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]},
    }
    with pytest.raises(refused, match=r"exceeded quota: alpha.*services\.nodeports"):
        kubernetes.apply(teams.alpha, [service], "--dry-run=server")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (("spec", "hostNetwork"), True, "hostNetwork"),
        (("spec", "securityContext", "runAsUser"), 0, "runAsUser=0"),
        (("spec", "volumes"), [{"name": "node", "hostPath": {"path": "/"}}], "hostPath"),
    ],
)
def test_pod_security_refuses_the_way_to_the_node(kubernetes, teams, refused, field, value, said):
    pod = _pod("rogue", {})
    inner = pod
    for key in field[:-1]:
        inner = inner[key]
    inner[field[-1]] = value
    with pytest.raises(refused, match=said):
        kubernetes.apply(teams.alpha, [pod], "--dry-run=server")
