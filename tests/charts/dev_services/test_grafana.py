import yaml


def test_it_reads_the_prometheus_of_the_release(defaults):
    sources = yaml.safe_load(defaults.one("ConfigMap", "dev-services-grafana")["data"]["datasources.yaml"])
    host, port = sources["datasources"][0]["url"].removeprefix("http://").split(":")
    assert int(port) in [one["port"] for one in defaults.one("Service", host)["spec"]["ports"]]


def test_it_can_be_left_out(services):
    release = services({"grafana": {"enabled": False}})
    assert release.source("grafana.yaml") == []
    assert "dev-services-grafana" not in release.names("NetworkPolicy")
