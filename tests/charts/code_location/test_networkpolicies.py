"""Who may talk to whom, as rendered; tests/charts/code_location/on_cluster tries it."""

from __future__ import annotations

import json

API = [{"cidr": "10.0.0.1/32", "port": 6443}]


def _policies(release):
    return {policy["metadata"]["name"]: policy["spec"] for policy in release.all("NetworkPolicy")}


def test_everything_else_is_refused(alpha):
    deny = _policies(alpha())["alpha-deny"]
    assert deny["podSelector"] == {}
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    (names,) = deny["egress"]
    assert {port["port"] for port in names["ports"]} == {53}


def test_code_servers_answer_the_platform_and_the_releases_own_test(alpha):
    (rule,) = _policies(alpha())["alpha"]["ingress"]
    platform, test = rule["from"]
    assert platform == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "engineshed"}}}
    assert "namespaceSelector" not in test
    assert [port["port"] for port in rule["ports"]] == [4000]


def test_no_rule_names_pods_of_every_namespace(everything):
    text = json.dumps(_policies(everything))
    assert '"namespaceSelector": {}' not in text
    for spec in _policies(everything).values():
        for rule in spec.get("ingress", []):
            assert rule["from"]


def test_spark_talks_among_itself_at_the_ports_the_engine_sets(alpha):
    policies = _policies(alpha())
    for name in ("alpha-spark", "alpha-executor"):
        assert {port["port"] for port in policies[name]["ingress"][0]["ports"]} == {7078, 7079, 4040}
        assert {port["port"] for port in policies[name]["egress"][0]["ports"]} == {7078, 7079, 4040}


def test_executors_reach_neither_the_api_server_nor_the_database(alpha):
    release = alpha({"networkPolicy": {"apiServer": API}})
    ports = [port["port"] for rule in _policies(release)["alpha-executor"]["egress"] for port in rule.get("ports", [])]
    assert not {5432, 6443} & set(ports)
    assert 443 in ports


def test_addresses_given_are_the_only_ones(alpha):
    peer = {"ipBlock": {"cidr": "192.0.2.10/32"}}
    release = alpha(
        {
            "networkPolicy": {
                "apiServer": API,
                "database": {"to": [peer], "ports": [5433]},
                "objectStore": {"to": [peer], "ports": [9000]},
            }
        }
    )
    database, exporter, store, api = _policies(release)["alpha-runs"]["egress"]
    assert database == {"to": [peer], "ports": [{"protocol": "TCP", "port": 5433}]}
    [whom] = exporter["to"]
    assert whom["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "engineshed"}
    assert whom["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "exporter"
    assert exporter["ports"] == [{"protocol": "TCP", "port": 9104}]
    assert store == {"to": [peer], "ports": [{"protocol": "TCP", "port": 9000}]}
    assert api == {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"protocol": "TCP", "port": 6443}]}


def test_runs_are_known_by_the_label_that_only_the_launcher_sets(alpha):
    assert _policies(alpha())["alpha-runs"]["podSelector"] == {"matchLabels": {"engineshed.dev/role": "run"}}


def test_a_public_object_store_opens_no_private_address(alpha):
    store = _policies(alpha())["alpha-executor"]["egress"][1]
    block = store["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(block["except"])


def test_who_scrapes_drivers_reaches_their_web_page_alone(alpha):
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    rules = _policies(alpha({"networkPolicy": {"metricsFrom": [peer]}}))["alpha-spark"]["ingress"]
    assert rules[1] == {"from": [peer], "ports": [{"protocol": "TCP", "port": 4040}]}


def test_they_can_be_left_to_somebody_else(alpha):
    assert alpha({"networkPolicy": {"enabled": False}}).all("NetworkPolicy") == []
