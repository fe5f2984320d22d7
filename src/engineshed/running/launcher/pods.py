"""The check of the pod of a run: account, image, volumes, security. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engineshed.running.launcher.fields import Json, closed, expect, part, parts
from engineshed.running.launcher.warrant import Warrant

TEAM_VARIABLE = "ENGINESHED_TEAM"

_POD = frozenset(
    {
        "activeDeadlineSeconds",
        "affinity",
        "automountServiceAccountToken",
        "containers",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "hostAliases",
        "hostname",
        "imagePullSecrets",
        "initContainers",
        "nodeSelector",
        "os",
        "preemptionPolicy",
        "priorityClassName",
        "readinessGates",
        "resources",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "securityContext",
        "serviceAccountName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
    }
)
_CONTAINER = frozenset(
    {
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resources",
        "restartPolicy",
        "securityContext",
        "startupProbe",
        "stdin",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeMounts",
        "workingDir",
    }
)
#: The kinds of volumes that the profile "restricted" allows.
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "name",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


def pod_faults(pod: Json, warrant: Warrant) -> Iterator[str]:
    """Every way in which the pod reaches further than its warrant."""
    yield from closed(pod, _POD, "pod.spec")
    yield from expect(pod.get("serviceAccountName"), warrant.service_account, "pod.spec.serviceAccountName")
    yield from expect(pod.get("restartPolicy"), "Never", "pod.spec.restartPolicy")
    if str(pod.get("priorityClassName", "")).startswith("system-"):
        yield f"pod.spec.priorityClassName {pod['priorityClassName']!r} is the cluster's own"
    yield from _security_faults(part(pod, "securityContext"), "pod.spec.securityContext")
    for volume in parts(pod, "volumes"):
        yield from closed(volume, _VOLUMES, f"pod.spec.volumes[{volume.get('name')}]")
    containers = parts(pod, "containers")
    if not containers or containers[0].get("args") != list(warrant.arguments):
        yield "pod.spec.containers[0].args are not those of the run"
    for each in (*containers, *parts(pod, "initContainers")):
        yield from _container_faults(each, f"container {str(each.get('name'))[:63]!r}", warrant)
    yield from _team_faults(containers[0] if containers else {}, warrant.team)


def _container_faults(container: Json, place: str, warrant: Warrant) -> Iterator[str]:
    yield from closed(container, _CONTAINER, place)
    yield from expect(container.get("image"), warrant.image, f"{place}.image")
    yield from _security_faults(part(container, "securityContext"), f"{place}.securityContext")
    if any(port.get("hostPort") or port.get("hostIP") for port in parts(container, "ports")):
        yield f"{place}.ports may not name a port of the host"


def _team_faults(container: Json, team: str) -> Iterator[str]:
    said = [each for each in parts(container, "env") if each.get("name") == TEAM_VARIABLE]
    if not said:
        yield f"env {TEAM_VARIABLE} is missing"
    for each in said:
        yield from expect(each.get("value"), team, f"env {TEAM_VARIABLE}")


def _security_faults(security: Json, place: str) -> Iterator[str]:
    for key in ("privileged", "allowPrivilegeEscalation"):
        if security.get(key):
            yield f"{place}.{key} may not be true"
    if security.get("runAsNonRoot") is False:
        yield f"{place}.runAsNonRoot may not be false"
    if security.get("runAsUser") == 0:
        yield f"{place}.runAsUser may not be 0"
    if security.get("procMount") not in (None, "Default"):
        yield f"{place}.procMount must be Default"
    for key in ("sysctls", "windowsOptions"):
        if security.get(key):
            yield f"{place}.{key} may not be set"
    for key in ("seccompProfile", "appArmorProfile"):
        if part(security, key).get("type") == "Unconfined":
            yield f"{place}.{key}.type may not be Unconfined"
    yield from _capability_faults(part(security, "capabilities").get("add"), place)


def _capability_faults(added: object, place: str) -> Iterator[str]:
    names: Sequence[Any] = added if isinstance(added, list) else []
    for name in names:
        if name != "NET_BIND_SERVICE":
            yield f"{place}.capabilities.add may not hold {name!r}"
