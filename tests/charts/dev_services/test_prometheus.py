import yaml


def test_it_scrapes_the_pods_that_say_so(defaults):
    config = yaml.safe_load(defaults.one("ConfigMap", "dev-services-prometheus")["data"]["prometheus.yml"])
    [job] = config["scrape_configs"]
    kept = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    assert kept == [
        {
            "source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_scrape"],
            "regex": "true",
            "action": "keep",
        }
    ]


def test_it_reads_pods_and_nothing_else(defaults):
    [role] = defaults.all("ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


def test_the_platform_lets_it_in(defaults, platform):
    labels = defaults.pod("Deployment/dev-services-prometheus")["metadata"]["labels"]
    peers = [
        peer
        for policy in platform.all("NetworkPolicy")
        for rule in policy["spec"].get("ingress") or []
        for peer in rule["from"]
        if rule["ports"][0]["port"] in (9102, 9103)
    ]
    assert len(peers) == 3
    assert all(peer["podSelector"]["matchLabels"].items() <= labels.items() for peer in peers)
