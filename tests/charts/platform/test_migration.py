JOB = "Job/engineshed-migrate-1"


def hook(made):
    return made["metadata"]["annotations"]["helm.sh/hook"]


def weight(made):
    return int(made["metadata"]["annotations"]["helm.sh/hook-weight"])


def test_it_runs_before_install_and_upgrade(kind):
    assert {hook(made) for made in kind.source("migration.yaml")} == {"pre-install,pre-upgrade"}


def test_its_name_has_the_revision(platform):
    assert platform(upgrade=True, revision=7).names("Job") == ["engineshed-migrate-7"]


def test_all_that_it_needs_is_there_before_it(platform):
    """At the first install no other object of the release exists yet."""
    for dev in (False, True):
        release = platform({"postgresql": {"dev": {"enabled": dev, "password": "here" if dev else ""}}})
        made = release.source("migration.yaml")
        job = release.one("Job")
        before = {(one["kind"], one["metadata"]["name"]) for one in made if weight(one) < weight(job)}
        spec = job["spec"]["template"]["spec"]
        needed = {("ServiceAccount", spec["serviceAccountName"])}
        needed |= {("ConfigMap", one["configMap"]["name"]) for one in spec["volumes"] if "configMap" in one}
        secrets = {
            one["valueFrom"]["secretKeyRef"]["name"]
            for container in (*spec["initContainers"], *spec["containers"])
            for one in container["env"]
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        # The existing Secret is not the release's to make.
        needed |= {("Secret", name) for name in secrets - {"dev-services-postgresql"}}
        assert needed <= before
        assert len(secrets) == 1


def test_nothing_of_it_is_left_when_it_worked(kind):
    for made in kind.source("migration.yaml"):
        assert "hook-succeeded" in made["metadata"]["annotations"]["helm.sh/hook-delete-policy"]


def test_it_waits_for_the_database_first(platform):
    pod = platform({"migration": {"waitSeconds": 45}}).pod(JOB)["spec"]
    assert [one["command"] + one["args"] for one in pod["initContainers"]] == [["engineshed", "migrate", "--wait=45"]]
    assert [one["command"] for one in pod["containers"]] == [["dagster", "instance", "migrate"]]


def test_it_has_no_rights_and_loads_no_launcher(kind):
    assert kind.pod(JOB)["spec"]["automountServiceAccountToken"] is False
    assert set(kind.data("engineshed-migrate", "dagster.yaml")) == {"storage", "telemetry"}


def test_it_can_be_left_to_someone_else(platform):
    assert platform({"migration": {"enabled": False}}).source("migration.yaml") == []
