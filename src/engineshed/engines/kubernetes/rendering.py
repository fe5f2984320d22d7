"""From a Work to what is sent to the API server. Pure, so that it can be compared with golden files.

The body holds the Job (or the operator's SparkApplication) and, where they do not fit into variables or there is no
exchange, the attachments: what the run's ConfigMap is to hold. Refuses what drivers of other machines cannot reach.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.engines.kubernetes import conf, names, operator, pods
from engineshed.engines.kubernetes.settings import DOMAIN, NAME, KubernetesBlock, KubernetesSettings
from engineshed.engines.kubernetes.sizes import allocation, driver_size, executor_size
from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.request import Request, Work
from engineshed.processes.settings import checked

LARGEST_VARIABLE = 64 * 1024
"""Longer texts go to the ConfigMap: Linux takes no variable above 128 KiB, and all of them count."""

_BY_VALUE = ("ENGINESHED_CHANNEL", "ENGINESHED_RELAY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run goes, besides the settings. `access`: how drivers reach the exchange, without credentials."""

    namespace: str
    team: str
    access: Mapping[str, str]


def job_block(job: SparkJob) -> KubernetesBlock:
    """What the job says to this engine, checked. Raises JobInvalid."""
    try:
        return checked(KubernetesBlock, job.engine_settings.get(NAME, {}), f"engine_settings.{NAME}")
    except SettingInvalid as error:
        raise JobInvalid(f"job {job.name!r}: {error}") from error


def render(work: Work, settings: KubernetesSettings, place: Place) -> Request:
    """The request. Raises JobInvalid."""
    if work.staged.environment is not None:
        raise JobInvalid(
            f"job {work.job.name!r}: an environment is packed for engine {NAME}, whose drivers have their packages by "
            "their image: put them there, and take environments.kubernetes out of location.yaml."
        )
    block = job_block(work.job)
    selector = node_selector(work, settings, block)
    labels, annotations = _labels(work, place), _annotations(work)
    own_env = {**settings.env, **block.env}
    session, files = _session(work, settings, block, place, selector, labels, annotations, own_env)
    staged, archive = _staged(work, place.access)
    relay = {
        "version": 1,
        "argv": [work.staged.script.name, *work.job.arguments],
        "staged": staged,
        "files": files,
        "grace_s": settings.grace_s,
        "timeout_s": None,
    }
    values = {
        **own_env,
        **work.wiring.env,
        "ENGINESHED_RELAY": json.dumps(relay, sort_keys=True, ensure_ascii=False),
        "ENGINESHED_SCRATCH": names.SCRATCH,
    }
    attached = {name: values.pop(name) for name in _BY_VALUE if len(values.get(name, "").encode()) > LARGEST_VARIABLE}
    values |= {f"{name}_FILE": f"{names.ATTACHMENTS}/{name.lower()}.json" for name in attached}
    env = [*_env(values), {"name": "ENGINESHED_SESSION", "value": json.dumps(session, sort_keys=True)}]
    has_attachments = bool(attached or archive)
    pod = pods.driver_pod(
        driver_size(work.offer.resources, settings),
        env,
        settings,
        block,
        node_selector=selector,
        labels={**labels, names.ROLE: names.DRIVER},
        annotations=annotations,
        attachments=work.token if has_attachments else None,
        disk_gib=work.offer.resources.disk_gib,
    )
    if settings.operator.enabled:
        manifest = operator.application(work, settings, block, pod, session, files)
    else:
        manifest = _job(work, settings, pod)
    manifest["spec"]["suspend"] = has_attachments
    body: dict[str, Any] = {"namespace": place.namespace, "run": manifest}
    if has_attachments:
        texts = {f"{name.lower()}.json": text for name, text in attached.items()}
        body["attachments"] = {"texts": texts, "archive": archive, "labels": labels}
    return Request(work.offer.engine, work.token, body)


def node_selector(work: Work, settings: KubernetesSettings, block: KubernetesBlock) -> dict[str, str]:
    """The settings', the job's over it, and that of the node class that the offer is priced by."""
    of_class: Mapping[str, str] = work.offer.shape.get("match_labels", {})
    return {**settings.node_selector, **block.node_selector, **of_class}


def _session(
    work: Work,
    settings: KubernetesSettings,
    block: KubernetesBlock,
    place: Place,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    env: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """The session and the files that go with it."""
    asked = conf.asked_conf(work.job, block, settings)
    resources = work.offer.resources
    driver = driver_size(resources, settings)
    executors = allocation(work.job.resources, block, settings)
    if executors == 0:
        return conf.local_session(driver, asked), {}
    executor_labels = {**labels, names.ROLE: names.EXECUTOR}
    template = pods.executor_template(
        settings,
        block,
        {name: conf.literal(value) for name, value in env.items()},
        node_selector=selector,
        labels=executor_labels,
        annotations=annotations,
        disk_gib=resources.disk_gib,
    )
    size = executor_size(resources, settings)
    session = conf.cluster_session(driver, size, executors, asked, settings, place.namespace, executor_labels)
    return session, {conf.TEMPLATE: json.dumps(template, sort_keys=True, ensure_ascii=False)}


def _job(work: Work, settings: KubernetesSettings, pod: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "ttlSecondsAfterFinished": settings.ttl_s,
        # Not for the policy's sake, every failure ends the Job: its condition then tells exit code or disruption,
        # also when the pod is gone.
        "podFailurePolicy": {
            "rules": [
                {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": names.DRIVER_CONTAINER, "operator": "NotIn", "values": [0]},
                },
            ]
        },
        "template": pod,
    }
    if work.job.timeout_s is not None:
        # The pod's own limit keeps pod and log; the Job's ends what never started, also when nobody watches.
        limit_s = max(1, math.ceil(work.job.timeout_s))
        spec["template"] = pods.laid_over(pod, {"spec": {"activeDeadlineSeconds": limit_s}})
        spec["activeDeadlineSeconds"] = limit_s + math.ceil(settings.unschedulable_after_s)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": work.token,
            "labels": dict(pod["metadata"]["labels"]),
            "annotations": _annotations(work),
        },
        "spec": spec,
    }


def _labels(work: Work, place: Place) -> dict[str, str]:
    node_class = work.offer.shape.get("node_class")
    return {
        "app.kubernetes.io/name": "spark",
        "app.kubernetes.io/instance": work.token,
        "app.kubernetes.io/part-of": "engineshed",
        "app.kubernetes.io/managed-by": "engineshed",
        names.TOKEN: work.token,
        **({names.TEAM: place.team} if place.team else {}),
        **({names.NODE_CLASS: node_class} if node_class else {}),
    }


def _annotations(work: Work) -> dict[str, str]:
    """The tags, for people; labels cannot hold all that a tag may say."""
    known = {name.replace("engineshed/", f"{DOMAIN}/"): value for name, value in work.tags.items()}
    return {**known, f"{DOMAIN}/job": work.job.name}


def _env(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Variables of the driver; the pod's own facts come first, since others quote them."""
    facts = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in facts.items()),
        *({"name": name, "value": conf.literal(value)} for name, value in values.items()),
    ]


def _staged(work: Work, access: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What the relay is told of the staged files, and those that must travel as an archive."""
    artefacts = [work.staged.script, *work.staged.modules]
    if work.staged.driver.name not in {artefact.name for artefact in artefacts}:
        artefacts.append(work.staged.driver)
    files = [{"name": a.name, "sha256": a.sha256, "uri": a.uri} for a in artefacts]
    local = [file for file in files if _is_local(file["uri"])]
    if not local:
        return {"files": files, "access": dict(access)}, []
    if len(local) < len(files):
        raise JobInvalid(
            f"job {work.job.name!r}: {local[0]['uri']} is a file of this machine, other files are in the exchange: "
            "stage all of them to the exchange."
        )
    return {"archive": f"{names.ATTACHMENTS}/files.zip"}, local


def _is_local(uri: str) -> bool:
    return uri.startswith("file:") or "://" not in uri
