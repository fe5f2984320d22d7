import pytest


def policy(release, name):
    return release.one("NetworkPolicy", f"engineshed-{name}")["spec"]


def ports(rules):
    return {port["port"] for rule in rules or [] for port in rule["ports"]}


def test_nothing_passes_that_is_not_named(kind):
    assert policy(kind, "default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_pod_has_a_policy_of_its_own(platform):
    release = platform({"prices": {"enabled": True, "list": "s3://platform/prices.json"}})
    selectors = [one["spec"]["podSelector"].get("matchLabels", {}) for one in release.all("NetworkPolicy")]
    for name, pod in release.pods():
        labels = pod["metadata"]["labels"]
        assert [chosen for chosen in selectors if chosen and chosen.items() <= labels.items()], name


@pytest.mark.parametrize("name", ["webserver", "daemon"])
def test_dagster_reaches_what_it_needs(platform, name):
    api = {"networkPolicy": {"apiServer": [{"cidr": "10.0.0.1/32", "port": 6443}]}}
    egress = policy(platform(api), name)["egress"]
    assert ports(egress) == {53, 6443, 5432, 9000, 4000}
    [code_servers] = [rule for rule in egress if rule["ports"][0]["port"] == 4000]
    assert code_servers["to"] == [
        {"namespaceSelector": {"matchExpressions": [{"key": "engineshed.dev/team", "operator": "Exists"}]}}
    ]
    [api_server] = [rule for rule in egress if rule["ports"][0]["port"] == 6443]
    assert api_server["to"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]


def test_the_migration_reaches_the_database_alone(kind):
    assert ports(policy(kind, "migrate")["egress"]) == {53, 5432}


def test_the_web_pages_open_to_named_peers_only(kind, platform):
    def callers(release):
        return [
            peer for rule in policy(release, "webserver")["ingress"] if ports([rule]) == {3000} for peer in rule["from"]
        ]

    assert [set(peer) for peer in callers(kind)] == [{"podSelector"}]
    proxy = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    assert callers(platform({"networkPolicy": {"webserverFrom": [proxy]}}))[1:] == [proxy]


def test_metrics_open_to_named_peers_only(kind, platform):
    assert ports(policy(kind, "daemon")["ingress"]) == {9102}
    assert ports(policy(kind, "provisioner")["ingress"]) == {9103}
    assert not policy(platform({"networkPolicy": {"metricsFrom": []}}), "daemon")["ingress"]


@pytest.mark.parametrize(
    ("address", "port"),
    [("", 443), ("http://minio.example", 80), ("https://s3.example:8443", 8443), ("http://s3.example:9000/", 9000)],
)
def test_the_object_store_is_let_through_at_its_port(platform, address, port):
    release = platform({"objectStore": {"endpointUrl": address}, "postgresql": {"port": 6432}})
    assert ports(policy(release, "webserver")["egress"]) == {53, 443, 6443, 6432, 4000, port}


def test_it_can_be_left_to_the_cluster(platform):
    assert platform({"networkPolicy": {"enabled": False}}).all("NetworkPolicy") == []
