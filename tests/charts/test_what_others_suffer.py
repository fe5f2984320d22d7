"""What users of other Dagster charts report, each with the answer of these charts: one test a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CHARTS = Path(__file__).parents[2] / "charts"


@pytest.fixture(scope="module")
def platform(render):
    return render("platform", files=("values-kind.yaml",))


@pytest.fixture(scope="module")
def location(render):
    least = yaml.safe_load((CHARTS / "code-location/ci/minimal-values.yaml").read_text())
    return render("code-location", least, release="alpha", namespace="team-alpha")


def code_server(location):
    return location.one("Deployment", "alpha")["spec"]


def test_it_will_not_start_without_a_code_location(platform):
    """Both processes always get a workspace file; an empty one is written before they start."""
    for name in ("webserver", "daemon"):
        process = platform.container(f"Deployment/engineshed-{name}", name)
        assert "--workspace=/workspace/workspace.yaml" in process["command"] + process["args"]
        assert platform.pod(f"Deployment/engineshed-{name}")["spec"]["initContainers"][0]["name"] == "discovery"


def test_a_new_location_means_an_edit_of_the_platform(platform, location):
    """No value of the platform names a location; the team's Service carries what discovery looks for."""
    assert "alpha" not in str(platform.objects)
    marked = location.one("Service", "alpha")["metadata"]["labels"]
    assert "engineshed.dev/code-location" in marked


def test_a_rollout_of_code_refuses_connections(location):
    spec = code_server(location)
    [server] = spec["template"]["spec"]["containers"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["minReadySeconds"] > 0
    assert server["lifecycle"]["preStop"]
    assert server["startupProbe"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 0


def test_all_deployments_share_one_account(platform, location):
    ours = {pod["spec"].get("serviceAccountName") for _, pod in platform.pods()}
    assert "default" not in ours
    assert code_server(location)["template"]["spec"]["serviceAccountName"] == "alpha"


def test_finished_run_pods_pile_up(platform):
    run = platform.data("engineshed-instance", "dagster.yaml")["run_launcher"]["config"]["run_k8s_config"]
    assert run["job_spec_config"]["ttl_seconds_after_finished"] <= 3600


def test_there_is_no_disruption_budget(platform, location):
    assert platform.names("PodDisruptionBudget")
    assert location.names("PodDisruptionBudget")


def test_there_is_no_network_policy_or_monitor_or_route(render, platform, location):
    assert platform.names("NetworkPolicy")
    assert location.names("NetworkPolicy")
    asked = {
        "monitoring": {"podMonitor": {"enabled": True}},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    }
    full = render("platform", asked, files=("values-kind.yaml",))
    assert full.names("PodMonitor")
    assert full.names("HTTPRoute")


def test_the_migration_is_a_job_beside_the_webserver(platform):
    job = platform.one("Job", "engineshed-migrate-1")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["initContainers"][0]["command"] == ["engineshed", "migrate"]


@pytest.mark.parametrize("file", ["values-kind.yaml", "values-production.yaml"])
def test_the_database_password_stands_in_the_values(render, file):
    release = render("platform", files=(file,))
    assert release.all("Secret") == []
    with pytest.raises(Exception, match=r"refused unless postgresql\.dev\.enabled is true"):
        render("platform", {"postgresql": {"dev": {"password": "test"}}}, files=(file,))


def test_security_contexts_are_empty(platform, location, restricted):
    for release in (platform, location):
        assert [found for _, pod in release.pods() for found in restricted(pod)] == []


def test_a_change_of_settings_reaches_no_pod(platform):
    """A checksum that replaces the pods, and no mount by subPath, which would never follow its ConfigMap."""
    for name in ("webserver", "daemon"):
        assert "checksum/instance" in platform.pod(f"Deployment/engineshed-{name}")["metadata"]["annotations"]
    assert not [mount for _, one in platform.containers() for mount in one["volumeMounts"] if "subPath" in mount]


def test_images_of_third_parties_come_along(platform, location):
    for release in (platform, location):
        assert {one["image"].split("/")[-2] for _, one in release.containers()} == {"engineshed"}


@pytest.mark.parametrize("chart", ["platform", "code-location", "dev-services"])
def test_values_are_explained_by_comments_alone(chart):
    table = (CHARTS / chart / "README.md").read_text()
    assert table.count("\n| `") > 20
