"""templates/_egress.tpl, seen through the provisioner's policy: it reaches names and the API server, nothing else."""

import json

import pytest
import yaml


def api_server(release):
    egress = release.one("NetworkPolicy", "engineshed-provisioner")["spec"]["egress"]
    return [rule for rule in egress if 53 not in [port["port"] for port in rule["ports"]]]


def platform(render, addresses):
    return render("platform", {"networkPolicy": {"apiServer": addresses}}, files=("values-kind.yaml",))


def test_without_a_cluster_its_usual_ports_pass(render):
    [rule] = api_server(platform(render, []))
    assert "to" not in rule
    assert [port["port"] for port in rule["ports"]] == [443, 6443]


def test_addresses_that_are_given_hold(render):
    rules = api_server(platform(render, [{"cidr": "10.0.0.1/32", "port": 6443}, {"cidr": "fd00::1/128", "port": 443}]))
    assert [(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in rules] == [
        ("10.0.0.1/32", 6443),
        ("fd00::1/128", 443),
    ]


def test_names_are_asked_in_kube_system_alone(render):
    egress = platform(render, []).one("NetworkPolicy", "engineshed-provisioner")["spec"]["egress"]
    [names] = [rule for rule in egress if 53 in [port["port"] for port in rule["ports"]]]
    assert names["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
    assert {port["protocol"] for port in names["ports"]} == {"UDP", "TCP"}


@pytest.mark.needs_cluster
def test_a_cluster_is_asked_for_its_own_addresses(helm, kubectl):
    """`helm install --dry-run=server` looks up; the answer is what the cluster's EndpointSlice says."""
    slices = json.loads(
        kubectl("--namespace", "default", "get", "endpointslice", "kubernetes", "--output", "json").stdout
    )
    expected = {
        (f"{address}/32", port["port"])
        for e in slices["endpoints"]
        for address in e["addresses"]
        for port in slices["ports"]
    }
    done = helm(
        "install", "try-egress", "platform", "--dry-run=server", "--output", "json", files=("values-kind.yaml",)
    )
    assert done.returncode == 0, done.stderr
    made = [one for one in yaml.safe_load_all(json.loads(done.stdout)["manifest"]) if one]
    [policy] = [
        one for one in made if (one["kind"], one["metadata"]["name"]) == ("NetworkPolicy", "try-egress-provisioner")
    ]
    rules = [rule for rule in policy["spec"]["egress"] if "ipBlock" in rule["to"][0]]
    assert {(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in rules} == expected
