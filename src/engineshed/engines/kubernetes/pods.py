"""The pod of a driver and the template of its executors. Pure.

Both fit Pod Security "restricted": non-root, read-only root file system, no capabilities, no privilege escalation.
Refuses nothing by itself: what a template of the settings may say is the cluster's admission to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.settings import KubernetesBlock, KubernetesSettings
from engineshed.engines.kubernetes.sizes import PodSize

_STAY = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""So that a scale-down of the cluster waits for the run's end."""

_SCRAPED = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(names.UI_PORT),
    "prometheus.io/path": names.EXECUTORS_METRICS_PATH,
}
"""So that a Prometheus without an operator finds the driver, which speaks for its executors too."""


def driver_pod(
    size: PodSize,
    env: list[dict[str, Any]],
    settings: KubernetesSettings,
    block: KubernetesBlock,
    *,
    node_selector: Mapping[str, str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    attachments: str | None,
    disk_gib: float,
) -> dict[str, Any]:
    """The template of the Job's one pod. `attachments`: name of the ConfigMap to mount, if there is one."""
    ports = {"rpc": names.DRIVER_PORT, "blocks": names.BLOCK_PORT, "ui": names.UI_PORT}
    container: dict[str, Any] = {
        **_container(names.DRIVER_CONTAINER, settings),
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python", "-m", "engineshed_relay"],
        "env": env,
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "resources": with_disk(size.resources(), disk_gib),
    }
    spec = {
        **_pod(settings, block, node_selector, disk_gib),
        "serviceAccountName": settings.service_account,
        "restartPolicy": "Never",
        # The relay ends the script, then ships what it said last.
        "terminationGracePeriodSeconds": round(settings.grace_s) + 10,
        "containers": [container],
    }
    if attachments:
        container["volumeMounts"].append({"name": "attachments", "mountPath": names.ATTACHMENTS, "readOnly": True})
        spec["volumes"].append({"name": "attachments", "configMap": {"name": attachments}})
    metadata = _metadata(settings, labels, annotations)
    metadata["annotations"] = {**_SCRAPED, **metadata["annotations"]}
    return {"metadata": metadata, "spec": spec}


def executor_template(
    settings: KubernetesSettings,
    block: KubernetesBlock,
    env: Mapping[str, str],
    *,
    node_selector: Mapping[str, str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    disk_gib: float,
) -> dict[str, Any]:
    """What Spark starts from when it makes an executor's pod; the template of the settings is laid over it."""
    container = _container(names.EXECUTOR_CONTAINER, settings)
    container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    # Spark copies what executors import into the folder they start in, and the image's own is not writable.
    container["workingDir"] = names.SCRATCH
    resources = with_disk({}, disk_gib)
    own = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(settings, labels, annotations),
        "spec": {
            **_pod(settings, block, node_selector, disk_gib),
            "serviceAccountName": settings.executor_service_account,
            "automountServiceAccountToken": False,
            "containers": [{**container, **({"resources": resources} if resources else {})}],
        },
    }
    return laid_over(own, settings.executor_template)


def with_disk(resources: Mapping[str, Mapping[str, str]], disk_gib: float) -> dict[str, dict[str, str]]:
    """The resources with room on the node's disk, where the job asks for some."""
    plain = {kind: dict(amounts) for kind, amounts in resources.items()}
    if disk_gib:
        for kind in ("requests", "limits"):
            plain.setdefault(kind, {})["ephemeral-storage"] = f"{round(disk_gib * 1024)}Mi"
    return plain


def laid_over(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Objects merge key by key, lists of named things by name; all else is replaced."""
    merged = dict(own)
    for key, value in other.items():
        there = merged.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            merged[key] = laid_over(there, value)
        elif isinstance(there, list) and isinstance(value, list) and _named(there) and _named(value):
            by_name = {item["name"]: item for item in there}
            by_name |= {item["name"]: laid_over(by_name.get(item["name"], {}), item) for item in value}
            merged[key] = list(by_name.values())
        else:
            merged[key] = value
    return merged


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, Mapping) and "name" in item for item in items)


def _metadata(
    settings: KubernetesSettings, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "labels": {**settings.labels, **labels},
        "annotations": {**_STAY, **settings.annotations, **annotations},
    }


def _container(name: str, settings: KubernetesSettings) -> dict[str, Any]:
    secrets = [{"secretRef": {"name": secret}} for secret in settings.env_from_secrets]
    return {
        "name": name,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "work", "mountPath": names.SCRATCH}, {"name": "tmp", "mountPath": "/tmp"}],
        **({"envFrom": secrets} if secrets else {}),
    }


def _pod(
    settings: KubernetesSettings, block: KubernetesBlock, node_selector: Mapping[str, str], disk_gib: float
) -> dict[str, Any]:
    room = {"sizeLimit": f"{round(disk_gib * 1024)}Mi"} if disk_gib else {}
    spec: dict[str, Any] = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "enableServiceLinks": False,
        "volumes": [{"name": "work", "emptyDir": room}, {"name": "tmp", "emptyDir": {}}],
    }
    tolerations = [taint.manifest() for taint in (*settings.tolerations, *block.tolerations)]
    optional = {
        "nodeSelector": dict(node_selector),
        "tolerations": tolerations,
        "priorityClassName": settings.priority_class,
        "schedulerName": settings.scheduler_name,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }
    return {**spec, **{key: value for key, value in optional.items() if value}}
