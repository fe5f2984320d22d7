"""How a Prometheus finds Spark drivers, and that it is let in."""

from __future__ import annotations

import pytest

from engineshed.engines.kubernetes import names

WANTED = {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}


def test_it_selects_drivers_at_the_port_and_paths_that_the_engine_sets(alpha):
    monitor = alpha({"monitoring": {"podMonitor": WANTED}}).one("PodMonitor", "alpha-spark")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"] == {"matchLabels": {names.ROLE: names.DRIVER}}
    endpoints = monitor["spec"]["podMetricsEndpoints"]
    assert [one["path"] for one in endpoints] == [names.EXECUTORS_METRICS_PATH, names.DRIVER_METRICS_PATH]
    assert {(one["port"], one["interval"]) for one in endpoints} == {("ui", "15s")}


def test_auto_asks_the_cluster(alpha, render_with_apis):
    assert alpha().all("PodMonitor") == []
    values = {
        "location": {"team": "alpha", "code_location": "alpha_one"},
        "image": {"repository": "engineshed/alpha", "tag": "dev"},
    }
    assert render_with_apis("code-location", values, apis=["monitoring.coreos.com/v1/PodMonitor"]).names("PodMonitor")


@pytest.mark.parametrize("interval", ["", "15", "often"])
def test_an_interval_that_is_none_is_refused(alpha, interval):
    with pytest.raises(Exception, match="interval"):
        alpha({"monitoring": {"podMonitor": {**WANTED, "interval": interval}}})


def test_on_a_local_cluster_the_prometheus_of_dev_services_is_let_in(alpha, render):
    release = alpha(files=("values-kind.yaml",))
    [policy] = [one["spec"] for one in release.all("NetworkPolicy") if one["metadata"]["name"] == "alpha-spark"]
    scrape = next(rule for rule in policy["ingress"] if rule["ports"] == [{"protocol": "TCP", "port": names.UI_PORT}])
    services = render("dev-services", release="dev-services")
    labels = services.pod("Deployment/dev-services-prometheus")["metadata"]["labels"]
    [peer] = scrape["from"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "engineshed"}}
