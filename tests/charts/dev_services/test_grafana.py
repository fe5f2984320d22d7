import yaml


def test_it_reads_the_prometheus_of_the_release(defaults):
    sources = yaml.safe_load(defaults.one("ConfigMap", "dev-services-grafana")["data"]["datasources.yaml"])
    host, port = sources["datasources"][0]["url"].removeprefix("http://").split(":")
    assert int(port) in [one["port"] for one in defaults.one("Service", host)["spec"]["ports"]]


def boards_of(release):
    """Where Grafana finds its boards: folder -> the ConfigMaps that are laid into it."""
    container = release.container("Deployment/dev-services-grafana", "grafana")
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = release.pod("Deployment/dev-services-grafana")["spec"]["volumes"]
    [projected] = [volume for volume in volumes if "projected" in volume]
    sources = [source["configMap"] for source in projected["projected"]["sources"]]
    assert all(source["optional"] for source in sources), "dev-services is there before the platform"
    return {places[projected["name"]]: {source["name"] for source in sources}}


def test_it_shows_the_boards_of_the_platform(defaults, platform):
    provided = yaml.safe_load(defaults.one("ConfigMap", "dev-services-grafana")["data"]["boards.yaml"])
    folder = provided["providers"][0]["options"]["path"]
    shipped = {
        one["metadata"]["name"]
        for one in platform.all("ConfigMap")
        if "grafana_dashboard" in one["metadata"].get("labels", {})
    }
    assert boards_of(defaults) == {folder: shipped}
    assert len(shipped) == 6


def test_it_can_do_without_boards(services):
    assert set().union(*boards_of(services({"grafana": {"boards": []}})).values()) == set()


def test_it_can_be_left_out(services):
    release = services({"grafana": {"enabled": False}})
    assert release.source("grafana.yaml") == []
    assert "dev-services-grafana" not in release.names("NetworkPolicy")
