"""A run starts in its team's namespace, under its account, from its image; whatever asks for more starts nothing."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from typing import Any

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.launcher import ResumeRunContext
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import DOCKER_IMAGE_TAG
from dagster._daemon.monitoring import run_monitoring
from tests.unit.running.launcher.platforms import OTHER, WEB, Platform, code_server

from engineshed.model.errors import LaunchRefused


def _tag(**config: Any) -> dict[str, str]:
    return {"dagster-k8s/config": json.dumps(config)}


def _context(**k8s: Any) -> dict[str, Any]:
    return {"k8s": k8s}


def test_a_plain_run_is_started_as_discovery_says(platform: Platform) -> None:
    job = platform.launch(platform.run())

    [(namespace, _)] = platform.api.created
    pod = job["spec"]["template"]["spec"]
    assert namespace == "team-web-graph"
    assert pod["serviceAccountName"] == "web-graph"
    assert [c["image"] for c in pod["containers"]] == ["engineshed/web-graph:dev"]
    assert {"name": "ENGINESHED_TEAM", "value": "web-graph"} in pod["containers"][0]["env"]
    for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
        assert labels["engineshed.dev/team"] == "web-graph"
        assert labels["engineshed.dev/code-location"] == "web_graph"
        assert labels["engineshed.dev/role"] == "run"
    owner = {"apiVersion": "v1", "kind": "Service", "name": "web-graph", "uid": "u1"}
    assert job["metadata"]["ownerReferences"] == [owner], "it goes with the team's release"
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_what_a_team_may_choose_is_kept(platform: Platform) -> None:
    context = _context(
        namespace="team-web-graph",
        service_account_name="web-graph",
        env_vars=["COLOUR=blue"],
        env_secrets=["store"],
        volumes=[{"name": "cache", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "own"}}],
        volume_mounts=[{"name": "cache", "mountPath": "/cache"}],
        labels={"example.org/cost-centre": "7"},
        security_context={"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
        run_k8s_config={"pod_spec_config": {"node_selector": {"pool": "runs"}}},
    )
    tags = _tag(
        container_config={"resources": {"requests": {"cpu": "2"}}, "env": [{"name": "MOOD", "value": "good"}]},
        pod_spec_config={"tolerations": [{"key": "spot", "operator": "Exists"}]},
        job_spec_config={"ttl_seconds_after_finished": 60},
    )
    job = platform.launch(platform.run(context=context, tags=tags))

    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    names = {each["name"]: each.get("value") for each in container["env"]}
    assert (names["COLOUR"], names["MOOD"]) == ("blue", "good")
    assert container["resources"] == {"requests": {"cpu": "2"}}
    assert {"secretRef": {"name": "store"}} in container["envFrom"]
    assert {"cache", "s"} <= {each["name"] for each in pod["volumes"]}
    assert pod["nodeSelector"] == {"pool": "runs"}
    assert pod["tolerations"][0]["key"] == "spot"
    assert job["spec"]["template"]["metadata"]["labels"]["example.org/cost-centre"] == "7"
    assert job["spec"]["ttlSecondsAfterFinished"] == 60


PRIVILEGED = {"securityContext": {"privileged": True}}
HOST_PATH = {"name": "h", "hostPath": {"path": "/"}}

TAGS = {
    "account": ({"pod_spec_config": {"serviceAccountName": "other"}}, "pod_spec_config.service_account_name"),
    "host network": ({"pod_spec_config": {"hostNetwork": True}}, "pod_spec_config.host_network"),
    "node": ({"pod_spec_config": {"nodeName": "node-1"}}, "pod_spec_config.node_name"),
    "host path": ({"pod_spec_config": {"volumes": [HOST_PATH]}}, r"volumes\[h\].hostPath"),
    "privileged": ({"container_config": PRIVILEGED}, "container_config.security_context"),
    "image": ({"container_config": {"image": "evil:1"}}, "container_config.image"),
    "command": ({"container_config": {"command": ["sh"]}}, "container_config.command"),
    "sidecar": ({"pod_spec_config": {"containers": [{"name": "x"}]}}, "pod_spec_config.containers"),
    "label": ({"pod_template_spec_metadata": {"labels": {"engineshed.dev/team": "x"}}}, "engineshed.dev/team"),
    "job label": ({"job_metadata": {"labels": {"engineshed.dev/token": "x"}}}, "engineshed.dev/token"),
    "annotation": ({"job_metadata": {"annotations": {"engineshed.dev/x": "y"}}}, "engineshed.dev/x"),
    "cloud role": (
        {"pod_template_spec_metadata": {"annotations": {"iam.amazonaws.com/role": "admin"}}},
        "iam.amazonaws.com/role",
    ),
    "owner": (
        {"job_metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]}},
        "job_metadata.owner_references",
    ),
    "namespace": ({"job_metadata": {"namespace": "team-company-registry"}}, "job_metadata.namespace"),
    "job config": ({"job_config": {"metadata": {"namespace": "x"}}}, "job_config.metadata"),
    "parallelism": ({"job_spec_config": {"parallelism": 9}}, "job_spec_config.parallelism"),
    "team": ({"container_config": {"env": [{"name": "ENGINESHED_TEAM", "value": "x"}]}}, "ENGINESHED_TEAM"),
    "priority": ({"pod_spec_config": {"priority_class_name": "system-node-critical"}}, "priorityClassName"),
    "for ever": ({"job_spec_config": {"ttl_seconds_after_finished": 10**9}}, "ttlSecondsAfterFinished"),
}


@pytest.mark.parametrize(("config", "said"), TAGS.values(), ids=TAGS)
def test_tags_that_reach_further_start_nothing(platform: Platform, config: dict[str, Any], said: str) -> None:
    run = platform.run(tags=_tag(**config))

    with pytest.raises(LaunchRefused, match=said):
        platform.launch(run)

    assert platform.api.created == []


RUN = "run_k8s_config"
CONTEXTS = {
    "namespace": ({"namespace": "team-company-registry"}, "namespace is 'team-company-registry'"),
    "account": ({"service_account_name": "company-registry"}, "serviceAccountName is 'company-registry'"),
    "account by pod": (
        {RUN: {"pod_spec_config": {"service_account_name": "daemon"}}},
        "serviceAccountName is 'daemon'",
    ),
    "old field": ({RUN: {"pod_spec_config": {"service_account": "daemon"}}}, "pod.spec.serviceAccount "),
    "image": ({RUN: {"container_config": {"image": "evil:1"}}}, "image is 'evil:1'"),
    "sidecar image": (
        {RUN: {"pod_spec_config": {"init_containers": [{"name": "i", "image": "evil:2"}]}}},
        "container 'i'.image is 'evil:2'",
    ),
    "label": ({"labels": {"engineshed.dev/team": "x"}}, r"labels\[engineshed.dev/team\] is 'x'"),
    "role": ({"labels": {"engineshed.dev/role": "spark-driver"}}, "spark-driver"),
    "below our domain": ({"labels": {"x.engineshed.dev/y": "z"}}, "x.engineshed.dev/y"),
    "run label": ({"labels": {"dagster/run-id": "z"}}, "dagster/run-id"),
    "pod identity": ({"labels": {"aadpodidbinding": "admin"}}, "aadpodidbinding"),
    "team": ({"env_vars": ["ENGINESHED_TEAM=company-registry"]}, "ENGINESHED_TEAM is 'company-registry'"),
    "team from a secret": (
        {"env": [{"name": "ENGINESHED_TEAM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        "ENGINESHED_TEAM",
    ),
    "platform's environment": ({"env_vars": ["AWS_SECRET_ACCESS_KEY"]}, "env_vars 'AWS_SECRET_ACCESS_KEY'"),
    "platform's environment again": ({"scheduler_name": {"env": "AWS_SECRET_ACCESS_KEY"}}, "k8s.scheduler_name"),
    "host path": ({"volumes": [HOST_PATH]}, r"volumes\[h\].hostPath"),
    "host pid": ({RUN: {"pod_spec_config": {"host_pid": True}}}, "hostPID"),
    "host ipc": ({RUN: {"pod_spec_config": {"hostIPC": True}}}, "hostIPC"),
    "host port": ({RUN: {"container_config": {"ports": [{"containerPort": 1, "hostPort": 1}]}}}, "port of the host"),
    "privileged": ({"security_context": {"privileged": True}}, "securityContext.privileged"),
    "privileged sidecar": (
        {RUN: {"pod_spec_config": {"containers": [{"name": "s", "image": WEB.image, **PRIVILEGED}]}}},
        "container 's'.securityContext.privileged",
    ),
    "root": ({RUN: {"pod_spec_config": {"security_context": {"runAsUser": 0}}}}, "runAsUser"),
    "capability": ({"security_context": {"capabilities": {"add": ["SYS_ADMIN"]}}}, "SYS_ADMIN"),
    "unconfined": ({"security_context": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
    "owner": (
        {RUN: {"job_metadata": {"owner_references": [{"api_version": "v1", "kind": "Pod", "name": "p", "uid": "u"}]}}},
        "job.metadata.ownerReferences",
    ),
    "finalizer": ({RUN: {"job_metadata": {"finalizers": ["x/y"]}}}, "job.metadata.finalizers"),
    "retries": ({RUN: {"job_spec_config": {"backoff_limit": 5}}}, "backoffLimit is 5"),
    "other controller": ({RUN: {"job_spec_config": {"managed_by": "x/y"}}}, "managedBy"),
    "node": ({RUN: {"pod_spec_config": {"node_name": "node-1"}}}, "nodeName"),
    "claims of devices": (
        {RUN: {"pod_spec_config": {"resource_claims": [{"name": "d", "resource_claim_name": "c"}]}}},
        "resourceClaims",
    ),
}


@pytest.mark.parametrize(("k8s", "said"), CONTEXTS.values(), ids=CONTEXTS)
def test_container_contexts_that_reach_further_start_nothing(
    platform: Platform, k8s: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the platform's")
    run = platform.run(context=_context(**k8s))

    with pytest.raises(LaunchRefused, match=said):
        platform.launch(run)

    assert platform.api.created == []


def test_a_replacing_merge_does_not_drop_what_is_ours(platform: Platform) -> None:
    tags = _tag(merge_behavior="SHALLOW", container_config={"env": [{"name": "A", "value": "b"}]})
    job = platform.launch(platform.run(tags=tags))
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ENGINESHED_TEAM", "value": "web-graph"} in env


def test_the_image_that_a_code_server_serves_decides_nothing(platform: Platform) -> None:
    job = platform.launch(platform.run(image="evil:3"))
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == WEB.image


def _image(job: Any) -> str:
    return str(job["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_release_whose_new_code_server_is_not_ready_does_not_change_what_runs_start_from(platform: Platform) -> None:
    platform.api.pods = [code_server("web:old", beside="mesh:1"), code_server(WEB.image, ready=False, born_day=2)]

    run = platform.run()
    job = platform.launch(run)

    assert _image(job) == "web:old"
    after = platform.instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.tags[DOCKER_IMAGE_TAG] == "web:old"


def test_a_new_code_server_that_is_ready_decides_for_the_image_of_runs(platform: Platform) -> None:
    platform.api.pods = [code_server("web:old", born_day=2), code_server(WEB.image)]

    assert _image(platform.launch(platform.run())) == WEB.image


def test_of_several_images_that_the_release_does_not_say_the_newest_serves(platform: Platform) -> None:
    platform.api.pods = [code_server("web:1"), code_server("web:2", born_day=2)]

    assert _image(platform.launch(platform.run())) == "web:2"


@pytest.mark.parametrize("status", [403, 404])
def test_where_code_servers_cannot_be_read_the_release_is_believed(platform: Platform, status: int) -> None:
    platform.api.pods, platform.api.refuse_pods = [code_server("web:old")], status

    assert _image(platform.launch(platform.run())) == WEB.image


def test_a_refused_run_fails_with_the_sentence_and_is_not_retried(platform: Platform) -> None:
    run = platform.run(context=_context(namespace="kube-system"), tags={"dagster/max_retries": "3"})
    with pytest.raises(LaunchRefused):
        platform.launch(run)

    after = platform.instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.status is DagsterRunStatus.FAILURE
    assert after.tags["dagster/max_retries"] == "0"
    assert "container_context.k8s.namespace is 'kube-system'" in platform.said(run)
    assert "leave it out" in platform.said(run)


def test_an_unknown_location_is_awaited_and_then_refused(platform: Platform) -> None:
    platform.know(OTHER)
    began_s = platform.clock.monotonic_s()
    with pytest.raises(LaunchRefused, match=r"'web_graph' .* is not known here .known: company_registry"):
        platform.launch(platform.run())
    assert 5 <= platform.clock.monotonic_s() - began_s < 6


def test_a_run_that_another_code_server_planned_is_refused(platform: Platform) -> None:
    """The name has changed hands, or this pod knows another holder of it than the webserver."""
    planned_by_other = platform.run(planner=replace(OTHER, name="web_graph"))
    with pytest.raises(LaunchRefused, match="planned by the code server at company-registry"):
        platform.launch(planned_by_other)


def test_without_a_listing_nothing_starts(platform: Platform) -> None:
    platform.locations_file.write_text("{")
    with pytest.raises(LaunchRefused, match="cannot be read"):
        platform.launch(platform.run())
    platform.locations_file.unlink()
    with pytest.raises(LaunchRefused, match="engineshed discover"):
        platform.launch(platform.run())


FORGED = _context(namespace="team-company-registry")
STARTED = DagsterRunStatus.STARTED


def test_ending_a_run_touches_its_own_namespace_only(platform: Platform) -> None:
    run = platform.run(context=FORGED, status=STARTED)
    assert platform.launcher.terminate(run.run_id)
    assert platform.api.deleted == [("team-web-graph", f"dagster-run-{run.run_id}", "Background")]


def test_health_reads_the_own_namespace_only(platform: Platform) -> None:
    run = platform.run(context=FORGED, status=STARTED)
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert platform.api.read == [("team-web-graph", f"dagster-run-{run.run_id}")]


def test_what_cannot_be_known_is_not_taken_for_death(platform: Platform) -> None:
    run = platform.run(status=STARTED)
    platform.api.refuse_reads = 403
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    platform.api.refuse_reads = 404
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN
    platform.know()
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


def test_a_run_of_an_unknown_location_is_not_half_ended(platform: Platform) -> None:
    run = platform.run(status=STARTED)
    platform.know()
    with pytest.raises(LaunchRefused, match="not known"):
        platform.launcher.terminate(run.run_id)
    after = platform.instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.status is STARTED


def test_the_job_of_a_run_that_never_started_is_ended_when_dagster_gives_it_up(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = platform.run(status=DagsterRunStatus.NOT_STARTED)
    starting = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
    platform.instance.report_dagster_event(starting, run.run_id)
    monkeypatch.setattr(DagsterInstance, "run_launcher", platform.launcher)
    monkeypatch.setattr(run_monitoring, "get_current_timestamp", lambda: time.time() + 10_000)

    record = platform.instance.get_run_record_by_id(run.run_id)
    assert record is not None
    run_monitoring.monitor_starting_run(platform.instance, record, logging.getLogger())

    after = platform.instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.status is DagsterRunStatus.FAILURE
    assert platform.api.deleted == [("team-web-graph", f"dagster-run-{run.run_id}", "Background")]


def test_to_ask_after_a_run_that_works_ends_nothing(platform: Platform) -> None:
    platform.launcher.get_run_worker_debug_info(platform.run(status=DagsterRunStatus.STARTED))

    assert platform.api.deleted == []


def test_runs_are_not_resumed(platform: Platform) -> None:
    assert not platform.launcher.supports_resume_run
    assert not platform.launcher.supports_run_worker_crash_recovery
    with pytest.raises(LaunchRefused, match="max_resume_run_attempts"):
        platform.launcher.resume_run(ResumeRunContext(platform.run(), None, 1))
