import pytest

STORE = "StatefulSet/dev-services-objectstore"


def test_the_platform_finds_its_bucket_and_keys(defaults, platform):
    logs = platform.data("engineshed-instance", "dagster.yaml")["compute_logs"]["config"]
    service = defaults.one("Service", "dev-services-objectstore")
    assert logs["endpoint_url"] == "http://dev-services-objectstore.engineshed.svc:9000"
    assert 9000 in [port["port"] for port in service["spec"]["ports"]]
    assert f"/data/{logs['bucket']}" in defaults.container(STORE, "buckets")["command"]
    [source] = platform.container("Deployment/engineshed-webserver", "webserver")["envFrom"]
    secret = defaults.one("Secret", source["secretRef"]["name"])
    assert set(secret["stringData"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_buckets_are_there_before_the_server(services):
    release = services({"objectStore": {"buckets": ["one", "two"]}})
    assert release.pod(STORE)["spec"]["initContainers"][0]["command"] == ["mkdir", "-p", "/data/one", "/data/two"]


def test_a_name_that_is_no_bucket_is_refused(services):
    with pytest.raises(Exception, match="/objectStore/buckets/0"):
        services({"objectStore": {"buckets": ["../etc"]}})
