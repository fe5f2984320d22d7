"""NetworkPolicies are judged after a Service was translated: the cluster is asked where its API server really is."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.needs_cluster


def test_its_endpoints_are_let_through_and_no_others(would_install, kubectl, namespace):
    slices = json.loads(kubectl("-n", "default", "get", "endpointslice", "kubernetes", "--output", "json"))
    expected = {
        (f"{address}/32", port["port"])
        for endpoint in slices["endpoints"]
        for address in endpoint["addresses"]
        for port in slices["ports"]
    }
    made = would_install("platform", "values-kind.yaml", namespace)
    policies = {one["metadata"]["name"]: one["spec"] for one in made if one["kind"] == "NetworkPolicy"}
    for name in ("webserver", "daemon", "provisioner"):
        rules = [rule for rule in policies[f"engineshed-{name}"]["egress"] if "ipBlock" in rule["to"][0]]
        assert {(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in rules} == expected
