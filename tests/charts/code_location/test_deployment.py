"""The code server: rolled out without a gap, asked by Kubernetes itself, ended in order, read-only."""

from __future__ import annotations

import json

import pytest
import yaml


def _server(release):
    return release.one("Deployment", "alpha")["spec"]["template"]["spec"]["containers"][0]


def _env(container):
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def test_a_new_code_server_answers_before_the_old_one_goes(alpha):
    spec = alpha().one("Deployment", "alpha")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert spec["replicas"] == 1
    assert spec["minReadySeconds"] > 0


def test_the_old_one_answers_while_it_leaves_the_endpoints(alpha):
    pod = alpha().one("Deployment", "alpha")["spec"]["template"]["spec"]
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < sleep < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_kubernetes_asks_dagsters_own_health_service(alpha, probe):
    assert _server(alpha())[probe]["grpc"] == {"port": 4000, "service": "DagsterApi"}


def test_importing_the_code_has_its_own_time(alpha):
    probe = _server(alpha({"codeServer": {"startupSeconds": 42}}))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 42


def test_it_serves_the_location_that_the_settings_name(alpha):
    args = _server(alpha())["args"]
    assert args[:3] == ["dagster", "api", "grpc"]
    assert {"--module-name=alpha_one.definitions", "--location-name=alpha_one", "--port=4000"} <= set(args)


def test_a_module_of_another_name_is_served(alpha):
    assert "--module-name=alpha.all.of_it" in _server(alpha({"module": "alpha.all.of_it"}))["args"]


def test_its_environment_is_the_contract(alpha):
    env = _env(_server(alpha()))
    assert env["DAGSTER_HOME"] == "/opt/dagster/home"
    assert env["DAGSTER_PG_PASSWORD"] == {"secretKeyRef": {"name": "engineshed-database", "key": "postgresql-password"}}
    assert env["ENGINESHED_LOCATION"] == "/etc/engineshed/location/location.yaml"
    assert env["ENGINESHED_PLATFORM"] == "/etc/engineshed/platform/platform.yaml"
    assert env["ENGINESHED_HOME"] == "/var/lib/engineshed"
    assert env["ENGINESHED_TEAM"] == "alpha"
    assert env["DAGSTER_CONTAINER_IMAGE"] == "engineshed/alpha:dev"
    assert json.loads(env["DAGSTER_CONTAINER_CONTEXT"])["k8s"]["namespace"] == "team-alpha"


def test_what_it_writes_to_is_scratch(alpha):
    pod = alpha().one("Deployment", "alpha")["spec"]["template"]["spec"]
    scratch = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
    mounted = {m["mountPath"] for m in pod["containers"][0]["volumeMounts"] if m["name"] in scratch}
    assert mounted == {"/tmp", "/var/lib/engineshed", "/opt/dagster/home"}
    assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume)


def test_a_changed_location_starts_a_new_pod_and_an_unchanged_one_does_not(alpha):
    def sum_of(mode):
        release = alpha({"location": {"team": "alpha", "code_location": "alpha_one", "mode": mode}})
        return release.one("Deployment", "alpha")["spec"]["template"]["metadata"]["annotations"]["checksum/location"]

    assert sum_of("full") == sum_of("full") != sum_of("sample")


def test_live_update_reloads_in_place_and_is_off_unless_asked_for(alpha):
    release = alpha({"codeServer": {"liveUpdate": True}})
    server = _server(release)
    assert server["args"][:3] == ["dagster", "code-server", "start"]
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    folder = "/opt/engineshed/code_locations/alpha_one"
    runs = yaml.safe_load(next(e["value"] for e in server["env"] if e["name"] == "DAGSTER_CONTAINER_CONTEXT"))["k8s"]
    for pod_mounts, pod_volumes in (
        (server["volumeMounts"], release.one("Deployment", "alpha")["spec"]["template"]["spec"]["volumes"]),
        (runs["volume_mounts"], runs["volumes"]),
    ):
        assert {m["mountPath"] for m in pod_mounts if m["name"] == "code"} == {folder, "/opt/engineshed/spark"}
        assert {"name": "code", "persistentVolumeClaim": {"claimName": "alpha-code"}} in pod_volumes
    assert release.one("PersistentVolumeClaim", "alpha-code")
    assert "initContainers" not in alpha().one("Deployment", "alpha")["spec"]["template"]["spec"]
    assert alpha().all("PersistentVolumeClaim") == []
