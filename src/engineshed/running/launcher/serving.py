"""The image that a code location serves with now: what its runs start from.

What the release says (the annotation of its Service) changes before its new code server is ready, and stays when that
one never gets ready: runs would start from an image that cannot be pulled, while the old code server still plans them.
So the release's word holds only while a ready pod behind the Service has that image, or where none is ready.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from dagster_k8s.client import DagsterK8sUnrecoverableAPIError, k8s_api_retry
from kubernetes.client import ApiException, CoreV1Api, V1Pod, V1Service

from engineshed.discovery import marks
from engineshed.discovery.listing import CodeLocation

_LOG = logging.getLogger(__name__)

_ATTEMPTS = 3
_PAUSE_S = 2.0
_CALL_TIMEOUT_S = 10


def served_image(core_api: CoreV1Api, location: CodeLocation) -> str:
    """The image of the newest ready code server where none has the one that the release says; else the release's."""
    try:
        images = list(_images(core_api, location))
    except DagsterK8sUnrecoverableAPIError as error:
        if not isinstance(error.__cause__, ApiException) or error.__cause__.status not in (403, 404):
            raise
        _LOG.warning("the code server of %s cannot be read, its release's word is taken: %s", location.name, error)
        return location.image
    if not images or location.image in images:
        return location.image
    _LOG.warning(
        "%s serves with %s; %s, which its release says, is not ready", location.name, images[0], location.image
    )
    return images[0]


def _images(core_api: CoreV1Api, location: CodeLocation) -> Iterator[str]:
    """Of the ready pods behind the Service, the newest first."""
    service: V1Service = _asked(core_api.read_namespaced_service, location.service, location.namespace)
    selector = ",".join(f"{key}={value}" for key, value in (service.spec.selector or {}).items())
    if not selector:
        return
    pods: list[V1Pod] = _asked(core_api.list_namespaced_pod, location.namespace, label_selector=selector).items
    ports = {port.target_port or port.port for port in service.spec.ports or () if port.port == location.port}
    for pod in sorted(filter(_is_ready, pods), key=lambda each: each.metadata.creation_timestamp, reverse=True):
        image = _image(pod, ports)
        if marks.is_whole(marks.IMAGE_REFERENCE, image):
            yield str(image)


def _asked(call: Any, *names: str, **options: str) -> Any:
    return k8s_api_retry(
        lambda: call(*names, **options, _request_timeout=_CALL_TIMEOUT_S), max_retries=_ATTEMPTS, timeout=_PAUSE_S
    )


def _is_ready(pod: V1Pod) -> bool:
    conditions = pod.status.conditions or ()
    ready = any(each.type == "Ready" and each.status == "True" for each in conditions)
    return ready and pod.metadata.deletion_timestamp is None


def _image(pod: V1Pod, ports: set[object]) -> str | None:
    """Of the container that takes the Service's requests: a mesh may have put others beside it."""
    containers = pod.spec.containers
    serving = [c for c in containers if any({p.name, p.container_port} & ports for p in c.ports or ())]
    chosen = serving or (containers if len(containers) == 1 else [])
    return str(chosen[0].image) if chosen else None
