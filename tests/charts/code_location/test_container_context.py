"""What Dagster is told about runs, read by dagster_k8s itself: every key is known to it, and the pod it makes of it is
restricted, in the team's namespace and under its account.
"""

from __future__ import annotations

import json

import pytest
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
from kubernetes.client import ApiClient

from engineshed.model.errors import LaunchRefused
from engineshed.running.launcher.claims import check_container_context
from engineshed.running.launcher.manifest import check_job
from engineshed.running.launcher.warrant import Warrant


def _context(release, name="alpha"):
    env = release.one("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["env"]
    return json.loads(next(e["value"] for e in env if e["name"] == "DAGSTER_CONTAINER_CONTEXT"))


def _job(release, name="alpha", labels=None):
    context = K8sContainerContext.create_from_config(_context(release, name))
    settings = DagsterK8sJobConfig(job_image="engineshed/alpha:dev", dagster_home="/opt/dagster/home")
    job = construct_dagster_k8s_job(
        settings,
        ["dagster"],
        "run-1",
        context.run_k8s_config,
        pod_name="run-1",
        component="run_worker",
        labels=labels or {},
        env_vars=[{"name": "ENGINESHED_TEAM", "value": "alpha"}],
    )
    return context.namespace, ApiClient().sanitize_for_serialization(job)


def test_runs_are_in_the_teams_namespace_under_its_account(alpha):
    namespace, job = _job(alpha())
    assert namespace == "team-alpha"
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "alpha"


def test_runs_are_restricted(everything, restricted):
    _, job = _job(everything)
    assert restricted(job["spec"]["template"]) == []


@pytest.mark.parametrize("location", ["web_graph", "company_registry"])
def test_runs_of_the_showcase_are_restricted(showcase, restricted, location):
    _, job = _job(showcase(location), location.replace("_", "-"))
    assert restricted(job["spec"]["template"]) == []


def test_runs_see_what_the_code_server_sees(everything):
    server = everything.one("Deployment", "alpha")["spec"]["template"]["spec"]
    _, job = _job(everything)
    run = job["spec"]["template"]["spec"]
    assert run["volumes"] == server["volumes"]
    # The launcher mounts the instance's settings into runs itself.
    own = {"/opt/dagster/home/dagster.yaml"}
    assert run["containers"][0]["volumeMounts"] == [
        mount for mount in server["containers"][0]["volumeMounts"] if mount["mountPath"] not in own
    ]
    assert run["containers"][0]["envFrom"] == server["containers"][0]["envFrom"]
    assert run["imagePullSecrets"] == server["imagePullSecrets"]
    names = [entry["name"] for entry in run["containers"][0]["env"]]
    assert len(names) == len(set(names))


def test_a_run_keeps_the_location_it_started_with_and_follows_the_platform(alpha):
    _, job = _job(alpha())
    mounts = {m["name"]: m for m in job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["location"]["subPath"] == "location.yaml"
    assert "subPath" not in mounts["platform"]


def test_values_of_runs_reach_them(everything):
    _, job = _job(everything)
    template = job["spec"]["template"]
    assert template["metadata"]["labels"]["cost-centre"] == "7"
    assert template["metadata"]["labels"]["app.kubernetes.io/instance"] == "alpha"
    assert template["metadata"]["annotations"] == {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    assert template["spec"]["nodeSelector"] == {"pool": "runs"}
    assert template["spec"]["priorityClassName"] == "high"
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_the_context_claims_no_mark_of_the_platform(everything):
    assert "engineshed.dev/" not in json.dumps(_context(everything))


def _warrant(**other):
    said = {
        "namespace": "team-alpha",
        "team": "alpha",
        "code_location": "alpha_one",
        "service_account": "alpha",
        "image": "engineshed/alpha:dev",
        "job_name": "run-1",
        "arguments": ["dagster"],
        "own_labels": {},
        "service": "alpha",
        "service_uid": "u1",
    }
    return Warrant(**{**said, **other})


def test_the_platforms_launcher_accepts_it(everything):
    warrant = _warrant()
    check_container_context(_context(everything))
    namespace, job = _job(everything, labels=warrant.labels)
    check_job(job, namespace, warrant)


def test_the_platforms_launcher_refuses_it_as_another_teams(everything):
    namespace, job = _job(everything, labels=_warrant().labels)
    with pytest.raises(LaunchRefused, match=r"job\.metadata\.labels\[engineshed\.dev/team\]"):
        check_job(job, namespace, _warrant(team="beta", namespace="team-beta", service_account="beta"))
