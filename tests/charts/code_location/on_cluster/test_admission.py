"""The API server itself takes every object of the release into a namespace where "restricted" is enforced."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.needs_cluster

EVERYTHING = {
    "global": {"imagePullSecrets": ["pull"]},
    "objectStore": {"existingSecret": "object-store"},
    "runs": {"nodeSelector": {"pool": "runs"}, "tolerations": [{"key": "spot", "operator": "Exists"}]},
}


def _pods(objects):
    """(name, metadata, spec) of every pod that the objects would make."""
    for found in objects:
        spec = found.get("spec", {})
        if found["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        template = found if found["kind"] == "Pod" else spec.get("template")
        if found["kind"] in ("Pod", "Deployment", "Job", "CronJob"):
            name = found["metadata"]["name"]
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"{name}-tried", "labels": template["metadata"]["labels"]},
                "spec": template["spec"],
            }


def test_every_object_is_taken_without_a_warning(kubernetes, teams, template):
    objects = template("alpha", {**teams.values("alpha"), **EVERYTHING})
    said = kubernetes.apply(teams.alpha, objects, "--dry-run=server", "--server-side", "--force-conflicts")
    assert "warning" not in said.lower()
    for found in objects:
        assert f"{found['kind'].lower()}" in said


def test_every_pod_of_it_passes_pod_security_limits_and_quota(kubernetes, teams, template):
    pods = list(_pods(template("alpha", {**teams.values("alpha"), **EVERYTHING})))
    assert len(pods) == 4
    said = kubernetes.apply(teams.alpha, pods, "--dry-run=server")
    assert said.count("created") == 4


def test_a_run_as_dagster_makes_it_is_taken(kubernetes, teams, template):
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    (server,) = [o for o in template("alpha", {**teams.values("alpha"), **EVERYTHING}) if o["kind"] == "Deployment"]
    env = server["spec"]["template"]["spec"]["containers"][0]["env"]
    context = K8sContainerContext.create_from_config(
        json.loads(next(e["value"] for e in env if e["name"] == "DAGSTER_CONTAINER_CONTEXT"))
    )
    config = DagsterK8sJobConfig(
        job_image="engineshed/alpha:dev",
        dagster_home="/opt/dagster/home",
        instance_config_map="engineshed-instance",
        postgres_password_secret="engineshed-database",
    )
    job = construct_dagster_k8s_job(config, ["dagster"], "run-1", context.run_k8s_config, component="run_worker")
    said = kubernetes.apply(teams.alpha, [ApiClient().sanitize_for_serialization(job)], "--dry-run=server")
    assert "created" in said
    assert "warning" not in said.lower()
