MONITOR = {
    "readOnly": {"enabled": True},
    "monitoring": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"}},
}


def test_it_selects_every_pod_with_metrics(platform):
    release = platform(MONITOR)
    monitor = release.one("PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    endpoint = monitor["spec"]["podMetricsEndpoints"][0]
    assert endpoint == {"port": "metrics", "path": "/metrics", "interval": "15s"}
    [chosen] = monitor["spec"]["selector"]["matchExpressions"]
    offering = {
        release.pod(name)["metadata"]["labels"]["app.kubernetes.io/component"]
        for name, container in release.containers()
        if "metrics" in [port["name"] for port in container.get("ports", [])]
    }
    assert set(chosen["values"]) == offering == {"webserver", "read-only", "daemon", "provisioner", "exporter"}


def test_auto_asks_the_cluster(render_with_apis, values_kind, kind):
    assert kind.all("PodMonitor") == []
    assert render_with_apis("platform", values_kind, apis=["monitoring.coreos.com/v1/PodMonitor"]).names("PodMonitor")


def test_a_prometheus_without_an_operator_finds_the_same(kind, platform):
    def scraped(release):
        return {
            name for name, pod in release.pods() if pod["metadata"].get("annotations", {}).get("prometheus.io/scrape")
        }

    assert scraped(kind) == {
        f"Deployment/engineshed-{name}" for name in ("webserver", "daemon", "provisioner", "exporter")
    }
    assert scraped(platform({"monitoring": {"scrapeAnnotations": False}})) == set()
