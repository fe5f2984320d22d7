def test_the_platform_finds_its_database(defaults, platform):
    said = platform.data("engineshed-instance", "dagster.yaml")["storage"]["postgres"]["postgres_db"]
    service = defaults.one("Service", said["hostname"].split(".")[0])
    assert said["hostname"] == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert said["port"] in [port["port"] for port in service["spec"]["ports"]]
    env = {
        one["name"]: one["value"]
        for one in defaults.container("StatefulSet/dev-services-postgresql", "postgresql")["env"]
    }
    assert (env["POSTGRES_DB"], env["POSTGRES_USER"]) == (said["db_name"], said["username"])


def test_the_platform_finds_its_password(defaults, platform):
    [needed] = {
        (one["valueFrom"]["secretKeyRef"]["name"], one["valueFrom"]["secretKeyRef"]["key"])
        for _, container in platform.containers()
        for one in container.get("env", [])
        if one["name"] == "DAGSTER_PG_PASSWORD"
    }
    assert needed[1] in defaults.one("Secret", needed[0])["stringData"]


def test_data_can_outlive_the_pod_but_not_the_release(services):
    spec = services({"postgresql": {"volumeSize": "2Gi"}}).one("StatefulSet", "dev-services-postgresql")["spec"]
    assert spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    assert "data" not in [volume["name"] for volume in spec["template"]["spec"]["volumes"]]


def test_it_can_be_left_out(services):
    assert services({"postgresql": {"enabled": False}}).source("postgresql.yaml") == []
