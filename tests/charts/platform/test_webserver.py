WEBSERVER = "Deployment/engineshed-webserver"


def test_it_starts_with_an_empty_list_of_code_locations(kind):
    """The list is a file that discovery writes before the web pages start; no location is named by any value."""
    first = kind.pod(WEBSERVER)["spec"]["initContainers"][0]
    assert (first["name"], first["restartPolicy"]) == ("discovery", "Always")
    assert first["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert "--workspace=/workspace/workspace.yaml" in kind.container(WEBSERVER, "webserver")["command"]


def test_discovery_tells_the_web_pages_of_its_own_pod(platform):
    said = platform({"webserver": {"pathPrefix": "/dagster"}})
    assert "--reload-url=http://localhost:3000/dagster/graphql" in said.container(WEBSERVER, "discovery")["args"]
    web = said.container(WEBSERVER, "webserver")
    assert "--path-prefix=/dagster" in web["args"]
    probed = {web[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probed == {"/dagster/server_info"}


def test_a_rollout_never_leaves_nobody_to_answer(kind):
    spec = kind.one("Deployment", "engineshed-webserver")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert kind.container(WEBSERVER, "webserver")["lifecycle"]["preStop"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 5


def test_the_pod_is_replaced_when_the_settings_change(platform, kind):
    before = kind.pod(WEBSERVER)["metadata"]["annotations"]["checksum/instance"]
    other = platform({"instance": {"queue": {"perTeam": 3}}}).pod(WEBSERVER)["metadata"]["annotations"]
    same = platform({"webserver": {"replicas": 2}}).pod(WEBSERVER)["metadata"]["annotations"]
    assert other["checksum/instance"] != before == same["checksum/instance"]


def test_no_settings_are_mounted_by_sub_path(kind):
    for name, container in kind.containers():
        assert not [mount for mount in container["volumeMounts"] if "subPath" in mount], name


def test_the_service_leads_to_the_pods(kind):
    service = kind.one("Service", "engineshed-webserver")["spec"]
    labels = kind.pod(WEBSERVER)["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert service["ports"][0]["targetPort"] in [p["name"] for p in kind.container(WEBSERVER, "webserver")["ports"]]
    assert service["type"] == "ClusterIP"


def test_compute_logs_are_read_by_the_web_pages_alone(kind):
    with_keys = {name for name, container in kind.containers() if container.get("envFrom")}
    assert with_keys == {WEBSERVER}


def test_replicas_spread_by_their_own_labels(production):
    spread = production.pod(WEBSERVER)["spec"]["topologySpreadConstraints"]
    labels = production.pod(WEBSERVER)["metadata"]["labels"]
    assert {one["topologyKey"] for one in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert all(one["labelSelector"]["matchLabels"].items() <= labels.items() for one in spread)


def test_no_code_server_holds_a_reload_for_a_minute(kind):
    container = kind.container("Deployment/engineshed-webserver", "webserver")
    waits = [one["value"] for one in container["env"] if one["name"] == "DAGSTER_GRPC_TIMEOUT_SECONDS"]
    assert [int(seconds) <= 20 for seconds in waits] == [True]
