import yaml

EXPORTER = "Deployment/engineshed-exporter"


def test_runs_are_told_where_it_is_and_by_which_token_it_knows_them(kind):
    settings = yaml.safe_load(kind.one("ConfigMap", "engineshed-instance")["data"]["platform.yaml"])
    assert settings["exporter_url"] == "http://engineshed-exporter.engineshed.svc:9104"
    assert settings["exporter_token_file"] == "/var/run/secrets/engineshed/exporter/token"
    [port] = kind.one("Service", "engineshed-exporter")["spec"]["ports"]
    assert port["port"] == 9104


def test_it_tells_callers_apart_and_goes_on_from_where_it_was(kind):
    container = kind.container(EXPORTER, "exporter")
    assert {"--callers=service-accounts", "--host=0.0.0.0", "--port=9104"} <= set(container["args"])
    [kept] = [arg.partition("=")[2] for arg in container["args"] if arg.startswith("--checkpoint=")]
    assert any(
        kept.startswith(mount["mountPath"] + "/") for mount in container["volumeMounts"] if not mount.get("readOnly")
    )


def test_runs_of_teams_may_post_and_nobody_else_comes_in_unless_named(kind, platform):
    def peers(release):
        policy = release.one("NetworkPolicy", "engineshed-exporter")["spec"]
        return [peer for rule in policy["ingress"] for peer in rule["from"]]

    runs, scraper = peers(kind)
    assert runs["podSelector"]["matchLabels"] == {"engineshed.dev/role": "run"}
    assert runs["namespaceSelector"]["matchExpressions"][0]["key"] == "engineshed.dev/team"
    assert scraper["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "prometheus"
    assert len(peers(platform({"networkPolicy": {"metricsFrom": []}}))) == 1


def test_without_it_nothing_speaks_of_it(platform):
    release = platform({"exporter": {"enabled": False}})
    assert not [
        name
        for made in ("Deployment", "Service", "ServiceAccount")
        for name in release.names(made)
        if "exporter" in name
    ]
    assert "exporter_url" not in release.one("ConfigMap", "engineshed-instance")["data"]["platform.yaml"]
