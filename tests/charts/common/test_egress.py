"""templates/_egress.tpl, seen through the provisioner's policy: it reaches names and the API server, nothing else."""


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
